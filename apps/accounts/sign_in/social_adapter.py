"""What django-allauth does differently for people of the provider of accounts."""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.sign_in.oidc import admit
from apps.accounts.sign_in.oidc_adapter import configured_app
from apps.core.errors import DomainError

logger = logging.getLogger(__name__)


class SocialAdapter(DefaultSocialAccountAdapter):
    """One provider, from the settings; accounts by its groups, and never by what an account is called."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        app = configured_app()
        return [] if app is None else [app]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        claims = sociallogin.account.extra_data
        user = sociallogin.user if sociallogin.is_existing else None
        name = user.get_username() if user else str(claims.get("preferred_username", ""))[:150]
        by = Actor.stranger(request, name)
        try:
            admit(claims, user, by, lambda new: sociallogin.connect(request, new))
        except DomainError as error:
            record(by, AuditAction.SIGN_IN_FAILED, f"person {name}", outcome="refused")
            messages.error(request, str(error))
            raise ImmediateHttpResponse(redirect("account_login")) from None

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        # The exception's own words may repeat what the provider sent.
        logger.warning("OpenID Connect: %s %s", error, type(exception).__name__ if exception else "")
        by = Actor.stranger(request, settings.SIMPLEDEPLOY_OIDC_NAME)
        record(by, AuditAction.SIGN_IN_FAILED, settings.SIMPLEDEPLOY_OIDC_NAME, outcome="refused")
        messages.error(
            request,
            gettext("Signing in by %(provider)s did not work. Try again.")
            % {"provider": settings.SIMPLEDEPLOY_OIDC_NAME},
        )
        raise ImmediateHttpResponse(redirect("account_login"))
