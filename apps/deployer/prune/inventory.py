"""What the engine has, as far as a prune must know: images, containers, networks, and their sizes."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import get_format
from django.utils.translation import gettext

from apps.deployer.containers import ask_engine
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.runner.interface import CancelToken, CommandRunner

# Seconds for `docker system df`, which counts the files of every volume.
_SIZES_TIMEOUT = 20.0
_MEASURES_ALREADY = "disk usage operation is already running"
_TURN = 0.5  # seconds until it is asked again

_CONTAINER = (
    '{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Image}},"state":{{json .State.Status}},'
    '"labels":{{json .Config.Labels}},"networks":{{json .NetworkSettings.Networks}}}'
)
_IMAGE = (
    '{"id":{{json .Id}},"names":{{json .RepoTags}},"digests":{{json .RepoDigests}},'
    '"parent":{{json .Parent}},"size":{{json .Size}}}'
)
_NETWORK = '[{{json .ID}},{{json .Name}},{{json (.Label "com.docker.compose.project")}}]'
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}


@dataclass(frozen=True)
class Image:
    """One image; `names` are repository:tag, `digests` repository@sha256:..., as the engine writes them."""

    id: str
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    parent: str = ""  # of an image that was built here by the engine's old builder
    size: int = 0  # bytes, those included that it shares with others


@dataclass(frozen=True)
class Container:
    """One container, of whatever project or of none."""

    id: str
    name: str
    image_id: str
    state: str  # created, running, restarting, paused, removing, exited, dead
    project: str = ""
    one_off: bool = False  # made by `docker compose run`
    orchestrated: bool = False  # of a Swarm service or a Kubernetes pod
    networks: frozenset[str] = frozenset()  # ids and names

    @property
    def is_stopped(self) -> bool:
        return self.state in ("created", "exited", "dead")


@dataclass(frozen=True)
class Network:
    """One network, and the Compose project that made it (empty: none did)."""

    id: str
    name: str
    project: str = ""


@dataclass(frozen=True)
class Inventory:
    """The engine at one moment."""

    images: tuple[Image, ...] = ()
    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """What removing one thing frees, in bytes, and what there is of each kind at all."""

    images: dict[str, int] = field(default_factory=dict)  # by id: what no other image shares
    containers: dict[str, int] = field(default_factory=dict)  # by id
    build_cache: int = 0  # of what `docker builder prune` takes


def take_inventory(runner: CommandRunner, cancel: CancelToken | None = None) -> Inventory:
    """Return what the engine has. Raises EngineUnreachable.

    The images come first: whatever uses one of them by then is seen among the containers.
    """
    images = ("image", "ls", "--all", "--no-trunc", "--quiet")
    containers = ("ps", "--all", "--no-trunc", "--quiet")
    return Inventory(
        tuple(_image(told) for told in _inspect(runner, "image", images, _IMAGE, cancel)),
        tuple(_container(told) for told in _inspect(runner, "container", containers, _CONTAINER, cancel)),
        tuple(_networks(runner, cancel)),
    )


def _inspect(
    runner: CommandRunner, kind: str, listing: tuple[str, ...], form: str, cancel: CancelToken | None
) -> Iterator[dict[str, Any]]:
    ids = dict.fromkeys(ask_engine(runner, *listing, cancel=cancel).stdout.split())
    if ids:
        # One that went away in between makes the command fail, and the others are still told.
        words = (kind, "inspect", "--format", form, *ids)
        for line in ask_engine(runner, *words, partly=True, cancel=cancel).stdout.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def _image(told: dict[str, Any]) -> Image:
    return Image(
        told["id"],
        tuple(name for name in told["names"] or () if "<none>" not in name),
        tuple(digest for digest in told["digests"] or () if "<none>" not in digest),
        told["parent"] or "",
        told["size"] or 0,
    )


def _container(told: dict[str, Any]) -> Container:
    labels: dict[str, str] = told["labels"] or {}
    networks: dict[str, dict[str, Any]] = told["networks"] or {}
    return Container(
        id=told["id"],
        name=told["name"].lstrip("/"),
        image_id=told["image"],
        state=told["state"],
        project=labels.get("com.docker.compose.project", ""),
        one_off=labels.get("com.docker.compose.oneoff") == "True",
        orchestrated=any(label.startswith(("com.docker.swarm.", "io.kubernetes.")) for label in labels),
        networks=frozenset(networks) | {(one or {}).get("NetworkID", "") for one in networks.values()},
    )


def _networks(runner: CommandRunner, cancel: CancelToken | None) -> Iterator[Network]:
    words = ("network", "ls", "--no-trunc", "--format", _NETWORK)
    for line in ask_engine(runner, *words, cancel=cancel).stdout.splitlines():
        yield Network(*json.loads(line))


def find_sizes(runner: CommandRunner, cancel: CancelToken | None = None) -> Sizes | None:
    """Return the sizes of what the engine has; None where it cannot tell them in time."""
    try:
        usage = disk_usage(runner, "--verbose", timeout=_SIZES_TIMEOUT, cancel=cancel)[0]
    except EngineUnreachable:
        return None
    return Sizes(
        {one["ID"]: bytes_of(one["UniqueSize"]) for one in usage.get("Images") or ()},
        {one["ID"]: bytes_of(one["Size"]) for one in usage.get("Containers") or ()},
        sum(bytes_of(one["Size"]) for one in usage.get("BuildCache") or () if _is_loose(one)),
    )


def _is_loose(cache: dict[str, Any]) -> bool:
    """Tell whether `docker builder prune` without --all takes this part of the build cache."""
    taken = str(cache["InUse"]).lower() == str(cache["Shared"]).lower() == "false"
    return taken and cache["CacheType"] not in ("internal", "frontend")


def used_bytes(runner: CommandRunner, cancel: CancelToken | None = None) -> int | None:
    """Return what images, containers and build cache take on the disk; None where it cannot be told.

    Docker tells each of the three with four digits.
    """
    try:
        told = disk_usage(runner, timeout=_SIZES_TIMEOUT, cancel=cancel)
    except EngineUnreachable:
        return None
    return sum(bytes_of(one["Size"]) for one in told if one["Type"] != "Local Volumes")


def disk_usage(
    runner: CommandRunner, *options: str, timeout: float, cancel: CancelToken | None = None
) -> list[dict[str, Any]]:
    """Return what `docker system df` with `options` tells, an object for each line, within `timeout` seconds.

    An engine before 23.0 measures for one at a time and refuses all others; here they wait for their turn.
    Raises EngineUnreachable.
    """
    token, until = cancel or CancelToken(), time.monotonic() + timeout
    while True:
        left = max(until - time.monotonic(), 0.1)
        try:
            words = ("system", "df", *options, "--format", "{{json .}}")
            told = ask_engine(runner, *words, timeout=left, cancel=token).stdout.splitlines()
        except EngineUnreachable as error:
            if _MEASURES_ALREADY not in str(error) or time.monotonic() >= until or token.wait(_TURN):
                raise
            continue
        lines = [json.loads(line) for line in told if line.startswith("{")]
        if not lines:
            raise EngineUnreachable("")
        return lines


def shown_size(size: int | None) -> str:
    """Return `size` bytes as Docker writes them, like 1.98 MB; "not known" for None."""
    if size is None:
        return gettext("not known")
    unit = next((name for name, one in reversed(_UNITS.items()) if size >= one), "B")
    number = f"{size / _UNITS[unit]:.4g}".replace(".", str(get_format("DECIMAL_SEPARATOR")))
    return f"{number} {unit}"


def bytes_of(text: str) -> int:
    """Return the bytes that Docker writes as 1.98MB (decimal units); 0 for what is no size."""
    match = re.match(r"([0-9.]+)\s*([kMGTP]?B)", text)
    return round(float(match[1]) * _UNITS[match[2]]) if match else 0
