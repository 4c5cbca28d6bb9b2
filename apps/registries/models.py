"""Credentials for private registries."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy

from apps.core.fields import EncryptedTextField
from apps.registries.references import InvalidRegistryHost, normalise_host


def validate_host(text: str) -> None:
    """Raise ValidationError where `text` names no registry."""
    try:
        normalise_host(text)
    except InvalidRegistryHost as error:
        raise ValidationError(str(error)) from None


class RegistryCredential(models.Model):
    """A user name and password for one registry host, and the apps that may pull with it."""

    host = models.CharField(
        max_length=255,
        unique=True,
        validators=[validate_host],
        help_text="docker.io, ghcr.io, registry.example.com:5000 ...",
    )
    username = models.CharField(max_length=255)
    password = EncryptedTextField()
    only_apps = models.TextField(
        gettext_lazy("only for apps"),
        blank=True,
        default="",
        help_text=gettext_lazy("Slugs of the apps that may use it, separated by spaces. Empty: every app."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "registry_credentials"
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host

    def save(self, *args: object, **kwargs: object) -> None:
        self.host = normalise_host(self.host)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def usable_by(self, slug: str) -> bool:
        """Tell whether the app named `slug` may pull with this credential."""
        return not self.only_apps.split() or slug in self.only_apps.split()
