"""Addresses of the whole site."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from apps.panel.views import account, invitations, language, oidc, second_factor, tokens
from apps.panel.views.health import healthz
from apps.panel.views.setup import setup

# Allauth looks here for what answers who tries too often.
handler429 = "apps.panel.views.account.too_often"

urlpatterns = [
    path("admin/", admin.site.urls),
    # Of allauth only the views that are wanted, by its names: the panel has no open sign-up.
    path("login/", account.SignIn.as_view(), name="account_login"),
    path("logout/", account.SignOut.as_view(), name="account_logout"),
    path("account/", account.index, name="account"),
    path("account/confirm/", account.Confirm.as_view(), name="account_reauthenticate"),
    path("account/tokens/", tokens.index, name="tokens"),
    path("account/tokens/machines/", tokens.machine, name="token-machine"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("account/password/", account.OwnPassword.as_view(), name="account_change_password"),
    path("login/second-factor/", second_factor.Authenticate.as_view(), name="mfa_authenticate"),
    path("login/provider/", oidc.begin, name="oidc-begin"),
    path("login/provider/callback/", oidc.callback, name="oidc-callback"),
    path("account/confirm/code/", second_factor.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path("account/confirm/key/", second_factor.ConfirmByKey.as_view(), name="mfa_reauthenticate_webauthn"),
    path("account/second-factor/", include("apps.panel.second_factor_urls")),
    path("account/sessions/", account.sessions, name="account-sessions"),
    path("join/", invitations.use, name="join"),
    path("invitations/", invitations.index, name="invitations"),
    path("invitations/<int:pk>/withdraw/", invitations.remove, name="invitation-withdraw"),
    path("setup/", setup, name="setup"),
    path("language/", require_POST(set_language), name="set_language"),
    path("language/<str:language>.js", language.texts, name="texts"),
    path("healthz", healthz, name="healthz"),
    path("", include("apps.panel.urls")),
]
