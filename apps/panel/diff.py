"""Differences between two versions, as their page shows them."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.applications import environment
from apps.applications.content import Content

# Longer texts than anybody reads a difference of; comparing them would hold up the server.
MAX_CHARACTERS = 400_000
_CONTEXT = 3
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class DiffLine:
    """One line of a unified diff; `kind` is same, added, removed or gap."""

    kind: str
    old: int | None
    new: int | None
    text: str

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−"}.get(self.kind, "")


@dataclass(frozen=True)
class EnvironmentChanges:
    """Names only: values are never shown."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    reordered: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.reordered)


def diff_lines(old: str, new: str) -> list[DiffLine]:
    """Return the lines in which two texts differ, with three lines around; empty where they are equal."""
    return list(_lines(old.splitlines(), new.splitlines()))


def _lines(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    left = right = 0
    for number, line in enumerate(difflib.unified_diff(old, new, n=_CONTEXT, lineterm="")):
        if number < 2:
            continue  # the names of the two files
        hunk = _HUNK.fullmatch(line)
        if hunk:
            left, right = int(hunk[1]), int(hunk[2])
            if left > 1 or right > 1:
                yield DiffLine("gap", None, None, "")
            continue
        sign, text = line[:1], line[1:]
        if sign == "-":
            yield DiffLine("removed", left, None, text)
            left += 1
        elif sign == "+":
            yield DiffLine("added", None, right, text)
            right += 1
        else:
            yield DiffLine("same", left, right, text)
            left, right = left + 1, right + 1


def environment_changes(old: Content, new: Content) -> EnvironmentChanges:
    """Return which names of the environment were added, removed, or have another value."""
    before, after = environment.values(old.environment), environment.values(new.environment)
    changes = EnvironmentChanges(
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
        changed=[name for name in after if name in before and after[name] != before[name]],
    )
    if not changes and old.environment != new.environment:
        return EnvironmentChanges([], [], [], reordered=True)
    return changes
