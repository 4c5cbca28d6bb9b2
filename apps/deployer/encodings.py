"""What an encoded text says, and how a value looks in base64."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_TRIGGERS = re.compile(rb"[%&\\']|\$\$")
# HTML in JSON, JSON in JSON: what is quoted twice is read, what is quoted three times is not.
_DEPTH = 2
# Fewer characters of base64 than these are part of many a word.
_LEAST_BASE64 = 6
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class View:
    """A line as somebody reads it who decodes it.

    Byte n of `data` comes from the bytes `starts[n]` to `ends[n]` of the line.
    """

    data: bytes
    starts: Sequence[int]
    ends: Sequence[int]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of the line that `data[start:end]` comes from."""
        return self.starts[start], self.ends[end - 1]


def views(line: bytes) -> Iterator[View]:
    """Yield `line` as it is, then with each kind of escape in it decoded, and those decoded once more."""
    found = [View(line, range(len(line)), range(1, len(line) + 1))]
    yield found[0]
    if not _TRIGGERS.search(line):
        return
    for _ in range(_DEPTH):
        found = [
            deeper
            for view in found
            for trigger, escape, decode in _ESCAPES
            if trigger in view.data and (deeper := _decoded(view, escape, decode))
        ]
        yield from found


def _decoded(
    view: View, escape: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes]
) -> View | None:
    """Return `view` with every `escape` decoded, or None where it holds none."""
    pieces: list[bytes] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for match in escape.finditer(view.data):
        start, end = match.span()
        text = decode(match)
        pieces += [view.data[position:start], text]
        starts += view.starts[position:start]
        starts += [view.starts[start]] * len(text)
        ends += view.ends[position:start]
        ends += [view.ends[end - 1]] * len(text)
        position = end
    if not position:
        return None
    pieces.append(view.data[position:])
    starts += view.starts[position:]
    ends += view.ends[position:]
    return View(b"".join(pieces), starts, ends)


def _html(match: re.Match[bytes]) -> bytes:
    name = match[1].decode()
    if not name.startswith("#"):
        return html.unescape(match[0].decode()).encode()
    return _character(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))


def _backslash(match: re.Match[bytes]) -> bytes:
    """Decode what JSON, C, Python and a shell's backslash write: \\" \\n \\u00e9 \\xe9 \\303."""
    escaped = match[1]
    if len(escaped) == 1:
        return _CONTROLS.get(escaped, escaped)
    if escaped[:1] == b"u":
        text: str = json.loads(b'"' + match[0] + b'"')
        return text.encode("utf-8", "replace")
    if escaped[:1] == b"U":
        return _character(int(escaped[1:], 16))
    code = int(escaped[1:], 16) if escaped[:1] == b"x" else int(escaped, 8)
    return bytes([code])


def _character(code: int) -> bytes:
    return (chr(code) if code < 0x110000 else "\ufffd").encode("utf-8", "replace")


_HEX = rb"[0-9A-Fa-f]"
_ESCAPES: list[tuple[bytes, re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]]] = [
    (b"%", re.compile(rb"%(" + _HEX + rb"{2})"), lambda match: bytes.fromhex(match[1].decode())),
    (b"&", re.compile(rb"&(#[0-9]{1,7}|#[xX]" + _HEX + rb"{1,6}|amp|lt|gt|quot|apos);"), _html),
    (
        b"\\",
        re.compile(
            rb"\\(u[dD][89abAB]HH\\u[dD][c-fC-F]HH|uHHHH|UHHHHHHHH|xHH|[0-3][0-7]{2}|[^0-9uUx])".replace(
                b"H", _HEX
            )
        ),
        _backslash,
    ),
    # A quote within quotes of a shell ('"'"' or '\'') or of YAML (''), and Compose's dollar ($$).
    (b"'", re.compile(rb"'\"'\"'|'\\''|''"), lambda _match: b"'"),
    (b"$$", re.compile(rb"\$\$"), lambda _match: b"$"),
]


def base64_forms(value: bytes) -> Iterator[bytes]:
    """Yield the characters that `value` always has in base64, whatever stands before and behind it.

    Three alignments, each in the standard and in the URL-safe alphabet. The characters that it shares
    with its neighbours are not among them (see `with_base64_ends`).
    """
    for before in range(3):
        coded = b64encode(b"\0" * before + value).rstrip(b"=")
        first = -(-8 * before // 6)
        last = 8 * (before + len(value)) // 6
        form = coded[first:last]
        if len(form) >= _LEAST_BASE64:
            yield form
            yield form.translate(_URL_SAFE)


def with_base64_ends(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return `start` and `end` of base64 in `data` with the characters that still hold bits of it."""
    if start and data[start - 1] in _BASE64:
        start -= 1
    if end < len(data) and data[end] in _BASE64:
        end += 1
    while data[end : end + 1] == b"=":
        end += 1
    return start, end
