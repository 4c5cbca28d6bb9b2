"""Views of the panel; filled in by the next commits."""

from django.http import HttpRequest, HttpResponse


def index(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def rollback(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)
