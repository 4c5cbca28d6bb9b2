"""The file that Compose merges from several, freed of what must not stand in the file of an app."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


def freed(text: str, project: str, sources: str, taken: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the merged Compose file `text` without what binds it to `project`, and values that left it.

    The names that Compose made from the project's name go. Some versions of Compose write what they read
    from an `env_file` into the file: a value under `environment` that does not stand in the `sources`
    gets a variable in its place, by a name that is none of those `taken`. It is returned by that name, as
    it belongs into the encrypted environment.
    """
    merged: dict[str, Any] = yaml.safe_load(text)
    for section in ("networks", "configs", "secrets"):
        for key, resource in (merged.get(section) or {}).items():
            if resource and resource.get("name") == f"{project}_{key}" and not resource.get("external"):
                del resource["name"]
    found: dict[str, str] = {}
    for service, values, name in _environment(merged):
        value = values[name]
        if isinstance(value, str) and value and value not in sources and not value.startswith("${"):
            variable = _NO_NAME.sub("_", f"{service}_{name}".upper())
            if variable[0].isdecimal():
                variable = f"_{variable}"
            while variable in taken or variable in found:
                variable += "_"
            found[variable] = value.replace("$$", "$")
            values[name] = f"${{{variable}}}"
    merged.pop("name", None)
    return yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=1000), found


def _environment(merged: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    for service, definition in (merged.get("services") or {}).items():
        values = (definition or {}).get("environment")
        if isinstance(values, dict):
            yield from ((service, values, name) for name in values)
