"""One running command: its output, its time limits and the end of its whole process group."""

import contextlib
import logging
import os
import selectors
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from time import monotonic, sleep
from typing import IO

from apps.deployer.runner.interface import (
    KILLED,
    TAIL_LINES,
    CancelToken,
    CommandResult,
    Line,
    Outcome,
    Sink,
    Stream,
)
from apps.deployer.runner.lines import LineSplitter
from apps.deployer.runner.process_group import ProcessGroup

logger = logging.getLogger(__name__)

_READ = 64 * 1024  # bytes: what a pipe holds
_SLICE = 64  # lines handed over before cancel and time limits are looked at again
_LOOK = 0.02  # seconds between two looks at who of the group still lives
_KILL_TIME = 2.0  # seconds for the kernel to end what got SIGKILL
_LEFTOVER = 1024 * 1024  # bytes read at most from a pipe that an outsider keeps open


class _Phase(Enum):
    RUNNING = auto()  # until the time limit
    DRAINING = auto()  # the command has exited, somebody still holds its output open
    TERMINATED = auto()  # SIGTERM was sent; until the grace time is over
    KILLED = auto()
    OVER = auto()


class Command:
    """One running command, from its start to its end.

    The calling thread waits in one place for output, room in stdin, the exit (by a pidfd) and cancel
    (by a pipe), so there is no thread per stream and nothing is polled while the command runs.
    """

    def __init__(
        self,
        leader: int,
        *,
        stdout: IO[bytes] | None,
        stderr: IO[bytes] | None,
        stdin: IO[bytes] | None,
        selector: selectors.BaseSelector,
        wake: tuple[int, int],
        sink: Sink | None,
        splitter: Callable[[], LineSplitter],
        grace: float,
        drain: float,
    ) -> None:
        self._group = ProcessGroup(leader)
        self._open: dict[IO[bytes], tuple[Stream, LineSplitter]] = {}
        if stdout is not None:
            self._open[stdout] = "stdout", splitter()
        if stderr is not None:
            self._open[stderr] = "stderr", splitter()
        self._stdin = stdin
        self._unwritten = memoryview(b"")
        self._selector = selector
        self._wake = wake
        self._pidfd: int | None = None
        self._sink = sink
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._grace = grace
        self._drain = drain
        self._phase = _Phase.RUNNING
        self._deadline = float("inf")
        self._next_look = 0.0
        self._cancelled = False
        self._outcome = Outcome.EXITED
        self._exit_code: int | None = None

    @property
    def has_exited(self) -> bool:
        """Whether the leader has ended, so that it can be collected without waiting."""
        return self._exit_code is not None

    def run(self, cancel: CancelToken, timeout: float | None, stdin: bytes) -> CommandResult:
        """Follow the command to its end; what the sink raises ends the command first."""
        if timeout is not None:
            self._deadline = monotonic() + timeout
        self._unwritten = memoryview(stdin)
        try:
            self._watch()
            with cancel.calling(self._on_cancel):
                try:
                    self._follow()
                except BaseException:
                    # The sink, or a KeyboardInterrupt. What the command prints from here on is dropped.
                    self._sink = None
                    self._terminate()
                    self._follow()
                    raise
        finally:
            self._close()
        exit_code = KILLED if self._exit_code is None else self._exit_code
        return CommandResult(exit_code, list(self._tail), self._outcome)

    # --- What is waited for -------------------------------------------------------------------

    def _watch(self) -> None:
        for pipe in self._open:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, partial(self._read, pipe))
        if self._stdin is not None:
            os.set_blocking(self._stdin.fileno(), False)
            self._selector.register(self._stdin, selectors.EVENT_WRITE, self._write)
        self._selector.register(self._wake[0], selectors.EVENT_READ, self._woken)
        # Without it (a kernel before 5.3, a sandbox that refuses it) the exit is polled.
        with contextlib.suppress(OSError):
            self._pidfd = os.pidfd_open(self._group.leader)
        if self._pidfd is not None:
            self._selector.register(self._pidfd, selectors.EVENT_READ, self._look_for_exit)

    def _follow(self) -> None:
        while not self._is_over():
            for key, _ in self._selector.select(self._time_to_wait()):
                key.data()
            self._advance()
        for pipe in list(self._open):
            self._read_leftover(pipe)

    def _time_to_wait(self) -> float | None:
        until = self._deadline
        if self._exit_code is None and self._pidfd is None:
            until = min(until, monotonic() + _LOOK)
        if self._looks_for_members():
            until = min(until, self._next_look)
        return None if until == float("inf") else max(0.0, until - monotonic())

    def _on_cancel(self) -> None:
        # In the cancelling thread, so that a sink that is held up does not hold up the signal.
        if self._group.exit_code() is None:
            self._cancelled = True
        self._group.terminate()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake[1], b"x")

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake[0], _READ)

    def _read(self, pipe: IO[bytes]) -> None:
        try:
            data = os.read(pipe.fileno(), _READ)
        except BlockingIOError:
            return
        if data:
            stream, splitter = self._open[pipe]
            self._deliver(stream, splitter.feed(data))
        else:
            self._finish(pipe)

    def _write(self) -> None:
        if self._stdin is None or self._stdin.closed:  # the exit was seen in the same round
            return
        try:
            if self._unwritten:
                written = os.write(self._stdin.fileno(), self._unwritten[:_READ])
                self._unwritten = self._unwritten[written:]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the command does not want the rest
            self._unwritten = memoryview(b"")
        if not self._unwritten:
            self._drop(self._stdin)

    def _look_for_exit(self) -> None:
        if self._exit_code is not None:
            return
        self._exit_code = self._group.exit_code()
        if self._exit_code is None:
            return
        if self._pidfd is not None:
            self._selector.unregister(self._pidfd)
        if self._stdin is not None:
            self._drop(self._stdin)
        if self._phase is _Phase.RUNNING:
            self._enter(_Phase.DRAINING, self._drain)

    # --- The way to the end -------------------------------------------------------------------

    def _advance(self) -> None:
        """Act on cancel and on the time limit of the present phase."""
        late = monotonic() >= self._deadline
        if self._pidfd is None or (late and self._phase is _Phase.RUNNING):
            # A command that ended while the sink was held up has not overrun its time.
            self._look_for_exit()
        if self._phase in (_Phase.RUNNING, _Phase.DRAINING) and self._cancelled:
            self._outcome = Outcome.CANCELLED
            self._terminate()
        elif late and monotonic() >= self._deadline:
            match self._phase:
                case _Phase.RUNNING:
                    self._outcome = Outcome.TIMED_OUT
                    self._terminate()
                case _Phase.DRAINING if self._group.has_members():
                    self._terminate()
                case _Phase.TERMINATED:
                    self._group.kill()
                    self._enter(_Phase.KILLED, _KILL_TIME)
                case _Phase.KILLED:
                    logger.error("Process %d did not end after SIGKILL.", self._group.leader)
                    self._enter(_Phase.OVER, float("inf"))
                case _:
                    self._enter(_Phase.OVER, float("inf"))

    def _terminate(self) -> None:
        self._group.terminate()
        self._enter(_Phase.TERMINATED, self._grace)

    def _enter(self, phase: _Phase, seconds: float) -> None:
        self._phase = phase
        self._deadline = monotonic() + seconds
        self._next_look = 0.0

    def _looks_for_members(self) -> bool:
        """Return whether all that is missing is that nobody of the group lives any more."""
        return self._exit_code is not None and not (self._phase is _Phase.DRAINING and self._open)

    def _is_over(self) -> bool:
        if self._phase is _Phase.OVER:
            return True
        if not self._looks_for_members() or monotonic() < self._next_look:
            return False
        if not self._group.has_members():
            return True
        if self._phase is _Phase.DRAINING:
            self._terminate()
        self._next_look = monotonic() + _LOOK
        return False

    # --- Output -------------------------------------------------------------------------------

    def _deliver(self, stream: Stream, texts: list[str]) -> None:
        self._tail.extend(texts)
        at = datetime.now(UTC)
        for start in range(0, len(texts), _SLICE):
            for text in texts[start : start + _SLICE]:
                if self._sink is not None:
                    self._sink(Line(stream, text, at))
            self._advance()

    def _read_leftover(self, pipe: IO[bytes]) -> None:
        """Read what is in a pipe that somebody outside the group keeps open, and leave it."""
        stream, splitter = self._open[pipe]
        for _ in range(_LEFTOVER // _READ):
            try:
                data = os.read(pipe.fileno(), _READ)
            except BlockingIOError:
                break
            if not data:
                break
            self._deliver(stream, splitter.feed(data))
        self._finish(pipe)

    def _finish(self, pipe: IO[bytes]) -> None:
        stream, splitter = self._open.pop(pipe)
        self._drop(pipe)
        self._deliver(stream, splitter.finish())

    def _drop(self, pipe: IO[bytes]) -> None:
        if not pipe.closed:
            self._selector.unregister(pipe)
            pipe.close()

    def _close(self) -> None:
        """Leave nothing open; also where following the command was interrupted for a second time."""
        if self._exit_code is None:
            self._group.kill()
            until = monotonic() + _KILL_TIME
            while self._exit_code is None and monotonic() < until:
                sleep(_LOOK)
                self._exit_code = self._group.exit_code()
        for pipe in (*self._open, self._stdin):
            if pipe is not None:
                pipe.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
