"""The panel's addresses and `/bare/`."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from simpledeploy_site.urls import urlpatterns as site_urlpatterns


def bare(request: HttpRequest) -> HttpResponse:
    """The base template with nothing in it; navigation and account menu are its own."""
    return render(request, "base.html")


urlpatterns = [path("bare/", bare), *site_urlpatterns]
