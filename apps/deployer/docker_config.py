"""A Docker configuration for one event: the operator's own, with the app's registry credentials in it."""

import base64
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from apps.core.errors import DomainError
from apps.deployer.memory_folder import memory_folder
from apps.deployer.programs import operator_folder
from apps.registries.models import RegistryCredential
from apps.registries.references import config_key


class OperatorConfigUnreadable(DomainError):
    """The operator's own config.json is not JSON or cannot be read."""

    http_status = 500


@contextmanager
def docker_config(credentials: Iterable[RegistryCredential]) -> Iterator[Path]:
    """Make a memory-backed folder for DOCKER_CONFIG that holds `credentials`, and remove it at the end.

    DOCKER_CONFIG replaces the operator's whole configuration, so all of that but its `auths` is carried
    over: settings are copied, and everything beside config.json (cli-plugins, contexts) is linked.
    Raises NoMemoryFolder, OperatorConfigUnreadable and UndecryptableError.
    """
    operator = operator_folder()
    config = _operator_settings(operator / "config.json")
    config["auths"] = {config_key(c.host): {"auth": _basic_auth(c)} for c in credentials}
    if "credsStore" in config or "credHelpers" in config:
        # A credential store hides the file's entries; an empty helper for a host lets them through
        # (docker/cli, config/configfile: getConfiguredCredentialStore).
        helpers = config.setdefault("credHelpers", {})
        helpers.update(dict.fromkeys(config["auths"], ""))
    with memory_folder("docker-config") as folder:
        descriptor = os.open(folder / "config.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(config, file)
        if operator.is_dir():
            for entry in operator.iterdir():
                if entry.name != "config.json":
                    (folder / entry.name).symlink_to(entry)
        yield folder


def _operator_settings(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else gettext("it is not valid JSON")
        raise OperatorConfigUnreadable(
            gettext("%(file)s cannot be used: %(reason)s. Nothing was started.")
            % {"file": file, "reason": reason}
        ) from None
    if not isinstance(settings, dict):
        raise OperatorConfigUnreadable(
            gettext("%(file)s cannot be used: it holds no object. Nothing was started.") % {"file": file}
        )
    settings.pop("auths", None)
    return settings


def _basic_auth(credential: RegistryCredential) -> str:
    return base64.b64encode(f"{credential.username}:{credential.password.reveal()}".encode()).decode()
