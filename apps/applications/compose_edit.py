"""Edits of a Compose file's text that let another project take over what it describes.

Only the places that must change are replaced; every other character, comments too, stays as it is.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(r"(?=.*[/_.-])[A-Za-z_/][\w./:@+=~-]*")
_STEP = re.compile(r"(\.\.?)(?:/+|(?=:)|\Z)")
_VARIABLE = re.compile(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?::?-(?P<default>[^{}]*))?\})")
# Where a build context, or a file to include, is no path (compose-go, paths.isRemoteContext).
_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:", "oci:")
OWN_ENV_FILES = (".env", "./.env")


@dataclass(frozen=True)
class TakeOver:
    """What the edited file must keep of the project that it is taken from.

    `volumes` and `networks` are those that stay: {key in the file: name on the engine}. `values` are those
    of the project's environment, for paths that begin with a variable.
    """

    folder: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    keeps_env_file: bool = False  # whether `env_file: .env` means the app's own environment


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def take_over(text: str, how: TakeOver) -> str:
    """Return the Compose file `text` for another project, in another folder.

    The top-level name goes; relative paths of this machine become absolute ones below `how.folder`;
    volumes and networks that stay become external ones by their names. `text` has passed
    `check_compose`. What stands in other files (`include`, `extends`) is not edited.
    """
    root = yaml.compose(text, Loader=_Loader)
    assert isinstance(root, yaml.MappingNode), "check_compose accepts mappings only"
    edits = {edit.start: edit for edit in _edits(root, text, how)}
    pieces, position = [], 0
    for edit in sorted(edits.values(), key=lambda edit: edit.start):
        if edit.start >= position:
            pieces += [text[position : edit.start], edit.text]
            position = edit.end
    return "".join([*pieces, text[position:]])


def _edits(root: yaml.MappingNode, text: str, how: TakeOver) -> Iterator[_Edit]:
    yield from _without_name(root, text)
    for section, kept in (("volumes", how.volumes), ("networks", how.networks)):
        for key, value in _pairs(_get(root, section)):
            if key.value in kept:
                yield _external(key, value, text, kept[key.value])
    for node, offset in _paths(root):
        path = node.value[offset:]
        if how.keeps_env_file and path in OWN_ENV_FILES:
            continue
        if _is_relative(path, how.values):
            written = node.value[:offset] + _absolute(path, how.folder)
            yield _Edit(node.start_mark.index, node.end_mark.index, _scalar(written, node.style))


def _without_name(root: yaml.MappingNode, text: str) -> Iterator[_Edit]:
    for key, value in _pairs(root):
        if key.value == "name":
            end = max(key.end_mark.index, value.end_mark.index)
            rest = re.compile(r"\s*,\s*" if root.flow_style else r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
            after = rest.match(text, end)
            yield _Edit(key.start_mark.index, after.end() if after else end, "")


def _external(key: yaml.ScalarNode, value: yaml.Node, text: str, name: str) -> _Edit:
    """Return the edit by which the volume or network `key` is an existing one that is called `name`."""
    written = f"{{external: true, name: {_scalar(name, None)}}}"
    after_key = re.compile(r"[ \t]*:?(?:[ \t]*(\*[^\s,\[\]{}]+))?").match(text, key.end_mark.index)
    assert after_key is not None, "the pattern matches the empty text"
    is_absent = isinstance(value, yaml.ScalarNode) and value.start_mark.index == value.end_mark.index
    if after_key[1] or is_absent:
        return _Edit(key.end_mark.index, after_key.end(), f": {written}")
    anchor = re.compile(r"&[^\s,\[\]{}]+[ \t]*").match(text, value.start_mark.index)
    return _Edit(
        value.start_mark.index, end_of(value, text), (anchor[0].rstrip() + " " if anchor else "") + written
    )


def end_of(node: yaml.Node, text: str) -> int:
    """Return where what is written of `node` ends; a block's own mark is past the comments behind it."""
    start, end = node.start_mark.index, int(node.end_mark.index)
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return end
    # In a block of text a line that begins with # is no comment.
    sure = max([start, *(one.end_mark.index for one in _scalars(node) if one.style in ("|", ">"))])
    lines = text[sure:end].split("\n")
    # The first line holds the first key.
    while len(lines) > (sure == start) and lines[-1].lstrip(" \t")[:1] in ("", "#"):
        lines.pop()
    return len((text[:sure] + "\n".join(lines)).rstrip())


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield each scalar in `node` once, however many aliases lead to it."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode):
            yield one
        elif isinstance(one, yaml.MappingNode):
            stack += [part for pair in one.value for part in pair]
        else:
            stack += one.value


