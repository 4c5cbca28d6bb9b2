"""A Compose file as it stands, before Compose reads it: its mappings with what is merged into them."""

from collections.abc import Iterator, Sequence

from apps.applications.compose_file import Node

_MERGE = "<<"
# Other tags change what a value is: `!!binary` is text in another coding.
_KNOWN_TAGS = frozenset(
    {"", "!", "!reset", "!override"}
    | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
)


def pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the keys and values of the mapping `node`, and all that `<<` merges into it.

    What a nearer key overrides is yielded too: who looks for something harmful must not miss it.
    """
    waiting, seen = [node], {id(node)}
    while waiting:
        mapping = waiting.pop()
        for key, value in mapping.pairs:
            if key.kind == "scalar" and key.value == _MERGE:
                fresh = [one for one in (value, *value.items) if id(one) not in seen]
                seen.update(map(id, fresh))
                waiting += fresh
            else:
                yield key, value


def values(node: Node, key: str) -> Iterator[Node]:
    """Yield the value of `key` in the mapping `node`, its own and those that are merged into it."""
    return (value for name, value in pairs(node) if name.kind == "scalar" and name.value == key)


def children(node: Node) -> Iterator[Node]:
    """Yield the values of a mapping, or the items of a list."""
    yield from (value for _name, value in pairs(node))
    yield from node.items


def entries(node: Node) -> list[Node]:
    """Return the items of a list, or what stands there in the place of a list of one."""
    return node.items if node.kind == "sequence" else [node]


def odd_tags(root: Node) -> Iterator[Node]:
    """Yield each node with a tag that Compose files have no use for."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        if node.tag not in _KNOWN_TAGS:
            yield node
        for child in (*node.items, *(part for pair in node.pairs for part in pair)):
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def place_of(root: Node | None, path: Sequence[str], hint: str) -> tuple[int, int] | None:
    """Return line and column of what the keys `path` lead to; None where not even the first is there.

    Lists may be longer or shorter than in what Compose makes of the file, so an item is looked for by its
    text, the `hint`, first.
    """
    place: tuple[int, int] | None = None
    node = root
    for part in path:
        if node is None:
            break
        if node.kind == "sequence":
            by_text = [item for item in node.items if hint and _holds(item, hint)]
            by_number = node.items[int(part) : int(part) + 1] if part.isdecimal() else []
            node = next(iter(by_text or by_number), None)
            place = (node.line, node.column) if node is not None else place
            continue
        found = next(
            (pair for pair in pairs(node) if pair[0].kind == "scalar" and pair[0].value == part), None
        )
        if found is None:
            break
        place, node = (found[0].line, found[0].column), found[1]
    return place


def _holds(node: Node, text: str) -> bool:
    """Tell whether a text in `node`, at most one level down, holds `text`."""
    scalars = [node, *node.items, *(value for _name, value in node.pairs)]
    return any(scalar.kind == "scalar" and text in scalar.value for scalar in scalars)
