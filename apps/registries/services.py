"""What the panel and the command line do with registry credentials."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.audit.changes import only_changed, stored, values
from apps.core.errors import DomainError, NotFound
from apps.core.secret import Secret
from apps.registries.models import RegistryCredential
from apps.registries.references import normalise_host, registry_of


class InvalidCredential(DomainError):
    """A credential that lacks a part or has one that cannot be stored."""


# What the audit tells of a credential; the password only as a mask, which says that it was set.
_AUDITED = ("username", "password", "only_apps")


def save_credential(
    host: str, username: str, password: str, by: Actor, only_apps: str = ""
) -> tuple[RegistryCredential, bool]:
    """Add the credential for registry `host`, or change the one that is there; return it and "is new".

    Raises InvalidRegistryHost and InvalidCredential.
    """
    if not password:
        raise InvalidCredential(gettext("The password is empty."))
    if "\x00" in password + username or "\n" in password.rstrip("\n") or ":" in username:
        # A colon would end the user name early in HTTP basic authentication (RFC 7617, section 2).
        raise InvalidCredential(
            gettext("A user name holds no colon, and neither part a line break or a NUL byte.")
        )
    host = normalise_host(host)
    credential = RegistryCredential.objects.filter(host=host).first() or RegistryCredential(host=host)
    is_new = credential.pk is None
    credential.username = username.strip()
    credential.password = Secret(password.rstrip("\n"))
    credential.only_apps = " ".join(only_apps.split())
    try:
        credential.full_clean(validate_unique=False)
    except ValidationError as error:
        raise InvalidCredential("; ".join(error.messages)) from None
    store_credential(credential, by)
    return credential, is_new


def store_credential(credential: RegistryCredential, by: Actor) -> None:
    """Store `credential`, new or changed, whose fields were checked before."""
    with transaction.atomic():
        old = stored(credential, _AUDITED)
        before, after = only_changed(old, values(credential, _AUDITED))
        credential.save()
        action = AuditAction.REGISTRY_CHANGED if old else AuditAction.REGISTRY_ADDED
        record(by, action, f"registry {credential.host}", before=before or None, after=after)


def get_credential(host: str) -> RegistryCredential:
    """Return the credential for registry `host`. Raises NotFound where there is none."""
    host = normalise_host(host)
    credential = RegistryCredential.objects.filter(host=host).first()
    if credential is None:
        raise NotFound(gettext("There is no credential for %(host)s.") % {"host": host})
    return credential


def remove_credential(host: str, by: Actor) -> None:
    """Delete the credential for registry `host`. Raises NotFound where there is none."""
    credential = get_credential(host)
    with transaction.atomic():
        before = values(credential, _AUDITED)
        credential.delete()
        record(by, AuditAction.REGISTRY_REMOVED, f"registry {credential.host}", before=before)


def credentials_for(images: Iterable[str], slug: str) -> list[RegistryCredential]:
    """Return the credentials of just those registries that `images` come from and app `slug` may use."""
    hosts = {registry_of(image) for image in images}
    return [c for c in RegistryCredential.objects.filter(host__in=hosts) if c.usable_by(slug)]
