"""What containers use: one `docker stats` for all who look, and none while nobody does."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from apps.deployer.containers import ask_engine
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.programs import docker_program
from apps.deployer.runner.interface import CancelToken, CommandRunner, Line
from apps.deployer.state.readings import FORMAT, NEXT_ROUND, Reading, Round, read_line
from apps.deployments import live

logger = logging.getLogger(__name__)

# Seconds that the stream goes on without anybody who looks: a page that is loaded anew is back by then.
LINGER = 3.0
# The command prints each round several times a second, and the engine measures once.
_SPACING = 0.9
_RETRY = 1.0  # seconds between attempts while the stream breaks

OnRound = Callable[[Round | None], object]


class UsageStream:
    """Runs `docker stats` while somebody watches, and hands on each round of it; None where there is none."""

    def __init__(self, runner: CommandRunner, on_round: OnRound) -> None:
        self._runner = runner
        self._on_round = on_round
        # Guards all below; its holders only look and set.
        self._lock = threading.Lock()
        self._watching = 0
        self._left_at = 0.0
        self._stopped = False
        self._cancel: CancelToken | None = None
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._last: Round | None = None
        # The thread's own.
        self._machine = (0, 0)
        self._collected: dict[str, Reading] | None = None
        self._taken_at = float("-inf")

    @property
    def last(self) -> Round | None:
        """The last round; None while there is none to be had."""
        return self._last

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep the stream running in the block, and a little longer; does not wait for anything."""
        self._come()
        try:
            yield
        finally:
            self._leave()

    def stop(self) -> None:
        """End the stream for good, whoever watches; returns when its process is gone."""
        with self._lock:
            self._stopped = True
            cancel, thread, timer = self._cancel, self._thread, self._timer
        if timer is not None:
            timer.cancel()
        if cancel is not None:
            cancel.cancel()
        if thread is not None:
            thread.join()

    def _come(self) -> None:
        with self._lock:
            self._watching += 1
            if self._stopped or self._thread is not None:
                return
            self._thread = threading.Thread(target=self._follow, name="engine-usage")
            self._thread.start()

    def _leave(self) -> None:
        with self._lock:
            self._watching -= 1
            if self._watching or self._stopped:
                return
            self._left_at = time.monotonic()
            self._timer = threading.Timer(LINGER, self._end_if_unwatched)
            self._timer.daemon = True
            self._timer.start()

    def _end_if_unwatched(self) -> None:
        with self._lock:
            # Whoever came and left meanwhile has a timer of their own.
            is_over = not self._watching and time.monotonic() - self._left_at >= LINGER * 0.99
            # Under the lock, so that it is the run of now that ends.
            if is_over and self._cancel is not None:
                self._cancel.cancel()

    def _follow(self) -> None:
        while (cancel := self._begin()) is not None:
            try:
                self._run(cancel)
            except Exception:
                logger.exception("The stream of what containers use broke; it is opened again")
            self._put(None)
            cancel.wait(_RETRY)

    def _begin(self) -> CancelToken | None:
        """Return the token of the next run; None where nobody watches, and the thread is over."""
        with self._lock:
            ended = self._cancel is not None and self._cancel.cancelled
            if self._stopped or (ended and not self._watching):
                self._cancel = self._thread = None
                return None
            self._cancel = CancelToken()
            return self._cancel

    def _run(self, cancel: CancelToken) -> None:
        try:
            told = ask_engine(self._runner, "info", "--format", "{{.NCPU}} {{.MemTotal}}", cancel=cancel)
        except EngineProblem:
            # Gone, or not there yet; the next attempt comes in a moment.
            return
        words = told.stdout.split()
        numbers = [int(word) for word in words if word.isdecimal()]
        self._machine = (numbers[0], numbers[1]) if len(numbers) == len(words) == 2 else (0, 0)
        self._collected, self._taken_at = None, float("-inf")
        argv = [docker_program(), "stats", "--no-trunc", "--format", FORMAT]
        self._runner.run(argv, sink=self._on_line, cancel=cancel)

    def _on_line(self, line: Line) -> None:
        if line.stream != "stdout":
            return
        if NEXT_ROUND in line.text:
            if self._collected is not None:
                self._put(Round(self._collected, *self._machine))
                self._collected = None
            now = time.monotonic()
            if now - self._taken_at >= _SPACING:
                self._collected, self._taken_at = {}, now
        if self._collected is not None and (told := read_line(line.text)) is not None:
            id_, self._collected[id_] = told

    def _put(self, fresh: Round | None) -> None:
        self._last = fresh
        try:
            self._on_round(fresh)
        except Exception:
            logger.exception("What listens to the usage of containers failed; the stream goes on")


_running: UsageStream | None = None


def start_usage(runner: CommandRunner) -> UsageStream:
    """Let this process measure containers from now on while somebody looks; the caller stops it."""
    global _running
    _running = UsageStream(runner, lambda _round: live.usage_measured())
    return _running


def running_usage() -> UsageStream | None:
    """Return the stream of this process, if it has one."""
    return _running
