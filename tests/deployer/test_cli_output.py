"""Data on standard output, the rest on standard error, each for who reads it."""

import io
import json
import os
from collections.abc import Iterator

import pytest
from django.core.management.base import OutputWrapper

from apps.deployer.cli.output import Output, OutputClosed, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self._descriptor


def output_to(stdout: io.StringIO, stderr: io.StringIO) -> Output:
    return Output(OutputWrapper(stdout), OutputWrapper(stderr), as_json=False)  # type: ignore[arg-type]


def test_lines_go_to_a_pipe_as_they_are() -> None:
    stdout = io.StringIO()
    output_to(stdout, io.StringIO()).lines(["one", "", "\x1b[31mred"])
    assert stdout.getvalue() == "one\n\n\x1b[31mred\n"


def test_lines_cannot_steer_a_terminal() -> None:
    stdout = Terminal()
    output_to(stdout, io.StringIO()).lines(["\x1b]0;title\x07", "tab\tstays", "\x9b2J"])
    assert stdout.getvalue() == "\\x1b]0;title\\x07\ntab\tstays\n\\x9b2J\n"


def test_remarks_cannot_steer_a_terminal_or_be_read_as_markup() -> None:
    stderr = Terminal()
    output_to(io.StringIO(), stderr).say("[bold]x[/bold] \x1b[2J :boom:")
    assert "[bold]x[/bold] \\x1b[2J :boom:" in stderr.getvalue()


def test_remarks_never_reach_standard_output() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    output_to(stdout, stderr).say("two\nlines")
    assert stdout.getvalue() == ""
    assert stderr.getvalue() == "two lines\n"


def test_a_table_on_a_pipe_is_aligned_and_never_cut() -> None:
    stdout = io.StringIO()
    output_to(stdout, io.StringIO()).table(["A", "LONG"], [["x" * 300, 1], ["y", None], ["a\nb", "c"]])
    lines = stdout.getvalue().splitlines()
    assert lines == ["A".ljust(300) + "  LONG", "x" * 300 + "  1", "y", "a\\x0ab".ljust(300) + "  c"]


def test_a_table_on_a_terminal_shows_what_a_cell_holds_not_what_it_does() -> None:
    stdout = Terminal()
    output_to(stdout, io.StringIO()).table(["STATUS"], [["\x1b[2Jx"], ["[red]y"]])
    assert "\\x1b[2Jx" in stdout.getvalue()
    assert "[red]y" in stdout.getvalue()


@pytest.mark.parametrize("values", [[], [{"a": "ü"}], [1, 2, 3]])
def test_a_json_list_that_is_written_bit_by_bit_is_json(values: list[object]) -> None:
    stdout = io.StringIO()
    output_to(stdout, io.StringIO()).json_list(iter(values))
    assert json.loads(stdout.getvalue()) == values


def test_a_json_list_is_closed_when_its_source_ends_early() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    stdout = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        output_to(stdout, io.StringIO()).json_list(source())
    assert json.loads(stdout.getvalue()) == [1]


def test_a_reader_that_left_ends_the_output_once_and_leaves_nothing_to_flush() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(OutputClosed):
            output_to(Gone(writing), io.StringIO()).lines(["one"])
        # What is written from now on goes nowhere, instead of failing.
        os.write(writing, b"more")
    finally:
        os.close(writing)


def test_a_closed_standard_error_does_not_stop_a_command() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        output_to(io.StringIO(), Gone(writing)).say("nobody hears this")
        os.write(writing, b"more")
    finally:
        os.close(writing)


def test_printable_keeps_what_people_write() -> None:
    assert printable("naïve – ✓ 日本 \t") == "naïve – ✓ 日本 \t"
