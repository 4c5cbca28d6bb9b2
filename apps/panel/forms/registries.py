"""The form of a registry's credential."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from apps.registries.models import RegistryCredential
from apps.registries.references import InvalidRegistryHost, normalise_host


class RegistryForm(forms.ModelForm):
    """A credential; the password is never shown, and one that is left empty stays as it is."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"}),
    )

    class Meta:
        model = RegistryCredential
        fields = ["host", "username", "only_apps"]
        labels = {"username": gettext_lazy("User name")}
        widgets = {
            "host": forms.TextInput(
                attrs={"class": "form-control", "autocapitalize": "off", "spellcheck": "false"}
            ),
            "username": forms.TextInput(
                attrs={"class": "form-control", "autocomplete": "off", "autocapitalize": "off"}
            ),
            "only_apps": forms.TextInput(attrs={"class": "form-control", "spellcheck": "false"}),
        }

    field_order = ("host", "username", "password", "only_apps")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["host"].disabled = True
            self.fields["password"].required = False
            self.fields["password"].help_text = gettext("Leave it empty to keep the one that is stored.")

    def clean_host(self) -> str:
        try:
            return normalise_host(self.cleaned_data["host"])
        except InvalidRegistryHost as error:
            raise forms.ValidationError(str(error)) from None
