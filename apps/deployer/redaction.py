"""Replacing of known secrets in output, before it is stored or sent."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from apps.core.secret import MASK
from apps.deployer.encodings import base64_forms, views, with_base64_ends

# Shorter values are ports, names, modes: masking them would make the output unreadable.
LEAST_LENGTH = 8
# A password is a secret whatever it looks like, but masking every "a" helps nobody.
LEAST_PASSWORD_LENGTH = 4
# So many bytes of a secret at the end of a line are taken for its beginning.
LEAST_BEGUN = 4
# More of them would take more memory than they save time.
_MOST_PIECES = 100_000
_PLAIN = re.compile(r"[0-9]+|true|false", re.IGNORECASE)
_ALTERNATIVES_IN_A_ROW = 8
# How the runner ends a line that it cut (`runner/lines.py`).
_CUT = re.compile(r" … \([0-9,]+ bytes of this line left out\)\Z".encode())
_CUT_ENDS = b"left out)"
_MASK = MASK.encode()

Span = tuple[int, int]


class Redactor:
    """Knows secrets and replaces them in lines of text.

    `secrets` are values that may be secrets (of an app's environment): those shorter than 8 characters
    and those that are only digits, true or false are left alone. `passwords` are known to be secret:
    only those shorter than 4 characters are left alone. Each line of a value counts for itself, since
    output comes in lines. A value is also found in base64, and with all that `encodings.views` decodes.
    """

    def __init__(self, secrets: Iterable[str] = (), *, passwords: Iterable[str] = ()) -> None:
        values = [value for value in secrets if len(value) >= LEAST_LENGTH and not _PLAIN.fullmatch(value)]
        passwords = [value for value in passwords if len(value) >= LEAST_PASSWORD_LENGTH]
        lines = [
            line
            for value in values
            for line in _lines(value)
            if len(line) >= LEAST_LENGTH and not _PLAIN.fullmatch(line)
        ] + [line for value in passwords for line in _lines(value) if len(line) >= LEAST_PASSWORD_LENGTH]
        # The second form is how a form in an address writes blanks.
        found = {_bytes(form) for line in lines for form in (line, line.replace(" ", "+"))}
        self._base64 = {
            form
            for value in {*values, *passwords, *lines}
            for form in base64_forms(_bytes(value))
            if form not in found
        }
        # Longest first, so that a secret that begins with another one is replaced whole.
        forms = sorted(found | self._base64, key=lambda form: (-len(form), form))
        self._longest = len(forms[0]) if forms else 0
        self._pattern = re.compile(_alternatives(forms), re.DOTALL) if forms else None
        self._by_start: dict[bytes, list[bytes]] = {}
        for form in forms:
            if len(form) > LEAST_BEGUN:
                self._by_start.setdefault(form[:LEAST_BEGUN], []).append(form)
        # Any so many bytes of a secret in a row: by them almost every line is known to end in none.
        self._pieces: set[bytes] = set()
        if sum(map(len, forms)) <= _MOST_PIECES:
            self._pieces = {
                form[at : at + LEAST_BEGUN] for form in forms for at in range(len(form) - LEAST_BEGUN)
            }
        self._start = re.compile(_alternatives(sorted(self._by_start))) if self._by_start else None

    def redact(self, text: str) -> str:
        """Return `text`, one line or more, with each known secret replaced by the mask."""
        if self._pattern is None:
            return text
        data = _bytes(text)
        spans = self.spans(data)
        return masked(data, spans).decode("utf-8", "replace") if spans else text

    def spans(self, data: bytes) -> list[Span]:
        """Return where in `data`, a line in UTF-8, secrets stand, in whatever form."""
        cut = _CUT.search(data) if data.endswith(_CUT_ENDS) else None
        spans: list[Span] = []
        for view in views(data[: cut.start()] if cut else data):
            spans += [view.source(start, end) for start, end in self.plain_spans(view.data)]
            if cut and (begun := self._begun_length(view.data)):
                spans.append(view.source(len(view.data) - begun, len(view.data)))
        return spans

    def plain_spans(self, data: bytes) -> list[Span]:
        """Return where in `data` secrets stand as they are or in base64."""
        if self._pattern is None:
            return []
        return [
            with_base64_ends(data, *match.span()) if match[0] in self._base64 else match.span()
            for match in self._pattern.finditer(data)
        ]

    def begun(self, data: bytes) -> list[tuple[bytes, int]]:
        """Return the secrets that `data` ends within, with how many bytes of it (4 or more)."""
        if self._start is None or (self._pieces and data[-LEAST_BEGUN:] not in self._pieces):
            return []
        found = []
        position = max(0, len(data) - self._longest + 1)
        while match := self._start.search(data, position):
            position = match.start() + 1
            rest = data[match.start() :]
            found += [
                (form, len(rest))
                for form in self._by_start[match[0]]
                if len(form) > len(rest) and form.startswith(rest)
            ]
        return found

    def _begun_length(self, data: bytes) -> int:
        """Return how many bytes at the end of `data` may begin a secret whose rest was cut off."""
        if found := self.begun(data):
            return max(length for _form, length in found)
        starts = {form[:LEAST_BEGUN] for form in self._by_start}
        return max((n for n in range(1, LEAST_BEGUN) if any(data.endswith(s[:n]) for s in starts)), default=0)

    def __repr__(self) -> str:
        return "<Redactor>"


def masked(data: bytes, spans: list[Span]) -> bytes:
    """Return `data` with the mask in place of each of `spans`, of which some may overlap."""
    pieces: list[bytes] = []
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            pieces += [data[position:start], _MASK]
        position = max(position, end)
    return b"".join([*pieces, data[position:]])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _lines(value: str) -> Iterator[str]:
    for line in re.split(r"[\r\n]+", value):
        yield line
        yield line.strip()


def _alternatives(texts: list[bytes]) -> bytes:
    """Return a pattern that matches the first of `texts` that fits, grouped by how they begin.

    Python tries alternatives one by one at every position: 5,000 in a row take 2 ms a line, grouped
    ones a fiftieth of that.
    """
    if len(texts) <= _ALTERNATIVES_IN_A_ROW:
        return b"|".join(map(re.escape, texts))
    # Texts that begin differently never match at the same place, so their order does not matter.
    groups: list[bytes] = []
    for _first, group in groupby(sorted(texts, key=lambda text: text[:1]), key=lambda text: text[:1]):
        members = list(group)
        shared = _shared_start(min(members), max(members))
        rest = _alternatives([text.removeprefix(shared) for text in members])
        groups.append(re.escape(shared) + b"(?:" + rest + b")")
    # Where a text ends here (an empty rest), the longer ones come first.
    return b"|".join(reversed(groups))


def _shared_start(one: bytes, other: bytes) -> bytes:
    length = 0
    while one[length : length + 1] and one[length : length + 1] == other[length : length + 1]:
        length += 1
    return one[:length]
