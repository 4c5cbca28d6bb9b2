"""What containers have printed until now: the last lines, or all of it as a text."""

import heapq
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from django.utils.translation import gettext

from apps.core.sentences import sentence
from apps.deployer.container_logs.lines import (
    OutputLine,
    Source,
    docker_words,
    logs_command,
    note,
    run_logs,
)
from apps.deployer.container_logs.outlet import MOST_CHARACTERS
from apps.deployer.container_logs.wishes import Wish
from apps.deployer.runner.interface import CancelToken, CommandResult, CommandRunner, Line, Outcome

# What a file has at most.
MOST_DOWNLOADED = 64 * 1024 * 1024
_AT_ONCE = 4  # containers that are read side by side
_DOWNLOAD_TIMEOUT = 15 * 60.0
_AHEAD = 200  # lines of each container that are read ahead of whoever takes a file
_SAID = 10  # lines of docker's own words that are kept


def last_lines(
    runner: CommandRunner,
    sources: Sequence[Source],
    wish: Wish,
    cancel: CancelToken | None = None,
    timeout: float = 30.0,
) -> list[OutputLine]:
    """Return the last lines of all `sources` together that `wish` asks for, in the order of their times.

    They come in milliseconds; an engine that hangs is waited for `timeout` seconds.
    """
    read = partial(_read_last, runner, wish=wish, cancel=cancel, timeout=timeout)
    with ThreadPoolExecutor(min(_AT_ONCE, len(sources) or 1), thread_name_prefix="last-lines") as pool:
        found = [line for lines in pool.map(read, sources) for line in lines]
    lines = sorted((line for line in found if not line.is_note), key=lambda line: line.stamp)
    # What could not be read is said last, however many lines there are of others.
    return [line.finished() for line in (*lines[-wish.tail :], *(line for line in found if line.is_note))]


def _read_last(
    runner: CommandRunner, source: Source, *, wish: Wish, cancel: CancelToken | None, timeout: float
) -> list[OutputLine]:
    kept: deque[OutputLine] = deque(maxlen=wish.tail)
    characters = 0
    said: list[str] = []

    def keep(line: Line) -> None:
        nonlocal characters
        made = source.take(line, 0.0)
        if made is None:
            if len(said) < _SAID:
                said.append(line.text)
            return
        if len(kept) == wish.tail:
            characters -= len(kept[0].text)
        kept.append(made)
        characters += len(made.text)
        while characters > MOST_CHARACTERS and len(kept) > 1:
            characters -= len(kept.popleft().text)

    # The engine counts the last lines before it looks at their times: with an end it would show too few.
    tail = None if wish.until else wish.tail
    argv = logs_command(source.container, tail=tail, since=wish.since, until=wish.until)
    result = run_logs(runner, argv, sink=keep, cancel=cancel, timeout=timeout)
    return [*kept, *_failure(source, result, said)]


def _failure(source: Source, result: CommandResult, said: list[str]) -> list[OutputLine]:
    """Return what is to be said where a command did not come to its end: that there may be more."""
    if result.ok or result.outcome is Outcome.CANCELLED:
        return []
    if result.outcome is Outcome.TIMED_OUT:
        text = sentence("Reading this container took too long and was ended here.")
    elif words := docker_words(source, said):
        text = sentence("The output could not be read: %(words)s", words=words)
    else:
        text = sentence("The output could not be read: exit code %(code)s.", code=result.exit_code)
    return [note(text, source.container)]


def as_text(
    runner: CommandRunner,
    sources: Sequence[Source],
    wish: Wish,
    cancel: CancelToken,
    *,
    timestamps: bool,
) -> Generator[str]:
    """Yield what `sources` have printed as the text of a file, merged by time; `tail` is not looked at.

    The commands behind it end on `cancel`, when the generator is closed, and when the file is as long as
    may be.
    """
    length = 0
    with _reading(runner, sources, wish, cancel) as streams:
        for line in heapq.merge(*streams, key=lambda line: line.stamp):
            text = line.finished().as_text(timestamps=timestamps) + "\n"
            length += len(text)
            if length > MOST_DOWNLOADED:
                cut = gettext("… cut here, after %(size)s MiB. Choose a later “since”.")
                yield cut % {"size": MOST_DOWNLOADED // 1024**2} + "\n"
                return
            yield text


@contextmanager
def _reading(
    runner: CommandRunner, sources: Sequence[Source], wish: Wish, cancel: CancelToken
) -> Iterator[list[Iterator[OutputLine]]]:
    """Run a command for each of `sources` in a thread, and yield their lines; end them with the block."""
    streams = [_Stream(runner, source, wish, cancel) for source in sources]
    try:
        for stream in streams:
            stream.start()
        yield [iter(stream) for stream in streams]
    finally:
        cancel.cancel()
        for stream in streams:
            stream.join()


class _Stream(threading.Thread):
    """Reads one source, a bounded number of lines ahead of whoever iterates over it."""

    def __init__(self, runner: CommandRunner, source: Source, wish: Wish, cancel: CancelToken) -> None:
        super().__init__(name="container-log-file")
        self._runner, self._source, self._wish, self._cancel = runner, source, wish, cancel
        self._said: list[str] = []
        self._lines: queue.Queue[OutputLine | None] = queue.Queue(_AHEAD)

    def run(self) -> None:
        argv = logs_command(self._source.container, since=self._wish.since, until=self._wish.until)
        try:
            result = run_logs(
                self._runner, argv, sink=self._keep, cancel=self._cancel, timeout=_DOWNLOAD_TIMEOUT
            )
            for line in _failure(self._source, result, self._said):
                self._put(line)
        finally:
            self._put(None)

    def _keep(self, line: Line) -> None:
        if (made := self._source.take(line, 0.0)) is not None:
            self._put(made)
        elif len(self._said) < _SAID:
            self._said.append(line.text)

    def _put(self, line: OutputLine | None) -> None:
        while not self._cancel.cancelled:
            try:
                self._lines.put(line, timeout=0.1)
            except queue.Full:
                continue
            return

    def __iter__(self) -> Iterator[OutputLine]:
        # Not beyond the next line, which may still show that one begins a secret (see `seams.Seam`).
        held: OutputLine | None = None
        while (line := self._next()) is not None:
            if held is not None:
                yield held
            held = line
        if held is not None:
            yield held

    def _next(self) -> OutputLine | None:
        while not self._cancel.cancelled:
            try:
                return self._lines.get(timeout=0.1)
            except queue.Empty:
                continue
        return None
