"""Views of the panel; filled in by the next commits."""

from django.http import HttpRequest, HttpResponse


def index(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def add(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def change(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def remove(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def check(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)