def _paths(root: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, int]]:
    """Yield each scalar that may be a path of this machine, and where in it the path begins."""
    for _key, service in _pairs(_get(root, "services")):
        yield from _paths_of_service(service)
    for section in ("configs", "secrets"):
        for _key, source in _pairs(_get(root, section)):
            yield from _whole(_get(source, "file"))
    for item in _items(_get(root, "include")):
        for node in (item, *(_get(item, key) for key in ("path", "env_file", "project_directory"))):
            yield from ((path, 0) for path, _ in _whole(node) if not path.value.startswith(_REMOTE))


def _paths_of_service(service: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, int]]:
    for volume in _items(_get(service, "volumes")):
        if isinstance(volume, yaml.ScalarNode) and volume.value.startswith((".", "$")):
            yield volume, 0
        elif _text(_get(volume, "type")) == "bind":
            yield from _whole(_get(volume, "source"))
    for item in _items(_get(service, "env_file")):
        yield from _whole(_get(item, "path") or item)
    yield from _whole(_get(service, "label_file"))
    yield from _whole(_get(_get(service, "extends"), "file"))
    yield from _whole(_get(_get(service, "credential_spec"), "file"))
    for watch in _items(_get(_get(service, "develop"), "watch")):
        yield from _whole(_get(watch, "path"))
    build = _get(service, "build")
    yield from _contexts(build)
    yield from _contexts(_get(build, "context"))
    more = _get(build, "additional_contexts")
    for _key, value in _pairs(more):
        yield from _contexts(value)
    for item in _items(more) if isinstance(more, yaml.SequenceNode) else ():
        name, equals, context = _text(item).partition("=")
        if equals and _is_local(context):
            assert isinstance(item, yaml.ScalarNode)
            yield item, len(name) + 1


def _contexts(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, int]]:
    if isinstance(node, yaml.ScalarNode) and _is_local(node.value):
        yield node, 0


def _is_local(context: str) -> bool:
    return bool(context) and "://" not in context and not context.startswith(_REMOTE)


def _whole(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, int]]:
    """Yield `node`, or the items of a list, where they are texts."""
    for item in _items(node):
        if isinstance(item, yaml.ScalarNode) and item.value:
            yield item, 0


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a list; what stands alone counts as a list of one."""
    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Yield the keys of a mapping, and of what it merges in by `<<`, with their values."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == "<<":
            for merged in _items(value):
                yield from _pairs(merged)
        elif isinstance(key, yaml.ScalarNode):
            yield key, value


def _get(node: yaml.Node | None, name: str) -> yaml.Node | None:
    found = [value for key, value in _pairs(node) if key.value == name]
    # A mapping's own key wins over a merged one, wherever the merge stands.
    own = [
        value
        for key, value in (node.value if isinstance(node, yaml.MappingNode) else ())
        if key.value == name
    ]
    return (own or found or [None])[0]


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _is_relative(path: str, values: Mapping[str, str]) -> bool:
    variable = _VARIABLE.match(path)
    if variable:
        value = values.get(variable["bare"] or variable["name"], "") or variable["default"] or ""
        path = value + path[variable.end() :]
    return bool(path) and not path.startswith(("/", "~", "$"))


def _absolute(path: str, folder: str) -> str:
    """Return the relative `path` below `folder`; a leading variable and all behind it stay as written."""
    while step := _STEP.match(path):
        if step[1] == "..":
            folder = folder.rpartition("/")[0] or "/"
        path = path[step.end() :]
    escaped = folder.replace("$", "$$")
    if not path or path.startswith(":"):
        return escaped + path
    return f"{escaped.rstrip('/')}/{path}"


def _scalar(value: str, style: str | None) -> str:
    """Return `value` as YAML, in quotes where it had some or needs some."""
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if not style and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
