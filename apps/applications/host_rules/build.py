"""What the build of an image asks of the host (compose-spec, build.md)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from apps.applications.host_rules.ground import Ground, is_remote
from apps.applications.host_rules.rules import Found, HostRule, Path
from apps.applications.host_rules.shapes import items, text

_HARMLESS = frozenset(
    {
        *("args", "dockerfile_inline", "extra_hosts", "isolation", "labels", "no_cache", "no_cache_filter"),
        *("platforms", "provenance", "pull", "sbom", "secrets", "shm_size", "tags", "target", "ulimits"),
    }
)
_OWN_NETWORKS = frozenset({"", "none", "default", "bridge"})
_CACHE_TYPE = re.compile(r"(?:^|,)\s*type=([^,]*)")
_OWN_CONTEXTS = re.compile(r"(service|target|docker-image):", re.IGNORECASE)


def build_rules(build: Any, path: Path, ground: Ground) -> Iterator[Found]:
    """Yield what `build` (of a service at `path`) asks of the host."""
    if not isinstance(build, Mapping):
        build = {"context": str(build)}
    context = text(build.get("context") or ".")
    yield from _readable(context, (*path, "context"), ground)
    for key, value in build.items():
        at = (*path, str(key))
        if key in _HARMLESS or key == "context" or str(key).startswith("x-") or not value:
            continue
        if key == "dockerfile":
            if not is_remote(context):
                yield from _readable(text(value), at, ground, base=context)
        elif key == "additional_contexts":
            for name, source in _pairs(value):
                if not _OWN_CONTEXTS.match(source):
                    yield from _readable(source, (*at, name), ground)
        elif key in ("privileged", "entitlements"):
            yield Found(
                HostRule.PRIVILEGED, at, gettext("The build would run with more rights than a container has.")
            )
        elif key == "network":
            yield from _network(text(value), at)
        elif key == "ssh":
            yield Found(
                HostRule.FILES, at, gettext("The build would use SSH keys of this machine."), subject="ssh"
            )
        elif key in ("cache_from", "cache_to"):
            yield from _caches(value, at)
        else:
            yield Found(
                HostRule.UNKNOWN,
                at,
                gettext("The policy does not know what %(key)r can ask of the host.") % {"key": key},
                subject=key,
            )


def _readable(source: str, path: Path, ground: Ground, base: str = "") -> Iterator[Found]:
    if is_remote(source):
        yield Found(
            HostRule.REMOTE,
            path,
            gettext("%(source)r would be fetched from an address.") % {"source": source},
            subject=source,
            hint=source,
        )
    elif not ground.has(source, base):
        yield Found(
            HostRule.FILES,
            path,
            gettext("%(shown)s is outside of the app's folder, and the build could read it.")
            % {"shown": ground.shown(source)},
            subject=ground.real(source, base),
            hint=source,
        )


def _network(name: str, path: Path) -> Iterator[Found]:
    if name == "host":
        sentence = gettext("The build would be in the host's network namespace.")
        yield Found(HostRule.NAMESPACES, path, sentence, subject="network", hint=name)
    elif name not in _OWN_NETWORKS:
        sentence = gettext("The network %(name)r of the build is not the app's.") % {"name": name}
        yield Found(HostRule.OTHER_APPS, path, sentence, subject=name, hint=name)


def _caches(value: Any, path: Path) -> Iterator[Found]:
    for entry in map(text, items(value)):
        kinds = _CACHE_TYPE.findall(entry)
        if any(kind.strip() not in ("registry", "inline") for kind in kinds):
            yield Found(
                HostRule.FILES,
                path,
                gettext("The cache %(entry)r is a folder or an account of this machine.") % {"entry": entry},
                subject=entry,
                hint=entry,
            )


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from ((str(name), text(source)) for name, source in value.items())
    else:
        for entry in map(text, items(value)):
            name, _, source = entry.partition("=")
            yield name, source
