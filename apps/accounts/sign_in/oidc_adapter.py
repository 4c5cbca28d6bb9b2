"""The OpenID Connect protocol, where this panel asks for more than django-allauth does.

An ID token counts only with a signature of the provider's published keys, whatever way it came, and with
the nonce of this very sign-in (OpenID Connect Core 1.0, 3.1.3.7); what the userinfo endpoint says, only with
the same subject (5.3.2).
"""

import hashlib
from typing import Any, Final

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

NONCE_KEY: Final = "oidc_nonce"
# Signatures that only the provider can make; none with a secret that is shared.
_ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
_LEEWAY_SECONDS: Final = 30
_KEPT: Final = ("sub", "preferred_username", "given_name", "family_name")


def configured_app() -> SocialApp | None:
    """Return the panel's registration at its provider, None where the settings name none."""
    if not settings.SIMPLEDEPLOY_OIDC_ISSUER:
        return None
    return SocialApp(
        provider="openid_connect",
        # Subjects are the issuer's own: another issuer's people are other people.
        provider_id=f"oidc-{hashlib.sha256(settings.SIMPLEDEPLOY_OIDC_ISSUER.encode()).hexdigest()[:16]}",
        name=settings.SIMPLEDEPLOY_OIDC_NAME,
        client_id=settings.SIMPLEDEPLOY_OIDC_CLIENT_ID,
        secret=settings.SIMPLEDEPLOY_OIDC_CLIENT_SECRET,
        settings={
            "server_url": settings.SIMPLEDEPLOY_OIDC_ISSUER.rstrip("/"),
            "scope": settings.SIMPLEDEPLOY_OIDC_SCOPES,
            "oauth_pkce_enabled": True,
        },
    )


class OIDCAdapter(OpenIDConnectOAuth2Adapter):
    """The panel as a client of its provider."""

    def get_provider(self) -> Any:
        provider = super().get_provider()
        provider.oauth2_adapter_class = type(self)
        return provider

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("oidc-callback"))

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        claims = self._verified(app, str(kwargs["response"].get("id_token", "")))
        nonce = request.session.pop(NONCE_KEY, "")
        if not nonce or not constant_time_compare(str(claims.get("nonce", "")), nonce):
            raise OAuth2Error("The ID token is not of this sign-in.")
        if settings.SIMPLEDEPLOY_OIDC_GROUPS_CLAIM not in claims:
            told = self._fetch_user_info(token.token)
            if told.get("sub") != claims["sub"]:
                raise OAuth2Error("The userinfo endpoint told of somebody else.")
            claims = told | claims
        kept = {name: claims[name] for name in _KEPT if isinstance(claims.get(name), str)}
        kept["groups"] = _texts(claims.get(settings.SIMPLEDEPLOY_OIDC_GROUPS_CLAIM))
        return self.get_provider().sociallogin_from_response(request, kept)

    def _verified(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        """Return the claims of `id_token`. Raises OAuth2Error where it is not good for this panel."""
        with get_adapter().get_requests_session() as session:
            response = session.get(self.openid_config["jwks_uri"])
            response.raise_for_status()
        try:
            keys = jwt.PyJWKSet.from_dict(response.json())
            named = jwt.get_unverified_header(id_token).get("kid")
            key = next(key for key in keys.keys if named is None or key.key_id == named)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=app.client_id,
                issuer=settings.SIMPLEDEPLOY_OIDC_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            raise OAuth2Error(f"The ID token is not good: {type(error).__name__}.") from None
        return claims


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]
