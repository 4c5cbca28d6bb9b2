"""Whether two resolved models of Compose ask for the same, apart from names that must differ."""

import posixpath
from collections.abc import Iterator
from typing import Any

_MOST_TOLD = 10
_RESOURCES = ("networks", "volumes", "configs", "secrets")


def differences(
    old: dict[str, Any], new: dict[str, Any], projects: tuple[str, str], missing_volumes: frozenset[str]
) -> list[str]:
    """Return the dotted paths at which the models of `projects` (old and new name) differ; never a value.

    Names that Compose makes from the project's name may differ, but for those of volumes that are none of
    the `missing_volumes`, which the engine does not have. Volumes and networks that are external in
    `new` are compared by name alone: what they are made of is there already.
    """
    found = list(_of_services(old.get("services") or {}, new.get("services") or {}))
    for section in _RESOURCES:
        before, after = old.get(section) or {}, new.get(section) or {}
        for key in sorted(before.keys() | after.keys()):
            path = f"{section}.{key}"
            if key not in before or key not in after:
                found.append(path)
                continue
            found += _of_resource(path, before[key] or {}, after[key] or {}, projects, missing_volumes)
    rest = (old.keys() | new.keys()) - {"name", "services", *_RESOURCES}
    # What begins with x- means nothing to Compose.
    for key in sorted(key for key in rest if not key.startswith("x-")):
        found += _compare(key, old.get(key), new.get(key))
    return found[:_MOST_TOLD]


def _of_services(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        yield from _compare(f"services.{name}", old.get(name), new.get(name))


def _of_resource(
    path: str,
    old: dict[str, Any],
    new: dict[str, Any],
    projects: tuple[str, str],
    missing_volumes: frozenset[str],
) -> Iterator[str]:
    key = path.partition(".")[2]
    made = [f"{project}_{key}" for project in projects]
    is_made = [old.get("name"), new.get("name")] == made
    if not (is_made and (not path.startswith("volumes.") or key in missing_volumes)):
        yield from _compare(f"{path}.name", old.get("name"), new.get("name"))
    if not new.get("external"):
        yield from _compare(path, {**old, "name": ""}, {**new, "name": ""})


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from _compare(f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, pair in enumerate(zip(old, new, strict=True)):
            yield from _compare(f"{path}.{place}", *pair)
    elif isinstance(old, str) and isinstance(new, str) and old.startswith("/") and new.startswith("/"):
        if posixpath.normpath(old) != posixpath.normpath(new):
            yield path
    elif old != new:
        yield path
