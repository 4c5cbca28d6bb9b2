"""Second factors: giving one while signing in, confirming by one, setting one up and removing it."""

import json
from typing import Any

from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from apps.accounts.models import User
from apps.accounts.sign_in.second_factor import is_missing
from apps.panel.access import recently_signed_in, signed_in

_dangerous = [signed_in, recently_signed_in]


class _KeyOptions:
    """Gives the template, as JSON, what the browser is to ask the security key for."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        data = context["js_data"]
        options = data.get("creation_options") or data.get("request_options")
        return context | {"key_options": json.dumps(options, cls=DjangoJSONEncoder)}


@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class Authenticate(_KeyOptions, base.AuthenticateView):
    """The second step of signing in."""


@method_decorator([signed_in, sensitive_post_parameters("code")], name="dispatch")
class ConfirmByCode(base.ReauthenticateView):
    """A code once more, before something dangerous."""


@method_decorator(signed_in, name="dispatch")
class ConfirmByKey(_KeyOptions, webauthn.ReauthenticateWebAuthnView):
    """A security key once more, before something dangerous."""


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """One's second factors."""
    assert isinstance(request.user, User)
    found = Authenticator.objects.filter(user=request.user).order_by("pk")
    by_type: dict[str, list[Authenticator]] = {kind: [] for kind in Authenticator.Type}
    for authenticator in found:
        by_type[authenticator.type].append(authenticator)
    recovery = next(iter(by_type[Authenticator.Type.RECOVERY_CODES]), None)
    context = {
        "totp": next(iter(by_type[Authenticator.Type.TOTP]), None),
        "keys": by_type[Authenticator.Type.WEBAUTHN],
        "codes": recovery,
        "codes_left": len(recovery.wrap().get_unused_codes()) if recovery else 0,
        "missing": is_missing(request.user),
    }
    return render(request, "mfa/index.html", context)


@method_decorator(_dangerous, name="dispatch")
class ActivateApp(totp.ActivateTOTPView):
    """Setting up an authenticator app."""


@method_decorator(_dangerous, name="dispatch")
class RemoveApp(totp.DeactivateTOTPView):
    """Removing the authenticator app."""


@method_decorator(_dangerous, name="dispatch")
class AddKey(_KeyOptions, webauthn.AddWebAuthnView):
    """Adding a security key."""


@method_decorator(_dangerous, name="dispatch")
class RemoveKey(webauthn.RemoveWebAuthnView):
    """Removing a security key."""

    success_url = reverse_lazy("mfa_index")


@method_decorator(_dangerous, name="dispatch")
class Codes(codes.ViewRecoveryCodesView):
    """The recovery codes, once."""


@method_decorator(_dangerous, name="dispatch")
class NewCodes(codes.GenerateRecoveryCodesView):
    """New recovery codes in place of the ones before."""
