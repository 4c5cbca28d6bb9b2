"""Answers for refused requests."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.audit.refusals import record_refusal
from apps.accounts.rate_limits import TooManyRequests
from apps.accounts.sign_in.second_factor import is_missing
from apps.core.database import CountsUnusable, DatabaseUnusable, is_of_redis
from apps.core.errors import DomainError, NotAllowed
from apps.panel.access import page_to_come_back_to, wants_fragment, whole_page_to

logger = logging.getLogger(__name__)

_TITLES = {
    403: gettext_lazy("You may not do this"),
    404: gettext_lazy("Not found"),
    409: gettext_lazy("Not possible at the moment"),
    429: gettext_lazy("Tried too often"),
    503: gettext_lazy("Not possible at the moment"),
}


class WholeAddressMiddleware:
    """Refuse addresses with a NUL byte: no object has one in its name, and PostgreSQL takes none to look."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META["QUERY_STRING"]:
            return refusal(
                request, DomainError(gettext("This address holds a NUL byte, which nothing here has."))
            )
        return self.get_response(request)


class DomainErrorMiddleware:
    """Turn a DomainError that a view raises into a page, or for htmx into a fragment, with its sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError):
            logger.error("The database refused %s %s: %s", request.method, request.path, exception)
            return refusal(request, DatabaseUnusable.of(exception))
        if is_of_redis(exception):
            # What must be counted is refused where it cannot be: nobody may guess passwords meanwhile.
            logger.error("REDIS_URL: %s for %s %s", type(exception).__name__, request.method, request.path)
            return refusal(
                request, CountsUnusable(gettext("Redis does not answer, so nothing was done. Try again."))
            )
        if isinstance(exception, NotAllowed | PermissionDenied) and request.user.is_authenticated:
            record_refusal(request)
        if isinstance(exception, DomainError):
            return refusal(request, exception)
        return None


class SecondFactorMiddleware:
    """Lead who lacks the second factor that is required of them to setting it up; nothing else is open."""

    _OPEN = frozenset(
        {"account_logout", "account_reauthenticate", "mfa_reauthenticate", "healthz", "set_language", "texts"}
    ) | {f"mfa_{name}" for name in ("index", "activate_totp", "add_webauthn", "view_recovery_codes")}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is not None and match.view_name in self._OPEN:
            return None
        if not request.user.is_authenticated or not is_missing(request.user):
            return None
        return whole_page_to(request, reverse("mfa_index"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token of this sign-in: Django's own page is no part of a page for htmx."""
    sentence = gettext(
        "The form was open for so long, or in so many tabs, that the panel could not be sure it came from "
        "you. Nothing was changed. Go back, load the page anew and try again."
    )
    return refusal(request, NotAllowed(sentence), gettext("Please send it again"))


def refusal(request: HttpRequest, error: DomainError, title: str = "") -> HttpResponse:
    """Return the answer that says `error` to the person behind `request`."""
    titled = title or _TITLES.get(error.http_status, gettext("This was not done"))
    context = {"title": titled, "error": error}
    if wants_fragment(request):
        response = render(request, "partials/problem.html", context, status=error.http_status)
        response["HX-Retarget"] = "#problem"
        response["HX-Reswap"] = "innerHTML"
    else:
        if request.method == "POST":
            context["back"] = page_to_come_back_to(request)
        response = render(request, "error.html", context, status=error.http_status)
    if isinstance(error, TooManyRequests):
        response["Retry-After"] = "60"
    return response
