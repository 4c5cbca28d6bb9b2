"""Own checks of a Compose file, before Compose itself sees it: safe YAML, limits, its outline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import yaml
from django.utils.formats import number_format
from django.utils.translation import gettext

from apps.applications.problems import Problem

MAX_DEPTH = 100
# Characters (and one for each node) that the file may have once its aliases are written out. A file
# of the greatest allowed size stays far below it unless aliases multiply its content.
MAX_EXPANDED = 4 * 1024 * 1024

_Loader = getattr(yaml, "CLoader", yaml.Loader)  # parses only: nothing is ever constructed


@dataclass(slots=True)
class Node:
    """A value of the file with its place (line and column counted from 1)."""

    kind: str  # scalar, sequence, mapping
    line: int
    column: int
    value: str = ""
    tag: str = ""  # as the file gives it, written out; empty where it gives none
    items: list["Node"] = field(default_factory=list)
    pairs: list[tuple["Node", "Node"]] = field(default_factory=list)
    weight: int = 1
    open: bool = False

    def get(self, key: str) -> tuple["Node", "Node"] | None:
        """Return the key node and value of `key`, where this is a mapping that has it."""
        return next((pair for pair in self.pairs if pair[0].kind == "scalar" and pair[0].value == key), None)


class _Refused(Exception):
    def __init__(self, line: int | None, column: int | None, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, column, message)


def check_compose(text: str) -> list[Problem]:
    """Return what is wrong with the Compose file `text`, as far as no knowledge of its keys is needed.

    Compose's own words about the rest come from `apps.deployer.check`.
    """
    try:
        root = read_nodes(text)
        if root is None or _is_null(root):
            raise _Refused(None, None, gettext("The Compose file is empty. Write at least one service."))
        return list(_outline_problems(root))
    except _Refused as refused:
        return [refused.problem]


def syntax_problems(text: str) -> list[Problem]:
    """Return why `text` cannot be read as one YAML document, whatever that says."""
    try:
        read_nodes(text)
    except _Refused as refused:
        return [refused.problem]
    return []


def _outline_problems(root: Node) -> Iterator[Problem]:
    if root.kind != "mapping":
        what = gettext("a list") if root.kind == "sequence" else gettext("a single value")
        yield Problem(
            root.line,
            root.column,
            gettext("The file is %(what)s, where a mapping is expected: keys like `services:`, with values.")
            % {"what": what},
        )
        return
    services = root.get("services")
    if services is None:
        if root.get("include") is None:
            yield Problem(
                root.line,
                root.column,
                gettext("The file has no `services:`. Add it, with at least one service below it."),
            )
        return
    key, value = services
    if value.kind != "mapping" and not _is_null(value):
        yield Problem(
            value.line,
            value.column,
            gettext("`services` is not a mapping. Write each service as `name:` below it."),
        )
    elif not value.pairs and root.get("include") is None:
        yield Problem(
            key.line, key.column, gettext("`services` is empty. Write at least one service below it.")
        )


def _is_null(node: Node) -> bool:
    return node.kind == "scalar" and node.value in ("", "~", "null")


def tree(text: str) -> Node | None:
    """Return the tree of the one YAML document in `text`; None where there is none or it cannot be read."""
    try:
        return read_nodes(text)
    except _Refused:
        return None


def locate(text: str, path: str) -> tuple[int, int] | None:
    """Return line and column (from 1) of the deepest value on the dotted `path` that `text` has.

    `path` is as Compose writes it: `services.web.ports.0`, `services.web.environment.[]`. Keys may
    hold dots themselves. None where not even the first part is there.
    """
    node = tree(text)
    parts = [part.strip("[]") for part in path.replace("[", ".[").split(".")]
    parts = [part for part in parts if part]
    place: tuple[int, int] | None = None
    while node is not None and parts:
        step = _step(node, parts)
        if step is None:
            break
        at, node, used = step
        place = (at.line, at.column)
        parts = parts[used:]
    return place


def _step(node: Node, parts: list[str]) -> tuple[Node, Node, int] | None:
    """Return where the next part of a path leads: its place, its value, and how many parts it took."""
    if node.kind == "sequence" and parts[0].isdecimal() and int(parts[0]) < len(node.items):
        item = node.items[int(parts[0])]
        return item, item, 1
    for used in range(len(parts), 0, -1):
        pair = node.get(".".join(parts[:used]))
        if pair is not None:
            return pair[0], pair[1], used
    return None


def find_scalar(text: str, path: str, fits: Callable[[str], bool]) -> tuple[int, int, str] | None:
    """Return line, column and text of the first scalar (key or value) below `path` that `fits`.

    `*` stands for every key and item: `services.*.volumes`.
    """
    root = tree(text)
    found = [root] if root is not None else []
    for part in path.split(".") if path else []:
        if part == "*":
            found = [child for node in found for child in (*node.items, *(pair[1] for pair in node.pairs))]
        else:
            found = [pair[1] for node in found if (pair := node.get(part)) is not None]
    seen: set[int] = set()
    stack = found[::-1]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == "scalar" and fits(node.value):
            return node.line, node.column, node.value
        stack += node.items[::-1]
        stack += [part for key, value in node.pairs[::-1] for part in (value, key)]
    return None


def read_nodes(text: str) -> Node | None:
    """Return the tree of the one YAML document in `text`, None where there is none.

    Built from the parser's events without recursion: deep nesting cannot exhaust a stack (the C
    composer's recursion can), and aliases share their node, so that nothing is multiplied. Tags such
    as Compose's `!reset` are kept and mean nothing. Raises a refusal with its place.
    """
    loader = _Loader(text)
    try:
        return _build(loader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_refusal(error, text) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _Refused(
            line,
            column,
            gettext("The character U+%(code)04X is not allowed in YAML. Remove it.") % {"code": _code(error)},
        ) from None
    finally:
        loader.dispose()


def _build(loader: yaml.Loader) -> Node | None:
    root: Node | None = None
    stack: list[Node] = []
    keys: list[Node | None] = []  # of each open mapping: the key that waits for its value
    seen: list[dict[str, int]] = []  # of each open mapping: its keys and their lines
    anchors: dict[str, Node] = {}
    while loader.check_event():
        event = loader.get_event()
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise _Refused(
                    line,
                    column,
                    gettext("A second YAML document starts here. Put everything into one document."),
                )
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            node = stack.pop()
            keys.pop()
            seen.pop()
            node.open = False
            finished = node
        elif isinstance(event, yaml.AliasEvent):
            alias = anchors.get(event.anchor or "")
            if alias is None:
                raise _Refused(
                    line,
                    column,
                    gettext("The alias *%(anchor)s has no anchor &%(anchor)s above it.")
                    % {"anchor": event.anchor},
                )
            if alias.open:
                raise _Refused(
                    line,
                    column,
                    gettext("The alias *%(anchor)s stands inside its own anchor.") % {"anchor": event.anchor},
                )
            finished = alias
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, line, column)
            if event.anchor is not None:
                anchors[event.anchor] = node
            if node.open:
                if len(stack) >= MAX_DEPTH:
                    raise _Refused(
                        line,
                        column,
                        gettext("The file is nested deeper than %(levels)s levels.") % {"levels": MAX_DEPTH},
                    )
                stack.append(node)
                keys.append(None)
                seen.append({})
                continue
            finished = node
        else:
            continue
        if not stack:
            root = finished
            continue
        _put(stack[-1], keys, seen[-1], finished, (line, column))
        stack[-1].weight += finished.weight
        if stack[-1].weight > MAX_EXPANDED:
            raise _Refused(
                line,
                column,
                gettext(
                    "Written out, the file's aliases make more than %(most)s characters. Use "
                    "fewer or smaller anchors."
                )
                % {"most": number_format(MAX_EXPANDED, force_grouping=True)},
            )
    return root


def _node(event: yaml.NodeEvent, line: int, column: int) -> Node:
    tag = getattr(event, "tag", None) or ""
    if isinstance(event, yaml.ScalarEvent):
        return Node("scalar", line, column, event.value, tag, weight=1 + len(event.value))
    kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
    return Node(kind, line, column, tag=tag, open=True)


def _put(
    parent: Node, keys: list[Node | None], seen: dict[str, int], child: Node, place: tuple[int, int]
) -> None:
    """Make `child` the next entry, key or value of `parent`, which is open."""
    if parent.kind == "sequence":
        parent.items.append(child)
        return
    key = keys[-1]
    if key is not None:
        parent.pairs.append((key, child))
        keys[-1] = None
        return
    if child.kind == "scalar":
        if child.value in seen:
            raise _Refused(
                *place,
                gettext("The key %(value)r is already there, at line %(line)s. Keep one.")
                % {"value": child.value, "line": seen[child.value]},
            )
        seen[child.value] = place[0]
    keys[-1] = child


def _syntax_refusal(error: yaml.MarkedYAMLError, text: str) -> _Refused:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    problem = error.problem or gettext("it cannot be read")
    advice = ""
    culprit = text[mark.index : mark.index + 1] if mark is not None else ""
    if "cannot start any token" in problem and culprit == "\t":
        problem = gettext("a TAB cannot stand here")
        advice = gettext("YAML is indented with spaces; replace the tabs.")
    elif "cannot start any token" in problem and culprit:
        problem = gettext("%(character)s cannot stand here") % {"character": culprit}
        advice = gettext("Put quotes around the whole value.")
    elif "mapping values are not allowed" in problem:
        advice = gettext("Check the indentation, and quote a value that holds `: `.")
    message = gettext("This is not valid YAML: %(problem)s") % {"problem": problem}
    if error.context and error.context_mark is not None and error.context_mark.line + 1 != line:
        begin = {"context": error.context, "line": error.context_mark.line + 1}
        message += " " + gettext("(%(context)s that begins at line %(line)s)") % begin
    message = f"{message}. {advice}".rstrip()
    return _Refused(line, column, message)


def _code(error: yaml.reader.ReaderError) -> int:
    character = error.character
    return character if isinstance(character, int) else ord(character)
