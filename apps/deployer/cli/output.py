"""What a command writes: data to standard output, everything else to standard error."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.core.signs import STEERING, TURNING

# The line break that ends a line is added to what is printable.
_CONTROL = re.compile(f"{STEERING.pattern}|{TURNING.pattern}")

STATUS_STYLES = {
    "succeeded": "green",
    "up": "green",
    "completed": "green",
    "running": "cyan",
    "queued": "cyan",
    "unstable": "yellow",
    "degraded": "yellow",
    "partial": "yellow",
    "failed": "bold red",
    "interrupted": "red",
    "cancelled": "magenta",
    "unreachable": "red",
    "create": "green",
    "recreate": "yellow",
    "remove": "red",
    "missing": "red",
}


class OutputClosed(Exception):
    """The reader of standard output has gone, as `head` does once it has enough."""


class Output:
    """The two streams of a command, each told apart by whether a terminal reads it."""

    def __init__(
        self, stdout: OutputWrapper, stderr: OutputWrapper, *, as_json: bool, colour: bool = True
    ) -> None:
        self.as_json = as_json
        self.colour = colour
        for stream in (stdout, stderr):
            # This class writes the line breaks and the colours itself.
            stream.ending = ""
            stream.style_func = None
        self.data = stdout
        self.news = stderr

    @property
    def is_terminal(self) -> bool:
        """Whether a person sees the progress as it happens."""
        return bool(self.news.isatty())

    def console(self, stream: OutputWrapper) -> Console:
        """Return a console on `stream` that takes texts as they are."""
        return Console(
            file=stream,  # type: ignore[arg-type]
            no_color=None if self.colour else True,
            markup=False,
            highlight=False,
            emoji=False,
        )

    def lines(self, texts: Iterable[str]) -> None:
        """Write `texts` to standard output, one a line. Raises OutputClosed."""
        shown = printable if self.data.isatty() else _as_line
        self.raw("".join(f"{shown(text)}\n" for text in texts))

    def raw(self, text: str) -> None:
        """Write `text` to standard output as it is. Raises OutputClosed."""
        try:
            self.data.write(text)
            self.data.flush()
        except BrokenPipeError:
            _let_go(self.data)
            raise OutputClosed from None

    def json(self, value: Any) -> None:
        """Write `value` to standard output as JSON. Raises OutputClosed."""
        self.raw(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def json_list(self, values: Iterable[Any]) -> None:
        """Write `values` as a JSON list, each as soon as it is there. Raises OutputClosed.

        The list is closed also where `values` ends by an exception, so that what was read stays readable.
        """
        start = "["
        try:
            for value in values:
                self.raw(start + "\n  " + json.dumps(value, ensure_ascii=False))
                start = ","
        except OutputClosed:
            raise
        except BaseException:
            self.raw("[]\n" if start == "[" else "\n]\n")
            raise
        self.raw("[]\n" if start == "[" else "\n]\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table to standard output; on a pipe nothing is cut or folded. Raises OutputClosed."""
        cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
        if not self.data.isatty():
            self.raw("".join(f"{line}\n" for line in _plain_table(columns, cells)))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in row))
        console = self.console(self.data)
        with console.capture() as captured:
            console.print(table)
        self.raw(captured.get())

    def say(self, text: str, style: str = "") -> None:
        """Tell the person `text` on standard error."""
        try:
            if self.is_terminal:
                self.console(self.news).print(Text(printable(text), style=style), soft_wrap=True)
            else:
                self.news.write(f"{_as_line(text)}\n")
            self.news.flush()
        except BrokenPipeError:
            _let_go(self.news)


def printable(text: str) -> str:
    """Return `text` with everything that could steer a terminal made visible."""
    return _CONTROL.sub(lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def write_leniently() -> None:
    """Let standard output and error escape what their encoding lacks, rather than fail on it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _as_line(text: str) -> str:
    return text.replace("\n", " ")


def _plain_table(columns: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    lines = [list(columns), *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _let_go(stream: OutputWrapper) -> None:
    """Point `stream` to nowhere, so that neither later writes nor the interpreter's last flush complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
