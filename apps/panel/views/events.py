"""Views of the panel; filled in by the next commits."""

from django.http import HttpRequest, HttpResponse


def index(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def status(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def cancel(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def log_text(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)
