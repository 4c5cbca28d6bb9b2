"""Allauth's forms in the panel's look."""

import struct
from typing import Any

from allauth.account import forms
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, ReauthenticateWebAuthnForm
from django.core.validators import MaxLengthValidator
from django.forms import Form
from django.utils.translation import gettext, gettext_noop

# Said by allauth's form, whose own catalogue is not read.
PASSWORDS_DIFFER = gettext_noop("You must type the same password each time.")


def _dress(form: Form) -> None:
    for field in form.fields.values():
        field.widget.attrs["class"] = "form-control"
        # The label says it already.
        field.widget.attrs.pop("placeholder", None)


def _dress_code(form: Form) -> None:
    form.fields["code"].widget.attrs |= {"autofocus": True, "inputmode": "numeric"}
    form.fields["code"].help_text = gettext("From your authenticator app, or one of your recovery codes.")


class SignInForm(forms.LoginForm):
    """User name and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["login"].widget.attrs |= {"autocapitalize": "none", "autofocus": True}

    def add_prefix(self, field_name: str) -> str:
        # The name that password managers and scripts know.
        return "username" if field_name == "login" else super().add_prefix(field_name)


class ConfirmForm(forms.ReauthenticateForm):
    """The password of whoever is signed in, once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["password"].widget.attrs["autofocus"] = True


class OwnPasswordForm(forms.ChangePasswordForm):
    """The present password, and a new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["oldpassword"].label = gettext("Present password")
        self.fields["password1"].label = gettext("New password")
        self.fields["password2"].label = gettext("New password, again")


class CodeForm(AuthenticateForm):
    """A code from an authenticator app, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        _dress_code(self)


class ConfirmCodeForm(ReauthenticateForm):
    """Such a code of whoever is signed in, once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        _dress_code(self)


class ActivateAppForm(ActivateTOTPForm):
    """The first code that an authenticator app shows; it is good for nothing after that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["code"].label = gettext("Code")
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        code: str = super().clean_code()
        if not TOTP(Authenticator(user=self.user))._mark_code_used(code):
            raise get_adapter().validation_error("incorrect_code")
        return code


# How the readers of a credential fail at what no browser sends.
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)


class KeyForm(AuthenticateWebAuthnForm):
    """What a browser signed with a security key."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except _UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None


class ConfirmKeyForm(KeyForm, ReauthenticateWebAuthnForm):
    """The same, of whoever is signed in, once more."""

    reauthenticated = True


class AddKeyForm(AddWebAuthnForm):
    """What a browser made with a security key, and a name for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"class": "form-control", "maxlength": "100"}
        self.fields["name"].validators.append(MaxLengthValidator(100))

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except _UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None
        return cleaned
