"""Texts that people read otherwise than programs do (CVE-2021-42574), and such that steer a terminal."""

import pytest

from apps.applications.content import Content, InvalidContent
from apps.applications.services import InvalidText, line_of_text
from apps.deployer.cli.output import printable

TURNS = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
FILE = "services:\n  web:\n    image: nginx:alpine\n"


@pytest.mark.parametrize("sign", TURNS)
def test_a_file_that_reads_otherwise_than_it_stands_is_refused_at_its_line(sign: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        Content.read(f"{FILE}    privileged: true  # {sign} eslaf\n")
    (problem,) = refused.value.problems
    assert problem.line == 4
    assert f"U+{ord(sign):04X}" in problem.message


def test_writing_from_right_to_left_is_welcome() -> None:
    text = f"{FILE}    labels: {{greeting: 'שלום, سلام'}}\n"
    assert Content.read(text).yaml == text


@pytest.mark.parametrize(
    "sign", [*TURNS, "\x00", "\x07", "\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x9b2J", "\x7f"]
)
def test_a_note_or_name_holds_no_such_sign(sign: str) -> None:
    with pytest.raises(InvalidText, match="The note"):
        line_of_text(f"fine {sign} so far", "The note", 500)


@pytest.mark.parametrize("sign", [*TURNS, "\x1b[2J", "\x9b", "\x00", "\r"])
def test_a_terminal_is_shown_what_it_is(sign: str) -> None:
    shown = printable(f"a{sign}b")
    assert sign[0] not in shown
    assert "\\" in shown
