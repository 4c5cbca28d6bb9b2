"""One more service in a Compose file's text; every other character stays as it is."""

from collections.abc import Container, Mapping
from typing import Any

import yaml
from django.utils.translation import gettext as _

from apps.applications.compose_edit import end_of
from apps.applications.compose_file import check_compose, syntax_problems, tree
from apps.applications.problems import InvalidContent, Problem

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as Compose files are written."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def add_service(
    text: str,
    name: str,
    service: Mapping[str, Any],
    *,
    volumes: Mapping[str, Any] | None = None,
    networks: Mapping[str, Any] | None = None,
) -> tuple[str, str]:
    """Return the Compose file `text` with `service` in it, and the name it has there: one that is free.

    `volumes` and `networks` are declared where they are not yet. An empty text becomes a file. Raises
    InvalidContent where `text` has faults, or writes what is to be added to as `{…}`.
    """
    if faults := syntax_problems(text):
        raise InvalidContent(faults)
    root = tree(text)
    if root is not None and root.kind != "mapping":
        raise InvalidContent(check_compose(text))
    name = _free(name, set(_keys(text, "services")))
    written = text
    for section, added in (("services", {name: service}), ("volumes", volumes), ("networks", networks)):
        known = _keys(written, section)
        wanted = {key: held for key, held in (added or {}).items() if key not in known}
        if wanted:
            written = _add(written, section, wanted)
    if faults := check_compose(written):
        raise InvalidContent(faults)
    return written, name


def _free(name: str, taken: Container[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _section(text: str, section: str) -> tuple[yaml.Node, yaml.Node] | None:
    root = yaml.compose(text, Loader=_Loader) if text.strip() else None
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == section), None)


def _keys(text: str, section: str) -> list[str]:
    found = _section(text, section)
    value = found[1] if found else None
    return [str(key.value) for key, _ in value.value] if isinstance(value, yaml.MappingNode) else []


def _add(text: str, section: str, added: Mapping[str, Any]) -> str:
    found = _section(text, section)
    if found is None:
        if text and not text.endswith("\n"):
            text += "\n"
        gap = "\n" if text.strip() else ""
        return f"{text}{gap}{section}:\n{_block(added, 2)}"
    key, value = found
    if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        column = value.value[0][0].start_mark.column
        at = _line_end(text, end_of(value, text))
        return _insert(text, at, _block(added, column))
    if value.value:
        message = _("`%(section)s` is written as {…} here. Write it with one name a line, and add again.")
        message %= {"section": section}
        raise InvalidContent([Problem(key.start_mark.line + 1, key.start_mark.column + 1, message)])
    # Nothing yet, or {}.
    text = text[: key.end_mark.index] + ":" + text[max(value.end_mark.index, key.end_mark.index + 1) :]
    return _insert(text, _line_end(text, key.end_mark.index), _block(added, key.start_mark.column + 2))


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _insert(text: str, at: int, block: str) -> str:
    return f"{text[:at]}\n{block.rstrip()}{text[at:] or chr(10)}"


def _block(held: Mapping[str, Any], indent: int) -> str:
    plain = {key: value if value != {} else None for key, value in held.items()}
    written = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)
    lines = [line.removesuffix(" null") if line.endswith(": null") else line for line in written.splitlines()]
    return "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in lines)
