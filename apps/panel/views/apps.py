"""Views of the panel; filled in by the next commits."""

from django.http import HttpRequest, HttpResponse


def index(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def new(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def row(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def edit(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def settings(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def remove(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def scale(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)


def lifecycle(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=501)
