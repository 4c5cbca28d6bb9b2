"""What may be written into the audit: no secret, no control character, nothing without an end."""

import datetime
import math
from collections.abc import Iterable, Mapping

from apps.core.secret import MASK, Secret

_LONGEST_TEXT = 500
_MOST_ITEMS = 200
# Whatever a field with such a word in its name holds is a secret, or may be one.
_SECRET_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "environment",
    "credential",
    "private",
)
_SECRET_NAMES = frozenset({"key", "code", "pin"})


def harmless(value: object) -> object:
    """Return `value` as plain JSON values, with a mask for each secret and long texts cut.

    A secret is a `Secret`, bytes, and what a field with a name like password, environment or token holds,
    unless that is a plain yes, no or nothing.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Secret() | bytes() | bytearray() | memoryview():
            return MASK
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            items = list(value.items())[:_MOST_ITEMS]
            return {line(str(name), 100): _field(str(name), held) for name, held in items}
        case str():
            return _cut(value)
        case set() | frozenset():
            return [harmless(item) for item in sorted(value, key=str)[:_MOST_ITEMS]]
        case Iterable():
            return [harmless(item) for item in list(value)[:_MOST_ITEMS]]
    return _cut(str(value))


def line(text: str, longest: int) -> str:
    """Return `text` on one line of at most `longest` characters, without what cannot be shown or stored."""
    return "".join(c if c.isprintable() else "�" for c in text[:longest])


def _field(name: str, value: object) -> object:
    is_plain = value is None or isinstance(value, bool)
    is_secret = name.lower() in _SECRET_NAMES or any(word in name.lower() for word in _SECRET_WORDS)
    if is_secret and not is_plain:
        return MASK
    return harmless(value)


def _cut(text: str) -> str:
    kept = text[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
    return kept if len(text) <= _LONGEST_TEXT else f"{kept}… ({len(text)} characters)"
