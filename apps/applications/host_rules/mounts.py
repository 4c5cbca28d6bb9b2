"""What the mounts of a service ask of the host."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from apps.applications.host_rules.ground import Ground, reaches_engine
from apps.applications.host_rules.rules import Found, HostRule, Path
from apps.applications.host_rules.shapes import items, mapping, text

_OWN = frozenset({"volume", "tmpfs", "image"})
# Mounts come and go on the other side as well: what a container mounts there would appear on the host.
_SHARED = frozenset({"shared", "rshared", "slave", "rslave"})


def mount_rules(mounts: Iterable[Any], path: Path, ground: Ground) -> Iterator[Found]:
    """Yield what `mounts` (of a service, in their long form) ask of the host."""
    for number, mount in enumerate(mounts):
        at = (*path, str(number))
        kind = str(mapping(mount).get("type"))
        if kind == "bind":
            yield from _bind(mount, at, ground)
        elif kind not in _OWN:
            yield Found(
                HostRule.HOST_PATHS,
                at,
                gettext("A mount of type %(kind)r is not one of the app's folder, a volume or memory.")
                % {"kind": kind},
                subject=kind,
            )


def binds(model: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield each bind mount of the `model`, with its place there."""
    for name, service in mapping(model.get("services")).items():
        for number, mount in enumerate(items(mapping(service).get("volumes"))):
            if isinstance(mount, Mapping) and mount.get("type") == "bind":
                yield ("services", str(name), "volumes", str(number)), mount


def source_of(mount: Mapping[str, Any]) -> str:
    """Return the source of a bind."""
    return text(mount.get("source"))


def _bind(mount: Mapping[str, Any], path: Path, ground: Ground) -> Iterator[Found]:
    source = source_of(mount)
    yield from host_path(source, path, ground)
    if ground.has(source) and ground.is_panels(source) and not mount.get("read_only"):
        yield Found(
            HostRule.HOST_PATHS,
            path,
            gettext(
                "The container could rewrite the app's own Compose file by %(shown)r: bind a "
                "folder below it, or add `:ro`."
            )
            % {"shown": ground.shown(source)},
            subject=ground.real(source),
            hint=source,
        )
    propagation = mapping(mount.get("bind")).get("propagation")
    if str(propagation) in _SHARED:
        yield Found(
            HostRule.HOST_PATHS,
            (*path, "bind", "propagation"),
            gettext(
                "With the propagation %(propagation)r mounts of the host and of the container "
                "reach each other."
            )
            % {"propagation": propagation},
            subject=str(propagation),
            hint=str(propagation),
        )


def host_path(source: str, path: Path, ground: Ground) -> Iterator[Found]:
    """Yield what a bind of `source` asks of the host, which is nothing in the app's folder."""
    if ground.has(source):
        return
    real, shown = ground.real(source), ground.shown(source)
    # Only a link makes another place of a path than what stands there.
    is_link = not source.startswith("~") and real != ground.written(source)
    where = " " + gettext("(it leads to %(real)s)") % {"real": real} if is_link else ""
    is_engine = reaches_engine(real) or reaches_engine(ground.absolute(source))
    if is_engine:
        yield Found(
            HostRule.ENGINE_SOCKET,
            path,
            gettext("Who has %(shown)s%(where)s has the engine's socket, and by it the whole host.")
            % {"shown": shown, "where": where},
            subject=real,
            hint=source,
        )
    # The engine's socket itself takes no second exception; a folder that it lies in does.
    if not (is_engine and real.endswith(".sock")):
        yield Found(
            HostRule.HOST_PATHS,
            path,
            gettext("%(shown)s%(where)s is outside of the app's folder.") % {"shown": shown, "where": where},
            subject=real,
            hint=source,
        )
