"""What a content asks of Compose: its resolved model, and the hash of each service's configuration."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from apps.applications.content import Content
from apps.deployer import compose
from apps.deployer.check import Checked
from apps.deployer.compose import Project
from apps.deployer.runner.interface import CancelToken, CommandRunner, collect
from apps.deployer.staging import staged

_TIMEOUT = 60.0  # seconds; the model is resolved, so that Compose fetches nothing from elsewhere
# Stands for the container of a service that has none yet: no container was made with it.
_NOBODY = "0" * 64
# Ends the name under which a service is hashed once more, as a scale makes it.
_SCALED = ".scaled-by-the-panel"
_NAMESPACES = ("network_mode", "ipc", "pid")


@dataclass(frozen=True)
class Desired:
    """What Compose makes of a content. `hashes` has one for each service, as its label would hold it.

    `scaled` has the hash of each container that `compose.scale` makes: Compose leaves `depends_on` out of
    it where it is told to touch no other service (docker/compose#12069).
    """

    checked: Checked
    hashes: dict[str, str] = field(default_factory=dict)
    scaled: dict[str, str] = field(default_factory=dict)

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        return active_services(self.checked.model)


def hashed(
    runner: CommandRunner,
    project: Project,
    checked: Checked,
    containers: Callable[[str], str],
    cancel: CancelToken | None = None,
) -> Desired:
    """Return what is desired by the `checked` content, with the hashes that `up` in `project` would label.

    `containers` gives the id of the first container of a service, empty where there is none: Compose
    hashes a service that shares a namespace or volumes of another with that container's id.
    """
    argv = compose.hashes(project)
    services = _with_containers(checked.model, containers)
    twins = {f"{name}{_SCALED}": _alone(one) for name, one in services.items() if one.get("depends_on")}
    stdin = json.dumps({**checked.model, "services": {**twins, **services}}).encode()
    answer = collect(runner, argv, cwd=Path("/"), stdin=stdin, cancel=cancel, timeout=_TIMEOUT)
    pairs = (line.partition(" ") for line in answer.stdout.splitlines()) if answer.ok else ()
    found = {service: hash for service, _, hash in pairs if hash}
    hashes = {name: hash for name, hash in found.items() if name in services}
    scaled = {name: found.get(f"{name}{_SCALED}", hash) for name, hash in hashes.items()}
    return Desired(checked, hashes, scaled)


def all_services(content: Content, runner: CommandRunner, project: Project, pins: str = "") -> set[str]:
    """Return the names of all services of `content`, those of profiles that are not active too."""
    with staged(content, project.name, project.folder, pins) as staging:
        answer = staging.ask(runner, compose.service_names(staging.project), timeout=_TIMEOUT)
    return set(answer.stdout.split()) if answer.ok else set()


def shared_with(service: Mapping[str, Any]) -> dict[str, str]:
    """Return {other service: what of it `service` shares}: its network, IPC or PID namespace, its volumes."""
    shared = {}
    for key, what in zip(_NAMESPACES, ("network", "IPC namespace", "PID namespace"), strict=True):
        mode, _, other = str(service.get(key) or "").partition(":")
        if mode == "service":
            shared[other] = what
    for entry in service.get("volumes_from") or []:
        other = str(entry).partition(":")[0]
        if other != "container":
            shared.setdefault(other, "volumes")
    return shared


def active_services(model: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services of the resolved `model` as `up` takes them: what is in it is active.

    An optional dependency on what is not active counts for nothing, neither for the hash.
    """
    services: dict[str, dict[str, Any]] = model.get("services") or {}
    found = {}
    for name, service in services.items():
        found[name] = {key: value for key, value in service.items() if key != "profiles"}
        awaited = service.get("depends_on") or {}
        if not awaited.keys() <= services.keys():
            found[name]["depends_on"] = {other: how for other, how in awaited.items() if other in services}
    return found


def _alone(service: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in service.items() if key != "depends_on"}


def _with_containers(model: Mapping[str, Any], containers: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """Return the services of `model` with the containers that Compose puts in the place of services."""
    services = active_services(model)
    for service in services.values():
        for key in _NAMESPACES:
            mode, _, other = str(service.get(key) or "").partition(":")
            if mode == "service":
                service[key] = f"container:{containers(other) or _NOBODY}"
        if service.get("volumes_from"):
            service["volumes_from"] = [_resolved(str(v), containers) for v in service["volumes_from"]]
    return services


def _resolved(entry: str, containers: Callable[[str], str]) -> str:
    first, _, rest = entry.partition(":")
    return rest.partition(":")[0] if first == "container" else containers(first) or _NOBODY
