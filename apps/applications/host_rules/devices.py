"""Devices of the host, and other programs than the engine's own that run containers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from apps.applications.host_rules.rules import Found, HostRule, Path, unknown
from apps.applications.host_rules.shapes import items, mapping

_RUNTIMES = frozenset({"", "runc", "io.containerd.runc.v2"})
_HARMLESS_DEPLOY = frozenset(
    {
        *("mode", "replicas", "endpoint_mode", "labels", "placement", "resources", "restart_policy"),
        *("rollback_config", "update_config"),
    }
)
_HARMLESS_RESOURCES = frozenset({"cpus", "memory", "pids", "generic_resources"})


def devices(value: Any, path: Path) -> Iterator[Found]:
    """Find devices of the host."""
    for number, entry in enumerate(items(value)):
        whole = entry.get("source") if isinstance(entry, Mapping) else str(entry).partition(":")[0]
        source = str(whole or "")
        yield Found(
            HostRule.DEVICES,
            (*path, str(number)),
            gettext("%(source)s is a device of the host.") % {"source": source or entry},
            subject=source,
            hint=source,
        )


def some_device(what: Any) -> Callable[[Any, Path], Iterator[Found]]:
    """Return what finds the key itself, and says `what` of it."""

    def check(value: Any, path: Path) -> Iterator[Found]:
        yield Found(HostRule.DEVICES, path, str(what), subject=path[-1])

    return check


def runtime(value: Any, path: Path) -> Iterator[Found]:
    """Find another program than the engine's own to run containers."""
    if str(value) not in _RUNTIMES:
        yield Found(
            HostRule.DEVICES,
            path,
            gettext("The runtime %(value)r is another program of the host.") % {"value": value},
            subject=str(value),
            hint=str(value),
        )


def annotations(value: Any, path: Path) -> Iterator[Found]:
    """Find what steers the program that runs containers."""
    names = value if isinstance(value, Mapping) else [str(one).partition("=")[0] for one in items(value)]
    for name in map(str, names):
        yield Found(
            HostRule.DEVICES,
            (*path, name),
            gettext("The annotation %(name)s can steer the host's runtime.") % {"name": name},
            subject=name,
            hint=name,
        )


def deploy(value: Any, path: Path) -> Iterator[Found]:
    """Find devices among the resources that are reserved, and what nobody has looked at."""
    for key, part in mapping(value).items():
        if key == "resources":
            yield from _resources(part, (*path, key))
        elif key not in _HARMLESS_DEPLOY and not str(key).startswith("x-"):
            yield unknown((*path, str(key)))


def _resources(value: Any, path: Path) -> Iterator[Found]:
    for key, part in mapping(value).items():
        if key not in ("limits", "reservations"):
            yield unknown((*path, str(key)))
            continue
        for resource, given in mapping(part).items():
            if resource == "devices" and given:
                yield Found(
                    HostRule.DEVICES,
                    (*path, key, "devices"),
                    gettext("Reserved devices (GPUs and the like) are the host's."),
                    subject="devices",
                )
            elif resource not in _HARMLESS_RESOURCES | {"devices"}:
                yield unknown((*path, key, str(resource)))
