"""Two edits of a file and of its environment are put together without losing either."""

import random

import pytest

from apps.applications import environment
from apps.applications.content import InvalidContent
from apps.applications.merge import By, merge_environments, merge_parts, merged_text
from apps.core.secret import MASK

BASE = "services:\n  web:\n    image: a:1\n    ports: [80]\n  db:\n    image: b:1\n"


def test_changes_of_different_places_are_both_there() -> None:
    theirs, mine = BASE.replace("a:1", "a:2"), BASE.replace("b:1", "b:9") + "  job: {image: c}\n"
    parts = merge_parts(BASE, theirs, mine)
    assert merged_text(parts) == BASE.replace("a:1", "a:2").replace("b:1", "b:9") + "  job: {image: c}\n"
    assert [part.by for part in parts if part.by != By.NOBODY] == [By.THEIRS, By.MINE]


def test_where_both_changed_a_place_mine_stays_and_is_told() -> None:
    parts = merge_parts(BASE, BASE.replace("a:1", "a:2"), BASE.replace("a:1", "a:3"))
    (clash,) = [part for part in parts if part.by != By.NOBODY]
    assert (clash.by, clash.line) == (By.CLASH, 3)
    assert "a:3" in merged_text(parts)


def test_the_same_change_is_no_clash() -> None:
    both = BASE.replace("a:1", "a:2")
    parts = merge_parts(BASE, both, both)
    assert {part.by for part in parts} == {By.NOBODY, By.BOTH}
    assert merged_text(parts) == both


def test_the_parts_of_any_texts_are_those_texts() -> None:
    chance = random.Random(1)

    def edited(lines: list[str]) -> list[str]:
        lines = list(lines)
        for _ in range(chance.randint(0, 3)):
            if lines and chance.random() < 0.4:
                lines.pop(chance.randrange(len(lines)))
            else:
                lines.insert(chance.randint(0, len(lines)), chance.choice("abcXYZ"))
        return lines

    for _ in range(500):
        base = [chance.choice("abc") for _ in range(chance.randint(0, 8))]
        theirs, mine = edited(base), edited(base)
        texts = ["".join(f"{line}\n" for line in lines) for lines in (base, theirs, mine)]
        parts = merge_parts(*texts)
        assert [line for part in parts for line in part.base] == base
        assert [line for part in parts for line in part.theirs] == theirs
        assert [line for part in parts for line in part.mine] == mine
        if theirs == base:
            assert merged_text(parts) == texts[2]
        if mine == base:
            assert merged_text(parts) == texts[1]


def test_an_environment_takes_what_they_changed_and_keeps_what_was_typed() -> None:
    base = "A=1\nB=2\nC=3\nD=4\n# OLD=gone\n# KEPT=k\n"
    theirs = "A=9\nB=2\nD=5\nE=new\n# KEPT=k\n"
    typed = f"# mine\nA={MASK}\nB='typed x'\nC={MASK}\nD=6\nF=own\n# OLD={MASK}\n# KEPT={MASK}\n"

    merged = merge_environments(base, theirs, typed)

    assert merged.text == f"# mine\nA={MASK}\nB='typed x'\nD=6\nF=own\n# KEPT={MASK}\nE={MASK}\n"
    assert (merged.taken, merged.clashes) == (["A", "C", "E"], ["D"])
    assert environment.values(environment.unmask(merged.text, theirs)) == {
        "A": "9", "B": "typed x", "D": "6", "F": "own", "E": "new"
    }  # fmt: skip


def test_a_merge_shows_no_value_that_was_not_typed() -> None:
    merged = merge_environments("A=secret-1\nB=secret-2\n", "A=secret-3\n", f"A={MASK}\nB={MASK}\nC=typed\n")
    assert "secret" not in merged.text
    assert "C=typed" in merged.text


def test_a_mask_that_stands_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidContent):
        merge_environments("A=1\n", "A=2\n", f"NEW={MASK}\n")


def test_what_is_renamed_here_is_put_together_with_what_they_changed() -> None:
    merged = merge_environments("A=1\nB=2\n", "A=9\nB=2\nC=3\n", f"Z={MASK}\nB={MASK}\n", {"Z": "A"})
    assert (merged.text, merged.clashes) == (f"Z={MASK}\nB={MASK}\nC={MASK}\n", [])
    assert environment.unmask(merged.text, "A=9\nB=2\nC=3\n", {"Z": "A"}) == "Z=9\nB=2\nC=3\n"


def test_signs_that_break_lines_only_for_some_stay_as_they_are() -> None:
    mine = BASE + "# one\u2028two\x85three\n"
    assert merged_text(merge_parts(BASE, BASE.replace("a:1", "a:2"), mine)) == mine.replace("a:1", "a:2")


def test_a_renamed_name_keeps_its_hidden_value() -> None:
    assert environment.unmask(f"NEW={MASK}\n", "OLD='a b'\n", {"NEW": "OLD"}) == "NEW='a b'\n"
    with pytest.raises(InvalidContent):
        environment.unmask(f"NEW={MASK}\n", "OLD=1\n", {"NEW": "OTHER"})
