"""What two texts have in common, line by line or word by word, found in bounded time."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

# More than anybody reads a difference of.
_MAX_CHARACTERS, _MAX_LINES = 400_000, 8_000
# Pairs of equal lines that are looked at: half a second at worst.
_MOST_PAIRS = 3_000_000


class TooLong(Exception):
    """Texts whose comparison would hold up the server."""


class Matcher(SequenceMatcher[str]):
    """A SequenceMatcher that gives up.

    Its time grows with the cube of texts that repeat themselves in the worst of ways. Raises TooLong where it
    is asked for what takes more than `most` pairs.
    """

    def __init__(
        self, a: Sequence[str], b: Sequence[str], *, autojunk: bool = True, most: int = _MOST_PAIRS
    ) -> None:
        super().__init__(None, a, b, autojunk)
        pairs = (len(self.b2j.get(one, ())) + 1 for one in a)  # type: ignore[attr-defined]
        self._pairs = list(accumulate(pairs, initial=0))  # up to each of `a`
        self._left = most

    def find_longest_match(  # type: ignore[no-untyped-def]
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ):
        self._left -= self._pairs[-1 if ahi is None else ahi] - self._pairs[alo]
        if self._left < 0:
            raise TooLong
        return super().find_longest_match(alo, ahi, blo, bhi)


def require_short(*texts: str) -> None:
    """Raise TooLong where there is too much of these `texts` to compare."""
    lines = sum(text.count("\n") for text in texts)
    if lines > _MAX_LINES or sum(map(len, texts)) > _MAX_CHARACTERS:
        raise TooLong


def lines_of(text: str) -> list[str]:
    """Return the lines of `text`: what other signs break lines for some readers stays within one."""
    return text.removesuffix("\n").split("\n") if text else []
