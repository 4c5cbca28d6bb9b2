"""Replacing of known secrets in output, before it is stored or sent."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from urllib.parse import quote

from apps.core.secret import MASK

# Shorter values are ports, names, modes: masking them would make the output unreadable.
LEAST_LENGTH = 8
# A password is a secret whatever it looks like, but masking every "a" helps nobody.
LEAST_PASSWORD_LENGTH = 4
_PLAIN = re.compile(r"[0-9]+|true|false", re.IGNORECASE)
_ALTERNATIVES_IN_A_ROW = 8
# How the runner ends a line that it cut (`runner/lines.py`).
_CUT = re.compile(r" … \([0-9,]+ bytes of this line left out\)\Z")


class Redactor:
    """Knows secrets and replaces them in lines of text.

    `secrets` are values that may be secrets (of an app's environment): those shorter than 8 characters
    and those that are only digits, true or false are left alone. `passwords` are known to be secret:
    only those shorter than 4 characters are left alone. Each line of a value counts for itself, since
    output comes in lines; a value is also found as JSON and a URL would quote it.
    """

    def __init__(self, secrets: Iterable[str] = (), *, passwords: Iterable[str] = ()) -> None:
        found = {
            form
            for value in secrets
            for line in _lines(value)
            if len(line) >= LEAST_LENGTH and not _PLAIN.fullmatch(line)
            for form in _forms(line)
        }
        found |= {
            form
            for value in passwords
            for line in _lines(value)
            if len(line) >= LEAST_PASSWORD_LENGTH
            for form in _forms(line)
        }
        # Longest first, so that a secret that begins with another one is replaced whole.
        ordered = sorted(found, key=lambda text: (-len(text), text))
        self._ordered = ordered
        self._pattern = re.compile(_alternatives(ordered)) if ordered else None

    def redact(self, text: str) -> str:
        """Return `text`, one line or more, with each known secret replaced by the mask."""
        if self._pattern is None:
            return text
        if cut := _CUT.search(text):
            text = self._without_begun(text[: cut.start()]) + cut.group()
        return self._pattern.sub(MASK, text)

    def _without_begun(self, text: str) -> str:
        """Return `text` without the beginning of a secret at its end, whose rest was cut off."""
        begun = max(
            (
                length
                for secret in self._ordered
                for length in range(1, len(secret))
                if text.endswith(secret[:length])
            ),
            default=0,
        )
        return text[: len(text) - begun] + MASK if begun else text

    def __repr__(self) -> str:
        return "<Redactor>"


def _lines(value: str) -> Iterator[str]:
    for line in re.split(r"[\r\n]+", value):
        yield line
        yield line.strip()


def _forms(line: str) -> Iterator[str]:
    yield line
    yield json.dumps(line)[1:-1]
    yield json.dumps(line, ensure_ascii=False)[1:-1]
    yield quote(line, safe="")


def _alternatives(texts: list[str]) -> str:
    """Return a pattern that matches the first of `texts` that fits, grouped by how they begin.

    Python tries alternatives one by one at every position: 5,000 in a row take 2 ms a line, grouped
    ones a fiftieth of that.
    """
    if len(texts) <= _ALTERNATIVES_IN_A_ROW:
        return "|".join(map(re.escape, texts))
    # Texts that begin differently never match at the same place, so their order does not matter.
    groups: list[str] = []
    for _first, group in groupby(sorted(texts, key=lambda text: text[:1]), key=lambda text: text[:1]):
        members = list(group)
        shared = _shared_start(min(members), max(members))
        rest = _alternatives([text.removeprefix(shared) for text in members])
        groups.append(f"{re.escape(shared)}(?:{rest})")
    # Where a text ends here (an empty rest), the longer ones come first.
    return "|".join(reversed(groups))


def _shared_start(one: str, other: str) -> str:
    length = 0
    while one[length : length + 1] and one[length : length + 1] == other[length : length + 1]:
        length += 1
    return one[:length]
