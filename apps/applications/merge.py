"""Two edits of one text put together: by lines for a Compose file, by names for an environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from apps.applications import environment
from apps.applications.matching import Matcher, lines_of, require_short
from apps.core.secret import MASK


class By(StrEnum):
    """Whose change a part of a text is."""

    NOBODY = "nobody"
    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"  # the same change
    CLASH = "clash"  # two different ones


@dataclass(frozen=True)
class Part:
    """Lines as all three texts have them in one place; `line` is where mine begin, counted from 1."""

    by: By
    base: list[str]
    theirs: list[str]
    mine: list[str]
    line: int


@dataclass(frozen=True)
class MergedEnvironment:
    """An environment with both edits, theirs masked; names only of what happened."""

    text: str
    taken: list[str]  # names whose values, or that they are there, come from theirs
    clashes: list[str]  # names that both changed; mine stayed


def merge_parts(base: str, theirs: str, mine: str) -> list[Part]:
    """Return the three texts side by side, in order: what is the same, and who changed what is not.

    Raises TooLong.
    """
    require_short(base, theirs, mine)
    return list(_parts(*map(lines_of, (base, theirs, mine))))


def merged_text(parts: list[Part]) -> str:
    """Return the text with both edits; where they clash, mine."""
    lines = [line for part in parts for line in (part.theirs if part.by == By.THEIRS else part.mine)]
    return "".join(f"{line}\n" for line in lines)


def _parts(base: list[str], theirs: list[str], mine: list[str]) -> Iterator[Part]:
    at = (0, 0, 0)
    line = 1
    for start, end, their_start, my_start in _common(base, theirs, mine):
        before = Part(
            By.NOBODY, base[at[0] : start], theirs[at[1] : their_start], mine[at[2] : my_start], line
        )
        if before.base or before.theirs or before.mine:
            yield Part(_whose(before), before.base, before.theirs, before.mine, line)
        length = end - start
        line = my_start + 1
        if length:
            same = base[start:end]
            yield Part(By.NOBODY, same, same, same, line)
        at = (end, their_start + length, my_start + length)
        line += length


def _whose(part: Part) -> By:
    if part.mine == part.theirs:
        return By.BOTH
    if part.mine == part.base:
        return By.THEIRS
    return By.MINE if part.theirs == part.base else By.CLASH


def _common(base: list[str], theirs: list[str], mine: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield start and end in `base` of what all have, and where it begins in the others; the ends last."""
    ours = Matcher(base, theirs, autojunk=len(base) > 2000).get_matching_blocks()
    others = Matcher(base, mine, autojunk=len(base) > 2000).get_matching_blocks()
    i = j = 0
    while i < len(ours) and j < len(others):
        one, two = ours[i], others[j]
        start, end = max(one.a, two.a), min(one.a + one.size, two.a + two.size)
        if start < end:
            yield start, end, one.b + start - one.a, two.b + start - two.a
        if one.a + one.size < two.a + two.size:
            i += 1
        else:
            j += 1
    yield len(base), len(base), len(theirs), len(mine)


def merge_environments(
    base: str, theirs: str, typed: str, renamed: Mapping[str, str] | None = None
) -> MergedEnvironment:
    """Return what was `typed` over the masked `base`, with what `theirs` changed since.

    Values of `theirs` are masked, to be taken from there, where `renamed` is as in `environment.unmask`;
    none is shown that was not typed. Raises InvalidContent where a mask stands for nothing.
    """
    old, new = environment.values(base), environment.values(theirs)
    own = environment.values(environment.unmask(typed, base, renamed))
    known = environment.parse(theirs)
    names = {one.name for one in known.assignments + known.commented}
    parsed = environment.parse(typed)
    taken, clashes, pieces, position = [], [], [], 0
    for one in sorted(parsed.assignments + parsed.commented, key=lambda one: one.start):
        is_masked = typed[one.start : one.end] == MASK
        if one.commented:
            is_gone, to_mask = is_masked and one.name not in names, False
        else:
            is_mine = own[one.name] != old.get(one.name)
            is_theirs = new.get(one.name) != old.get(one.name)
            is_same = new.get(one.name) == own[one.name]
            if is_mine and is_theirs and not is_same:
                clashes.append(one.name)
            elif is_theirs and not is_mine:
                taken.append(one.name)
            # They took it out, and nobody here touched it.
            is_gone = not is_mine and one.name not in new
            to_mask = is_same or not is_mine
        if is_gone:
            begin, end, put = (
                typed.rfind("\n", 0, one.start) + 1,
                typed.find("\n", one.end) + 1 or len(typed),
                "",
            )
        elif to_mask and one.start < one.end:
            begin, end, put = one.start, one.end, MASK
        else:
            continue
        pieces += [typed[position:begin], put]
        position = end
    text = "".join([*pieces, typed[position:]])
    added = [name for name in new if name not in old and name not in own]
    # What they changed and this text does not have any more stays out.
    gone = old.keys() - own.keys() - set((renamed or {}).values())
    clashes += [name for name in new if name in gone and new[name] != old[name]]
    if added and text and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{name}={MASK}\n" for name in added)
    return MergedEnvironment(text, taken + added, clashes)
