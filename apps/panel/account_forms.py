"""Allauth's forms in the panel's look."""

from typing import Any

from allauth.account import forms
from django.forms import Form


def _dress(form: Form) -> None:
    for field in form.fields.values():
        field.widget.attrs["class"] = "form-control"
        # The label says it already.
        field.widget.attrs.pop("placeholder", None)


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
        self.fields["oldpassword"].label = "Present password"
        self.fields["password1"].label = "New password"
        self.fields["password2"].label = "New password, again"
