"""How two texts are compared: what is folded, what is paired, and which words are marked."""

import random

import pytest

from apps.applications.content import Content
from apps.applications.matching import TooLong
from apps.applications.merge import merge_parts, merged_text
from apps.panel.shown.diff import Part, blocks, compare, environment_changes


def sides(parts: list[Part]) -> tuple[str, str]:
    """Return both texts again, put together from what is shown."""
    rows = [row for part in parts for row in part.rows]
    left, right = (
        [line for row in rows if (line := side(row))] for side in (lambda r: r.left, lambda r: r.right)
    )
    assert [line.old for line in left] == list(range(1, len(left) + 1))
    assert [line.new for line in right] == list(range(1, len(right) + 1))
    texts = []
    for lines in (left, right):
        assert all("".join(piece.text for piece in line.pieces) == line.text for line in lines)
        texts.append("\n".join(line.text for line in lines))
    return texts[0], texts[1]


def test_both_texts_stand_whole_in_their_difference_whatever_they_are() -> None:
    chance = random.Random(5)
    for _ in range(200):
        old, new = ("\n".join(chance.choices("abcdef", k=chance.randrange(1, 40))) for _ in range(2))
        parts = compare(old, new)
        assert (sides(parts) if parts else (old, old)) == (old, new)
        assert sum(len(block.parts) for block in blocks(parts)) == len(parts)


def test_what_is_far_from_a_change_is_folded() -> None:
    old = [str(number) for number in range(20)]
    parts = compare("\n".join(old), "\n".join([*old[:10], "new", *old[11:]]))
    assert [(part.kind, len(part.rows)) for part in parts] == [
        ("folded", 7),
        ("same", 3),
        ("changed", 1),
        ("same", 3),
        ("folded", 6),
    ]
    assert [block.folded for block in blocks(parts)] == [7, 0, 6]
    # One line is not worth a fold.
    assert [part.kind for part in compare("\n".join(old[:5]), "\n".join([*old[:4], "x"]))] == [
        "same",
        "changed",
    ]


def test_words_that_changed_are_marked_in_lines_that_are_alike() -> None:
    (part,) = compare("    image: nginx:1.28", "    image: nginx:1.29")
    (row,) = part.rows
    assert row.left is not None
    assert row.right is not None
    assert [piece.text for piece in row.left.pieces if piece.changed] == ["28"]
    assert [piece.text for piece in row.right.pieces if piece.changed] == ["29"]

    (other,) = compare("image: nginx", "restart: always")
    assert not any(
        piece.changed for row in other.rows for line in (row.left, row.right) if line for piece in line.pieces
    )


def test_texts_that_repeat_themselves_in_the_worst_way_hold_nobody_up() -> None:
    """Each of these takes minutes by difflib alone, and whoever may see two versions can ask for it."""
    lines = [f"{number % 95}\n" for number in range(2000)]
    with pytest.raises(TooLong):
        compare("".join(lines), "".join(f"{line}{number}.\n" for number, line in enumerate(lines)))
    with pytest.raises(TooLong):
        merge_parts("a\n" * 2000, "a\nb\n" * 1000, "a\n" * 1999)
    one, other = (
        "\n".join(f"{words}{number}" for number in range(300)) for words in ("a " * 240, "a b " * 120)
    )
    (part,) = compare(one, other)
    assert not any(piece.changed for row in part.rows if row.left for piece in row.left.pieces)


def test_many_changes_of_a_long_file_are_compared() -> None:
    old = "".join(
        f"web{n}:\n  image: r/web:{n}\n  restart: always\n  ports:\n    - {n}\n" for n in range(700)
    )
    parts = compare(old, old.replace("r/web", "registry.example.com/web"))
    assert sum(part.kind == "changed" for part in parts) == 700


def test_environments_are_compared_by_name_and_counted() -> None:
    changes = environment_changes(Content("", "A=1\nB=2\nC=3\n"), Content("", "B=2\nC=4\nD=5\n"))
    assert (changes.added, changes.removed, changes.changed, changes.unchanged) == (["D"], ["A"], ["C"], 1)


def test_only_a_newline_ends_a_line() -> None:
    odd = "a: 'one\u2028two\x0bthree'\n"
    (part,) = compare(odd, "a: other\n")
    assert sides([part]) == (odd[:-1], "a: other")
    assert compare(odd, odd[:-1]) == []
    assert merged_text(merge_parts(odd, f"{odd}b: 1\n", odd)) == f"{odd}b: 1\n"
