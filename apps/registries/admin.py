"""Registry credentials, for administrators. A password goes in and never comes out."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts.actor import Actor
from apps.accounts.admin_access import PolicyAdmin
from apps.accounts.policy import Permission
from apps.core.secret import Secret
from apps.registries.models import RegistryCredential
from apps.registries.references import InvalidRegistryHost, normalise_host
from apps.registries.services import remove_credential, store_credential


class CredentialForm(forms.ModelForm):
    """A credential whose password is only written."""

    new_password = forms.CharField(
        label=gettext_lazy("Password or token"),
        strip=False,
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "It is stored encrypted and never shown again. Left empty, the stored one stays."
        ),
    )

    class Meta:
        model = RegistryCredential
        fields = ("host", "username", "only_apps")
        widgets = {"only_apps": forms.Textarea(attrs={"rows": 2})}

    def clean_host(self) -> str:
        # Before the check for a second credential: docker.io and index.docker.io are one registry.
        try:
            return normalise_host(self.cleaned_data["host"])
        except InvalidRegistryHost as error:
            raise forms.ValidationError(str(error)) from None

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if ":" in username or re.search(r"[\x00-\x1f\x7f]", username):
            # A colon would end the user name early in HTTP basic authentication (RFC 7617, section 2).
            raise forms.ValidationError(gettext("A user name holds no colon and no control characters."))
        return username

    def clean_only_apps(self) -> str:
        return " ".join(self.cleaned_data["only_apps"].split())

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if not password and self.instance.pk is None:
            raise forms.ValidationError(gettext("A new credential needs its password."), code="required")
        if re.search(r"[\x00\r\n]", password):
            raise forms.ValidationError(gettext("A password holds no line break."))
        if password:
            self.instance.password = Secret(password)
        return password


@admin.register(RegistryCredential)
class CredentialAdmin(PolicyAdmin):
    to_view = to_add = to_change = to_delete = Permission.MANAGE_REGISTRIES
    secret_fields = ("password",)
    form = CredentialForm
    fields = ("host", "username", "new_password", "only_apps")
    list_display = ("host", "username", "only_apps", "updated_at")
    search_fields = ("host", "username")

    def get_readonly_fields(
        self, request: HttpRequest, obj: RegistryCredential | None = None
    ) -> tuple[str, ...]:
        # A stored password must not be sent to another host by whoever does not know it.
        return ("host",) if obj else ()

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: RegistryCredential, form: Any, change: bool) -> None:
        store_credential(obj, Actor.from_request(request))

    def delete_model(self, request: HttpRequest, obj: RegistryCredential) -> None:
        remove_credential(obj.host, Actor.from_request(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RegistryCredential]) -> None:
        with transaction.atomic():
            # All are locked before the first entry of the audit: whoever writes one should wait for nobody.
            for credential in queryset.order_by("pk").select_for_update():
                self.delete_model(request, credential)
