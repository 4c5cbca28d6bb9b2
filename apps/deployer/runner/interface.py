"""How the deployer starts a command: one interface, whatever is behind it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Event, RLock
from typing import Literal, NamedTuple, Protocol

from django.utils.formats import number_format
from django.utils.translation import gettext

from apps.core.errors import DomainError
from apps.deployer.runner.terminal import Terminal

Stream = Literal["stdout", "stderr"]

TAIL_LINES = 50
# Bytes of one line that are kept; what is beyond is counted, not stored.
LINE_LIMIT = 64 * 1024
# Exit codes as a shell gives them (POSIX, Shell Command Language, 2.8.2).
NOT_EXECUTABLE = 126
NOT_FOUND = 127
TERMINATED = 128 + 15
KILLED = 128 + 9


class Outcome(StrEnum):
    """How a command came to its end."""

    EXITED = "exited"  # by itself; the exit code is its own
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    NOT_STARTED = "not_started"


class Line(NamedTuple):
    """One line of output without its line end; `at` is when it was read (aware, UTC)."""

    stream: Stream
    text: str
    at: datetime


Sink = Callable[[Line], None]


@dataclass(frozen=True)
class CommandResult:
    """The end of a command: its exit code (128 + N where signal N ended it) and its last lines."""

    exit_code: int
    tail: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.EXITED

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.outcome is Outcome.EXITED and self.exit_code == 0


class CancelToken:
    """A wish to end a command, from any thread; once cancelled it stays so."""

    def __init__(self) -> None:
        self._event = Event()
        # Reentrant: a signal handler may cancel while its own thread holds the lock.
        self._lock = RLock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask for the end; the second time changes nothing."""
        with self._lock:
            if not self._event.is_set():
                self._event.set()
                for callback in list(self._callbacks):
                    callback()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds (None: for ever) and return whether it was cancelled."""
        return self._event.wait(timeout)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Generator[None]:
        """Have `callback` called on cancel within the block, at once where that is past; never after it.

        It runs in the cancelling thread and holds up the others: it must be short and raise nothing.
        """
        with self._lock:
            self._callbacks.append(callback)
            if self._event.is_set():
                callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)


class CommandRunner(Protocol):
    """Whatever runs commands for the deployer."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        sink: Sink | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        stdin: bytes | None = None,
        line_limit: int = LINE_LIMIT,
        mark_returns: bool = False,
    ) -> CommandResult:
        """Run `argv` to its end and return how it ended.

        `env` is the command's whole environment (None: `process_environment()`), `sink` gets each line as
        it comes, in the calling thread; what it raises ends the command and is raised here. `timeout` is
        in seconds. Without `stdin` the command reads nothing. Of a line beyond `line_limit` bytes the
        beginning is kept; with `mark_returns` one that follows a "\\r" begins with it. A command that
        cannot be started is no exception: its outcome is NOT_STARTED, its exit code 127 (no such program)
        or 126, and a line on stderr says why.
        """
        ...

    def run_in_terminal(
        self,
        argv: Sequence[str],
        terminal: Terminal,
        *,
        env: Mapping[str, str] | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> CommandResult:
        """Run `argv` to its end with `terminal` as its standard streams, and return how it ended.

        `env`, `cancel` and `timeout` are as for `run`. The result has no tail but that of a command that
        was not started.
        """
        ...


@dataclass(frozen=True)
class Collected:
    """A finished command and its whole output as text; line ends are "\\n", also after the last line."""

    exit_code: int
    stdout: str
    stderr: str
    outcome: Outcome = Outcome.EXITED

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.outcome is Outcome.EXITED and self.exit_code == 0


class OutputTooLong(DomainError):
    """A command whose output is read as a whole and that does not stop printing."""

    http_status = 500


def collect(
    runner: CommandRunner,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    cancel: CancelToken | None = None,
    timeout: float | None = None,
    stdin: bytes | None = None,
    limit: int = 16 * 1024 * 1024,
) -> Collected:
    """Run a command whose output is an answer to read whole, such as JSON; no line of it is cut.

    Raises OutputTooLong, and ends the command, beyond `limit` characters.
    """
    texts: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
    room = limit

    def keep(line: Line) -> None:
        nonlocal room
        room -= len(line.text) + 1
        if room < 0:
            raise OutputTooLong(
                gettext(
                    "“%(argv)s” printed more than %(limit)s characters and was ended; nothing was "
                    "read from it."
                )
                % {"argv": " ".join(argv[:3]), "limit": number_format(limit, force_grouping=True)}
            )
        texts[line.stream].append(line.text + "\n")

    # A line longer than the limit is seen as such in one piece: the one that exceeds it.
    result = runner.run(
        argv,
        env=env,
        cwd=cwd,
        sink=keep,
        cancel=cancel,
        timeout=timeout,
        stdin=stdin,
        line_limit=4 * limit,
    )
    return Collected(result.exit_code, "".join(texts["stdout"]), "".join(texts["stderr"]), result.outcome)
