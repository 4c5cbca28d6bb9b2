"""What the engine has, as far as a plan must know: containers, networks, volumes, images, ports."""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from apps.deployer.containers import ask_engine
from apps.deployer.plan.ports import Holder, Port, held, listening
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.registries.references import InvalidRegistryHost, familiar_name

_LABEL = "com.docker.compose."
_EXITED = re.compile(r"Exited \((\d+)\)")


@dataclass(frozen=True)
class Existing:
    """A container as `docker ps` tells it, of whatever project or of none."""

    id: str
    name: str
    project: str
    service: str
    number: int  # within its service
    one_off: bool  # made by `docker compose run`
    state: str  # created, running, restarting, paused, removing, exited, dead
    exit_code: int | None
    config_hash: str
    image_id: str  # of the image that Compose made it from
    ports: tuple[Port, ...] = ()

    @property
    def runs(self) -> bool:
        return self.state in ("running", "restarting", "paused")


@dataclass(frozen=True)
class Images:
    """The images that the engine has, by their names as it writes them."""

    ids: dict[str, str] = field(default_factory=dict)

    def id_of(self, reference: str) -> str:
        """Return the id of the image that `reference` names here; an empty text where there is none."""
        if reference in self.ids:
            return self.ids[reference]
        try:
            return self.ids.get(familiar_name(reference), "")
        except InvalidRegistryHost:
            return ""


@dataclass(frozen=True)
class Observed:
    """The engine at one moment, seen for one project."""

    containers: tuple[Existing, ...] = ()  # of the project's services, without those of `compose run`
    foreign: tuple[Existing, ...] = ()  # all others
    networks: dict[str, str] = field(default_factory=dict)  # name: project, empty where it has none
    volumes: dict[str, str] = field(default_factory=dict)
    images: Images = Images()
    listening: tuple[Holder, ...] = ()  # programs of this machine, where the engine is this machine's own

    def of(self, service: str) -> list[Existing]:
        """Return the containers of `service` by number."""
        return sorted((c for c in self.containers if c.service == service), key=lambda c: c.number)

    def first_container(self, service: str) -> str:
        """Return the id of the container of `service` that others share something of; empty without one."""
        named = sorted((c.name, c.id) for c in self.containers if c.service == service)
        return named[0][1] if named else ""


def observe(
    runner: CommandRunner,
    project: str,
    pool: ThreadPoolExecutor,
    cancel: CancelToken | None = None,
    *,
    thorough: bool = True,
) -> Observed:
    """Look at the engine for `project` with a few commands side by side, and at what else holds ports.

    Without `thorough` images and the programs of this machine are left out. Raises EngineUnreachable.
    """
    networks = pool.submit(_by_name, runner, "network", cancel)
    volumes = pool.submit(_by_name, runner, "volume", cancel)
    images = pool.submit(list_images, runner, cancel) if thorough else None
    programs = pool.submit(_listening, runner, cancel) if thorough else None
    everything = list_existing(runner, cancel)
    own = tuple(c for c in everything if c.project == project and not c.one_off)
    foreign = tuple(c for c in everything if c not in own)
    return Observed(
        own,
        foreign,
        networks.result(),
        volumes.result(),
        images.result() if images else Images(),
        programs.result() if programs else (),
    )


def list_existing(runner: CommandRunner, cancel: CancelToken | None = None) -> list[Existing]:
    """Return every container of the engine. Raises EngineUnreachable."""
    columns = (
        ".ID",
        ".Names",
        ".State",
        ".Status",
        ".Ports",
        *_labels("project", "service", "container-number", "oneoff", "config-hash", "image"),
    )
    return [_existing(*row) for row in _rows(runner, ("ps", "--all", "--no-trunc"), columns, cancel)]


def list_images(runner: CommandRunner, cancel: CancelToken | None = None) -> Images:
    """Return the images of the engine, also those that others were built on. Raises EngineUnreachable."""
    columns = (".ID", ".Repository", ".Tag", ".Digest")
    ids: dict[str, str] = {}
    for id, repository, tag, digest in _rows(
        runner, ("image", "ls", "--all", "--no-trunc", "--digests"), columns, cancel
    ):
        ids[id] = id
        if tag != "<none>":
            ids[f"{repository}:{tag}"] = id
        if digest != "<none>":
            ids[f"{repository}@{digest}"] = id
    return Images(ids)


def _existing(*row: str) -> Existing:
    id, names, state, status, ports, project, service, number, one_off, config_hash, image_id = row
    exited = _EXITED.match(status)
    return Existing(
        id=id,
        # A container that others link to has further names, each with a slash.
        name=next((name for name in names.split(",") if "/" not in name), names),
        project=project,
        service=service,
        number=int(number) if number.isdecimal() else 0,
        one_off=one_off == "True",
        state=state,
        exit_code=int(exited[1]) if exited else None,
        config_hash=config_hash,
        image_id=image_id,
        ports=tuple(dict.fromkeys(held(ports))),
    )


def _by_name(runner: CommandRunner, kind: str, cancel: CancelToken | None) -> dict[str, str]:
    columns = (".Name", *_labels("project"))
    return dict(_rows(runner, (kind, "ls"), columns, cancel))


def _labels(*names: str) -> tuple[str, ...]:
    return tuple(f'(.Label "{_LABEL}{name}")' for name in names)


def _rows(
    runner: CommandRunner, words: tuple[str, ...], columns: tuple[str, ...], cancel: CancelToken | None
) -> Iterator[list[str]]:
    form = "[" + ",".join("{{json " + column + "}}" for column in columns) + "]"
    told = ask_engine(runner, *words, "--format", form, cancel=cancel)
    for line in told.stdout.splitlines():
        if line.startswith("["):
            row: list[str] = json.loads(line)
            yield row


def _listening(runner: CommandRunner, cancel: CancelToken | None) -> tuple[Holder, ...]:
    """Return what listens on this machine, where it is the one whose ports the engine publishes."""
    address: Any = os.environ.get("DOCKER_HOST")
    if not address:
        words = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        address = ask_engine(runner, *words, cancel=cancel).stdout.strip()
    return tuple(listening()) if address.startswith(("unix://", "npipe://", "fd://")) else ()
