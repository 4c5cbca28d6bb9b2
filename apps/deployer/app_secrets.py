"""What is hidden in output: the values of environments, and every registry password."""

from collections.abc import Iterable
from contextlib import suppress

from apps.applications import environment
from apps.applications.models import App, ComposeVersion
from apps.core.secret import UndecryptableError
from apps.deployer.redaction import Redactor
from apps.deployments.models import DeployEvent
from apps.registries.models import RegistryCredential

# Containers that a failed deploy or a change by hand left may be of one of the last versions.
_LAST = 5


def redactor_of(environments: Iterable[str]) -> Redactor:
    """Return what hides the values of these environments (texts of `.env` files) and registry passwords."""
    passwords = []
    for credential in RegistryCredential.objects.all():
        # One that cannot be decrypted cannot be used either, and must not stop other apps.
        with suppress(UndecryptableError):
            passwords.append(credential.password.reveal())
    values = {value for text in environments for value in environment.values(text).values()}
    return Redactor(values, passwords=passwords)


def redactor_of_containers(app: App) -> Redactor:
    """Return what hides the environments that containers of `app` may have.

    These are the environments of the current version, of the last five and of those that are being
    deployed. Raises UndecryptableError where that of the current version cannot be read: nobody knows then
    what to hide.
    """
    coming = DeployEvent.objects.active().filter(app=app).values_list("version", flat=True)
    recent = ComposeVersion.objects.filter(app=app).order_by("-number").values_list("pk", flat=True)[:_LAST]
    current = App.objects.values_list("current_version", flat=True).get(pk=app.pk)
    texts = []
    for version in ComposeVersion.objects.filter(pk__in={*recent, *coming, current} - {None}):
        try:
            texts.append(version.environment.reveal())
        except UndecryptableError:
            if version.pk == current:
                raise
    return redactor_of(texts)
