"""Signing in by the provider of accounts (OpenID Connect)."""

import secrets

from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET
from requests import RequestException

from apps.accounts.setup import is_unclaimed
from apps.accounts.sign_in.oidc_adapter import NONCE_KEY, OIDCAdapter, configured_app
from apps.core.errors import NotFound
from apps.panel.views.account import too_often

# What a provider can answer that is not of the protocol, and how the readers of it fail.
_NOT_OF_THE_PROTOCOL = (OAuth2Error, RequestException, LookupError, TypeError, ValueError, AttributeError)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Lead to the provider; with `again`, where one has to show there anew who one is.

    By a link, not by a form: the content security policy lets no form lead to another host.
    """
    adapter = _adapter(request)
    if isinstance(adapter, HttpResponse):
        return adapter
    if ratelimit.consume(request, app="allauth.account", action="login", limit_get=True) is None:
        return too_often(request)
    nonce = request.session[NONCE_KEY] = secrets.token_urlsafe(24)
    asked = {"nonce": nonce} | ({"prompt": "login", "max_age": "0"} if "again" in request.GET else {})
    try:
        provider = adapter.get_provider()
        answer: HttpResponse = provider.redirect(
            request, AuthProcess.LOGIN, next_url=get_next_redirect_url(request), auth_params=asked
        )
    except _NOT_OF_THE_PROTOCOL as error:
        return _failed(request, error)
    return answer


@never_cache
@require_GET
@sensitive_variables()
def callback(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer, and sign in."""
    adapter = _adapter(request)
    if isinstance(adapter, HttpResponse):
        return adapter
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(adapter)(request)
    except _NOT_OF_THE_PROTOCOL as error:
        return _failed(request, error)
    return answer


def _adapter(request: HttpRequest) -> OIDCAdapter | HttpResponse:
    if is_unclaimed():
        return render(request, "account/unclaimed.html", status=403)
    app = configured_app()
    if app is None:
        raise NotFound(gettext("This panel has no other way to sign in."))
    return OIDCAdapter(request, app.provider_id)


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    try:
        get_adapter().on_authentication_error(request, None, exception=error)
    except ImmediateHttpResponse as answer:
        return answer.response
    raise error
