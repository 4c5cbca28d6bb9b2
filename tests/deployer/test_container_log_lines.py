"""Lines of containers: whose time they have, how they travel, and what they say in which language."""

import json
from itertools import pairwise

import pytest
from django.utils import timezone
from django.utils.translation import override

from apps.core.sentences import counted, sentence
from apps.deployer.container_logs.lines import (
    FRAME_LINES,
    LINE_BYTES,
    OutputLine,
    Source,
    docker_words,
    frames,
    note,
)
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import Line
from apps.deployer.runner.lines import LineSplitter
from apps.deployments.live import MAX_BYTES
from tests.panel.fake_feed import container

AT = timezone.now()
STAMP = "2026-03-01T12:00:00.000000001Z"
SECRET = "correct-horse-battery-staple"


def source() -> Source:
    return Source(container(), Redactor([SECRET]))


def taken(one: Source, *reads: bytes) -> list[OutputLine]:
    """Return the lines of what `docker logs` prints on stdout in these reads."""
    splitter = LineSplitter(LINE_BYTES, mark_returns=True)
    texts = [text for data in reads for text in splitter.feed(data)]
    return [made for text in texts if (made := one.take(Line("stdout", text, AT), 0.0)) is not None]


@pytest.mark.parametrize("forged", ["2999-01-01T00:00:00.000000000Z", "2026-99-99T99:99:99.999999999Z"])
def test_a_container_cannot_write_the_time_of_its_lines(forged: str) -> None:
    """By a later one it could have the panel skip what it prints after its restart."""
    one = source()
    lines = taken(one, f"{STAMP} 10%\r{forged} late\n{STAMP} next\r\n{STAMP} last\n".encode())
    assert [(line.stamp, line.text) for line in lines] == [
        (STAMP, "10%"),
        (STAMP, f"{forged} late"),
        (STAMP, "next"),
        (STAMP, "last"),
    ]
    assert one.last_stamp == STAMP


def test_what_docker_itself_says_is_no_line_of_the_container_and_its_secrets_are_hidden() -> None:
    one = source()
    lines = taken(one, f"{STAMP} a line\nError response from daemon: it is gone\n".encode())
    assert [line.text for line in lines] == ["a line"]
    assert docker_words(one, ["x" * 490, SECRET]) == f"{'x' * 490} ••••••••"
    assert docker_words(one, ["\x1b[31mred"]) == "\\x1b[31mred"


def test_a_secret_over_two_reads_and_over_a_carriage_return_is_hidden() -> None:
    begun, rest = SECRET[:9].encode(), SECRET[9:].encode()
    for breaking in (b"", b"\x1b[31m", b"\r"):
        lines = taken(source(), STAMP.encode() + b" x " + begun, breaking + rest + b" y\n")
        shown = " ".join(line.finished().text for line in lines)
        assert "horse" not in shown
        assert "staple" not in shown
        assert shown.startswith("x ")
        assert shown.endswith(" y")


@pytest.mark.parametrize("letter", ["x", "\x01", "é", "\x1b", "\u202e"])
def test_lines_of_whatever_travel_in_frames_that_every_listener_takes(letter: str) -> None:
    text = letter * (LINE_BYTES // len(letter.encode()))
    lines = [OutputLine(AT, "stdout", text, seq=number).finished() for number in range(1, 151)]

    made = list(frames(lines))

    assert max(len(frame.text) for frame in made) < MAX_BYTES
    assert [line["seq"] for frame in made for line in json.loads(frame.text)["lines"]] == [
        line.seq for line in lines
    ]
    assert all(one.last_seq + 1 == other.first_seq for one, other in pairwise(made))
    short = [OutputLine(AT, "stdout", "", seq=number) for number in range(1, FRAME_LINES + 2)]
    assert [frame.last_seq for frame in frames(short)] == [FRAME_LINES, FRAME_LINES + 1]
    assert list(frames([])) == []


def test_the_panel_s_own_words_are_in_the_reader_s_language_and_nothing_else_is_made_twice() -> None:
    lines = [
        OutputLine(AT, "stdout", "This container was removed.", seq=1).finished(),
        note(sentence("This container was removed.")).finished(),
        note(
            counted(
                "%(count)s line was skipped here: more came than can be shown.",
                "%(count)s lines were skipped here: more came than can be shown.",
                7,
            )
        ).finished(),
    ]
    (frame,) = frames(lines)

    def texts() -> list[str]:
        return [line["text"] for line in json.loads(frame.text)["lines"]]

    assert texts()[1:] == [
        "This container was removed.",
        "7 lines were skipped here: more came than can be shown.",
    ]
    with override("de"):
        assert texts() == [
            "This container was removed.",
            "Dieser Container wurde entfernt.",
            "Hier wurden 7 Zeilen ausgelassen: Es kamen mehr, als gezeigt werden können.",
        ]
        assert lines[1].as_text(timestamps=False) == "Dieser Container wurde entfernt."
        (plain,) = frames(lines[:1])
        german = plain.text
    assert plain.text is german
