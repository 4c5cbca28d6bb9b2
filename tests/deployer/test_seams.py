"""Secrets that go over several lines, wherever they are broken."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from apps.core.secret import MASK
from apps.deployer.redaction import LEAST_BEGUN, Redactor
from apps.deployer.seams import MOST_LINES, Entry, Seam

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "correct-horse-battery-staple"


def _lines(texts: list[str], *, stored: bool = False) -> list[str]:
    """Return what becomes of lines that follow one another; `stored` ones are out before the next comes."""
    seam, entries = Seam(Redactor([SECRET])), []
    for text in texts:
        entries.append(Entry(AT, "stdout", text))
        seam.take(entries[-1], open_until=1.0)
        entries[-1].is_stored = stored
    return [entry.text for entry in entries]


@given(
    breaks=st.lists(st.integers(LEAST_BEGUN, len(SECRET) - 1), min_size=1, max_size=6, unique=True).map(
        sorted
    ),
    before=st.sampled_from(["", "key: ", "corr"]),
    behind=st.sampled_from(["", ";", " correct"]),
)
def test_no_part_of_a_broken_secret_is_left(breaks: list[int], before: str, behind: str) -> None:
    pieces = [SECRET[a:b] for a, b in zip([0, *breaks], [*breaks, len(SECRET)], strict=True)]
    pieces[0], pieces[-1] = before + pieces[0], pieces[-1] + behind
    assert _lines(pieces) == [before + MASK, *[MASK] * (len(pieces) - 2), MASK + behind]


@given(st.lists(st.text(st.sampled_from("corectchrs- x"), max_size=12), max_size=8))
def test_lines_that_only_look_like_the_beginning_stay_as_they_are(texts: list[str]) -> None:
    kept = [text for text in texts if "correct-" not in text]
    assert _lines(kept) == kept


def test_a_secret_after_what_only_began_it_is_found() -> None:
    assert _lines(["corr", "correct-horse", "-battery-staple"]) == ["corr", MASK, MASK]


def test_a_line_that_is_stored_already_does_not_change_and_the_rest_is_hidden() -> None:
    assert _lines(["x corre", "ct-horse-battery-staple"], stored=True) == ["x corre", MASK]


def test_an_empty_line_ends_it_and_only_so_many_lines_are_followed() -> None:
    assert _lines(["correct", "", "-horse-battery-staple"]) == ["correct", "", "-horse-battery-staple"]
    entry, seam = Entry(AT, "stdout", "corr"), Seam(Redactor(["corr" + "a" * 500]))
    seam.take(entry, open_until=1.0)
    assert entry.open_until == 1.0
    for _ in range(2 * MOST_LINES):
        seam.take(Entry(AT, "stdout", "a"), open_until=1.0)
    assert entry.text == "corr"
