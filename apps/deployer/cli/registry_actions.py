"""What the subcommands of `manage.py registry` do."""

import getpass
import sys
from typing import Any

from apps.accounts.actor import Actor
from apps.core.errors import DomainError, NotFound
from apps.deployer.cli.command import SUCCEEDED
from apps.deployer.cli.output import Output
from apps.deployer.registry_login import check_login
from apps.registries.models import RegistryCredential
from apps.registries.services import get_credential, remove_credential, save_credential

# Far more than any password or token has; a whole file that was piped in by mistake is refused.
_PASSWORD_AT_MOST = 64 * 1024


class UnreadablePassword(DomainError):
    """A password that standard input does not give."""


def add(options: dict[str, Any], output: Output) -> int:
    """Store the credential of a registry, or change the one that is there."""
    only_apps = " ".join(options["only_app"] or _apps_of_before(options))
    password = _password(options["host"], options["username"])
    credential, is_new = save_credential(
        options["host"], options["username"], password, Actor.from_command_line(), only_apps
    )
    _tell(output, credential, "added" if is_new else "changed")
    return SUCCEEDED


def list_all(options: dict[str, Any], output: Output) -> int:
    """List the credentials, never their passwords."""
    credentials = list(RegistryCredential.objects.order_by("-pk"))
    if output.as_json:
        output.json([_record(credential) for credential in credentials])
        return SUCCEEDED
    output.table(
        ["REGISTRY", "USERNAME", "FOR APPS"],
        [[c.host, c.username, c.only_apps or "every app"] for c in credentials],
    )
    return SUCCEEDED


def remove(options: dict[str, Any], output: Output) -> int:
    """Delete the credential of a registry."""
    credential = get_credential(options["host"])
    record = _record(credential)
    remove_credential(credential.host, Actor.from_command_line())
    if output.as_json:
        output.json(record)
    else:
        output.lines([f"{credential.host}: removed."])
    return SUCCEEDED


def check(options: dict[str, Any], output: Output) -> int:
    """Log in to a registry with its credential."""
    credential = get_credential(options["host"])
    check_login(credential)
    _tell(output, credential, f"{credential.username} may log in")
    return SUCCEEDED


def _tell(output: Output, credential: RegistryCredential, what: str) -> None:
    if output.as_json:
        output.json(_record(credential))
    else:
        output.lines([f"{credential.host}: {what}."])


def _record(credential: RegistryCredential) -> dict[str, Any]:
    return {
        "host": credential.host,
        "username": credential.username,
        "only_apps": credential.only_apps.split(),
        "created_at": credential.created_at.isoformat(),
        "updated_at": credential.updated_at.isoformat(),
    }


def _apps_of_before(options: dict[str, Any]) -> list[str]:
    """Return the apps that the stored credential is for, so that a new password does not open it to more."""
    if options["every_app"]:
        return []
    try:
        return get_credential(options["host"]).only_apps.split()
    except NotFound:
        return []


def _password(host: str, username: str) -> str:
    """Return the password from standard input, asked for without echo where that is a terminal."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Password of {username} at {host}: ")
    raw = sys.stdin.buffer.read(_PASSWORD_AT_MOST + 1)
    if len(raw) > _PASSWORD_AT_MOST:
        raise UnreadablePassword("Standard input holds far more than a password. Nothing was changed.")
    try:
        # One line end is the pipe's, as in `echo secret | ...`; more are refused as part of the password.
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UnreadablePassword("The password is not UTF-8 text. Nothing was changed.") from None
