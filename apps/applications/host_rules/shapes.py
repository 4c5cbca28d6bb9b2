"""The shapes of what Compose prints: what is something else than it should be counts as empty."""

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return the entries of a list; of anything else that stands where a list should, that itself."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def text(value: Any) -> str:
    """Return `value` as Compose means it: it writes each `$` of what it prints twice."""
    return str("" if value is None else value).replace("$$", "$")
