"""Addresses of one's own second factors, by the names that allauth knows them by."""

from django.urls import path

from apps.panel.views import second_factor

urlpatterns = [
    path("", second_factor.index, name="mfa_index"),
    path("app/", second_factor.ActivateApp.as_view(), name="mfa_activate_totp"),
    path("app/remove/", second_factor.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("keys/add/", second_factor.AddKey.as_view(), name="mfa_add_webauthn"),
    path("keys/<int:pk>/remove/", second_factor.RemoveKey.as_view(), name="mfa_remove_webauthn"),
    path("codes/", second_factor.Codes.as_view(), name="mfa_view_recovery_codes"),
    path("codes/new/", second_factor.NewCodes.as_view(), name="mfa_generate_recovery_codes"),
]
