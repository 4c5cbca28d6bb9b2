"""Signing in and out, and what people do with their own account."""

import re
from typing import Any

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.actor import Actor
from apps.accounts.audit.refusals import record_too_many
from apps.accounts.models import User
from apps.accounts.setup import is_unclaimed
from apps.accounts.sign_in.sessions import end_other_sessions, end_session, sessions_of
from apps.accounts.sign_in.throttling import TooManyAttempts, seconds_to_wait
from apps.core.errors import Conflict
from apps.panel.access import signed_in
from apps.panel.middleware.refusals import refusal

# Which of allauth's limits each page has.
_COUNTED = {
    "account_login": "login",
    "account_reauthenticate": "reauthenticate",
    "account_change_password": "change_password",
}


class SignIn(views.LoginView):
    """The sign-in page; on a panel without an account, the sentence that says how it gets its first."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_unclaimed():
            return render(request, "account/unclaimed.html", status=403)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if settings.SIMPLEDEPLOY_OIDC_ISSUER:
            context |= {
                "provider_name": settings.SIMPLEDEPLOY_OIDC_NAME,
                "provider_address": passthrough_next_redirect_url(
                    self.request, reverse("oidc-begin"), REDIRECT_FIELD_NAME
                ),
            }
        return context

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"):
            response.status_code = 429
            record_too_many(self.request)
        return response


@method_decorator(require_POST, name="dispatch")
class SignOut(views.LogoutView):
    """The end of a session; a link or a picture on another site cannot cause it."""


@method_decorator(signed_in, name="dispatch")
class Confirm(views.ReauthenticateView):
    """The password once more, before something dangerous; the provider for who has no other way."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.SIMPLEDEPLOY_OIDC_ISSUER and not get_adapter().get_reauthentication_methods(request.user):
            target = {"again": "", "next": get_next_redirect_url(request) or reverse("apps")}
            context = {
                "provider_name": settings.SIMPLEDEPLOY_OIDC_NAME,
                "address": f"{reverse('oidc-begin')}?{urlencode(target)}",
            }
            return render(request, "account/confirm_at_provider.html", context)
        return super().dispatch(request, *args, **kwargs)


@method_decorator(signed_in, name="dispatch")
class OwnPassword(views.PasswordChangeView):
    """A new password for oneself, which ends one's other sessions."""

    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        # The password and what the audit has about it are stored together.
        with transaction.atomic():
            return super().form_valid(form)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        assert isinstance(request.user, User)
        if not request.user.has_usable_password():
            raise Conflict(gettext("You sign in without a password, so there is none to change."))
        return super().dispatch(request, *args, **kwargs)


def too_often(request: HttpRequest) -> HttpResponse:
    """Say how long to wait; allauth answers with this where an address or a person tries too often."""
    match = request.resolver_match
    action = _COUNTED.get(match.url_name or "" if match else "", "login_failed")
    error = TooManyAttempts(seconds_to_wait(request, action))
    response = refusal(request, error)
    response["Retry-After"] = str(error.seconds)
    record_too_many(request)
    return response


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    return render(request, "account/index.html")


@signed_in
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; ends one of the sessions, or all others."""
    assert isinstance(request.user, User)
    if request.method == "GET":
        found = sessions_of(request.user)
        has_others = any(session.session_key != request.session.session_key for session in found)
        return render(request, "account/sessions.html", {"sessions": found, "has_others": has_others})
    by, which = Actor.from_request(request), request.POST.get("end", "")
    if which == "others":
        count = end_other_sessions(request.user, request.session.session_key, by)
        told = ngettext("%(count)s other session ended.", "%(count)s other sessions ended.", count)
        messages.success(request, told % {"count": count})
    else:
        end_session(request.user, int(which) if re.fullmatch(r"[0-9]{1,18}", which) else 0, by)
        messages.success(request, gettext("The session ended."))
    return redirect("account-sessions")
