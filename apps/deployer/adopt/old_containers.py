"""What only the containers themselves tell of a project: their environment, mounts and networks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.deployer.containers import ask_engine
from apps.deployer.dotenv_values import unescaped
from apps.deployer.programs import docker_program
from apps.deployer.runner.interface import CancelToken, CommandRunner

_PROJECT_LABEL = "com.docker.compose.project"


@dataclass(frozen=True)
class Inside:
    """One container as it was made: `volumes` and `binds` are {place in it: volume name or path}."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: Mapping[str, str] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)


def look_inside(runner: CommandRunner, ids: Iterable[str]) -> dict[str, Inside]:
    """Return how each of the containers `ids` was made. Raises EngineUnreachable."""
    words = ("inspect", "--type", "container", "--format", "{{json .}}", *ids)
    told = ask_engine(runner, *words, partly=True)
    lines = (json.loads(line) for line in told.stdout.splitlines() if line.startswith("{"))
    return {one["Id"]: _inside(one) for one in lines}


def _inside(told: dict[str, Any]) -> Inside:
    mounts = told.get("Mounts") or []
    return Inside(
        environment=dict(entry.partition("=")[::2] for entry in told["Config"].get("Env") or []),
        volumes={m["Destination"]: m["Name"] for m in mounts if m["Type"] == "volume"},
        binds={m["Destination"]: m["Source"] for m in mounts if m["Type"] == "bind"},
    )


def other_variables(service: Mapping[str, Any], inside: Inside) -> Iterator[str]:
    """Yield the names that the resolved `service` gives another value than the container has."""
    for name, value in (service.get("environment") or {}).items():
        if inside.environment.get(name) != (None if value is None else unescaped(str(value))):
            yield name


def other_binds(service: Mapping[str, Any], inside: Inside) -> Iterator[str]:
    """Yield the places in the container where the resolved `service` mounts another path."""
    wanted = {
        str(mount.get("target", "")).rstrip("/"): str(mount.get("source", ""))
        for mount in service.get("volumes") or []
        if mount.get("type") == "bind"
    }
    for target, source in wanted.items():
        if inside.binds.get(target, "").rstrip("/") != unescaped(source).rstrip("/"):
            yield target


def network_users(runner: CommandRunner, cancel: CancelToken | None = None) -> dict[str, dict[str, str]]:
    """Return {network: {container id: name}} of all containers, running or not. Raises EngineUnreachable."""
    form = "[{{json .ID}},{{json .Names}},{{json .Networks}}]"
    told = ask_engine(runner, "ps", "--all", "--no-trunc", "--format", form, cancel=cancel)
    users: dict[str, dict[str, str]] = {}
    for line in told.stdout.splitlines():
        if line.startswith("["):
            id, names, networks = json.loads(line)
            for network in filter(None, networks.split(",")):
                users.setdefault(network, {})[id] = names.partition(",")[0]
    return users


def networks_of(runner: CommandRunner, project: str, cancel: CancelToken | None = None) -> list[str]:
    """Return the names of the networks that Compose made for `project`. Raises EngineUnreachable."""
    label = f"label={_PROJECT_LABEL}={project}"
    told = ask_engine(runner, "network", "ls", "--filter", label, "--format", "{{.Name}}", cancel=cancel)
    return sorted(told.stdout.split())


def volume_names(runner: CommandRunner) -> set[str]:
    """Return the names of all volumes. Raises EngineUnreachable."""
    return set(ask_engine(runner, "volume", "ls", "--format", "{{.Name}}").stdout.split())


def stop(ids: Iterable[str]) -> list[str]:
    """Stop containers, each with the signal and the time that it was made with."""
    return [docker_program(), "stop", *ids]


def set_restart(policy: str, ids: Iterable[str]) -> list[str]:
    """Give containers another restart policy, such as no or on-failure:3."""
    return [docker_program(), "update", f"--restart={policy}", *ids]


def start(ids: Iterable[str]) -> list[str]:
    """Start containers that exist."""
    return [docker_program(), "start", *ids]


def rename(id: str, name: str) -> list[str]:
    """Give a container another name."""
    return [docker_program(), "rename", id, name]


def remove(ids: Iterable[str]) -> list[str]:
    """Remove containers that stand still; their volumes stay, those without a name too."""
    return [docker_program(), "rm", *ids]


def remove_network(name: str) -> list[str]:
    """Remove a network that nothing uses."""
    return [docker_program(), "network", "rm", name]
