"""Differences between two versions, as their pages show them: side by side or one below the other."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.matching import Matcher, TooLong, lines_of, require_short

_CONTEXT = 3
# Words are compared in so many pairs of lines, and in lines no longer than that: more is no help to anybody.
_MARKED_PAIRS = 500
_MARKED_CHARACTERS = 500
# Pairs of equal words that are looked at in two lines.
_MOST_WORDS = 5000
# Lines that have less than this in common are other lines, not changed ones.
_LIKENESS = 0.4
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A part of a line; `changed` where the other side says something else in its place."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class DiffLine:
    """One line of one side, or of both; `kind` is same, added, removed or gap."""

    kind: str
    old: int | None
    new: int | None
    text: str
    pieces: tuple[Piece, ...] = ()

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−"}.get(self.kind, "")


@dataclass(frozen=True)
class Row:
    """What stands beside each other: a line of the old text and one of the new, or a blank."""

    left: DiffLine | None
    right: DiffLine | None


@dataclass(frozen=True)
class Part:
    """A run of rows that are all the same, or all changed; a folded one is shown when it is opened."""

    kind: str  # same, changed, folded
    rows: tuple[Row, ...]

    @property
    def lines(self) -> list[DiffLine]:
        """The rows as lines one below the other: what was removed, then what was added."""
        if self.kind != "changed":
            return [row.left for row in self.rows if row.left]
        removed = [row.left for row in self.rows if row.left]
        return removed + [row.right for row in self.rows if row.right]


@dataclass(frozen=True)
class Block:
    """Parts that are shown together: all open, or one that is folded."""

    parts: tuple[Part, ...]

    @property
    def folded(self) -> int:
        """How many lines are folded here; 0 where they are open."""
        return sum(len(part.rows) for part in self.parts if part.kind == "folded")


@dataclass(frozen=True)
class EnvironmentChanges:
    """Names only: values are never shown. `unchanged` is how many names have the same value."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    unchanged: int = 0
    reordered: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.reordered)


def compare(old: str, new: str) -> list[Part]:
    """Return two texts as runs of equal and changed lines; nothing where they are equal line by line.

    Equal lines further than three from a change are folded. Raises TooLong.
    """
    require_short(old, new)
    before, after = lines_of(old), lines_of(new)
    codes = Matcher(before, after).get_opcodes()
    if all(code[0] == "equal" for code in codes):
        return []
    return list(_parts(codes, before, after))


def _parts(
    codes: Sequence[tuple[str, int, int, int, int]], before: list[str], after: list[str]
) -> Iterator[Part]:
    to_mark = _MARKED_PAIRS
    for place, (tag, i, i_end, j, j_end) in enumerate(codes):
        if tag == "equal":
            rows = [_same(before[i + n], i + n + 1, j + n + 1) for n in range(i_end - i)]
            yield from _folded(rows, is_first=place == 0, is_last=place == len(codes) - 1)
            continue
        pairs = list(zip_longest(range(i, i_end), range(j, j_end)))
        marked = [_row(a, b, before, after, mark=to_mark - n > 0) for n, (a, b) in enumerate(pairs)]
        to_mark -= len(pairs)
        yield Part("changed", tuple(marked))


def _same(text: str, old: int, new: int) -> Row:
    line = DiffLine("same", old, new, text, (Piece(text),))
    return Row(line, line)


def _folded(rows: list[Row], *, is_first: bool, is_last: bool) -> Iterator[Part]:
    """Yield equal `rows`: those near a change open, the others folded, where that hides more than one."""
    head = 0 if is_first else _CONTEXT
    tail = 0 if is_last else _CONTEXT
    if len(rows) - head - tail < 2:
        yield Part("same", tuple(rows))
        return
    end = len(rows) - tail
    for kind, run in (("same", rows[:head]), ("folded", rows[head:end]), ("same", rows[end:])):
        if run:
            yield Part(kind, tuple(run))


def _row(a: int | None, b: int | None, before: list[str], after: list[str], *, mark: bool) -> Row:
    left = "" if a is None else before[a]
    right = "" if b is None else after[b]
    pieces: tuple[tuple[Piece, ...], tuple[Piece, ...]] = (Piece(left),), (Piece(right),)
    if mark and a is not None and b is not None:
        pieces = _words(left, right)
    return Row(
        None if a is None else DiffLine("removed", a + 1, None, left, pieces[0]),
        None if b is None else DiffLine("added", None, b + 1, right, pieces[1]),
    )


def _words(left: str, right: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return two lines in pieces, with the words marked that differ where the lines are alike."""
    plain = (Piece(left),), (Piece(right),)
    if max(len(left), len(right)) > _MARKED_CHARACTERS:
        return plain
    one, other = _WORDS.findall(left), _WORDS.findall(right)
    try:
        codes = Matcher(one, other, autojunk=False, most=_MOST_WORDS).get_opcodes()
    except TooLong:
        return plain
    kept = sum(len("".join(one[i:i_end]).strip()) for tag, i, i_end, _j, _j_end in codes if tag == "equal")
    if kept < _LIKENESS * max(len(left.strip()), len(right.strip())):
        return plain
    return (
        tuple(Piece("".join(one[i:i_end]), tag != "equal") for tag, i, i_end, _, _ in codes if i < i_end),
        tuple(Piece("".join(other[j:j_end]), tag != "equal") for tag, _, _, j, j_end in codes if j < j_end),
    )


def blocks(parts: Iterable[Part]) -> list[Block]:
    """Return `parts` with those that are open and follow each other together."""
    return [
        Block(tuple(run))
        for folded, group in groupby(parts, key=lambda part: part.kind == "folded")
        for run in ([[part] for part in group] if folded else [list(group)])
    ]


def diff_lines(old: str, new: str) -> list[DiffLine]:
    """Return the lines in which two texts differ, with three lines around; empty where they are equal.

    Raises TooLong.
    """
    parts = compare(old, new)
    found: list[DiffLine] = []
    for place, part in enumerate(parts):
        if part.kind != "folded":
            found += part.lines
        elif place < len(parts) - 1:
            found.append(DiffLine("gap", None, None, ""))
    return found


def environment_changes(old: Content, new: Content) -> EnvironmentChanges:
    """Return which names of the environment were added, removed, or have another value."""
    before, after = environment.values(old.environment), environment.values(new.environment)
    changes = EnvironmentChanges(
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
        changed=[name for name in after if name in before and after[name] != before[name]],
        unchanged=sum(after[name] == before[name] for name in after if name in before),
    )
    if not changes and old.environment != new.environment:
        return EnvironmentChanges([], [], [], changes.unchanged, reordered=True)
    return changes
