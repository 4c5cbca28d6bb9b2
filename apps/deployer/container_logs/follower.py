"""The output of an app's containers as it comes, for all who watch the same part of it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, connections
from django.utils import timezone

from apps.core.errors import DomainError
from apps.deployer.container_logs.lines import (
    OutputLine,
    Source,
    line_limit,
    lines_frame,
    logs_command,
    note,
    wanted,
)
from apps.deployer.container_logs.pace import Pace
from apps.deployer.container_logs.reading import MOST_CHARACTERS, last_lines
from apps.deployer.container_logs.wishes import Wish, after
from apps.deployer.containers import Container
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, CommandRunner, Line, Outcome
from apps.deployer.state.feed import EngineFeed, engine_feed
from apps.deployments.live import broadcaster

logger = logging.getLogger(__name__)

# Containers that one view follows; the page says which it leaves out.
MOST_CONTAINERS: Final = 16
# Commands that follow containers at once, for everybody together: each takes some 20 MB of the machine.
MOST_COMMANDS: Final = 64
# Lines that follow one another within this time are sent together.
BATCH_SECONDS: Final = 0.03
FRAME_LINES: Final = 500
# How long a line that ends like the beginning of a secret waits for the next one.
_OPEN_SECONDS = 0.1
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0  # seconds between two attempts to follow a container
_FAILURES = 4  # of the same kind in a row, after which it is told what docker says
_LOOK = 5.0  # seconds between looks where the engine's feed says nothing

_commands = threading.BoundedSemaphore(MOST_COMMANDS)
_NEVER = "0001-"  # how the engine writes the time of what has not happened yet
_RUNS = frozenset({"running", "paused"})


class LogFollower:
    """Follows the containers of one project, through restarts, new containers and scaling, until `stop`.

    There is one `docker logs` for each container that runs, so that a container that goes ends nothing but
    its own: `docker compose logs --follow` ends with the last one of those that it began with. Each line
    gets a number; the last ones are kept for who comes later or falls behind (`after`).
    """

    def __init__(
        self,
        runner: CommandRunner,
        project: str,
        wish: Wish,
        redactor: Callable[[], Redactor],
        topic: str,
    ) -> None:
        """`redactor` reads anew what is to be hidden; `topic` is where frames are published."""
        self.topic = topic
        # All that will ever come was sent.
        self.over = False
        self._runner, self._project, self._wish, self._topic = runner, project, wish, topic
        self._read_redactor = redactor
        self._cancel = CancelToken()
        self._changed = threading.Condition()
        self._pending: deque[OutputLine] = deque()
        self._kept: deque[OutputLine] = deque()
        self._characters = 0
        self._last_seq = 0
        self._complete = False
        self._followed: dict[str, threading.Thread] = {}
        self._left_out: set[str] = set()
        self._started: dict[str, str] = {}  # by container: when the run began that was seen last
        self._redactor: Redactor | None = None
        self._threads = [
            threading.Thread(target=self._supervise, name="container-logs"),
            threading.Thread(target=self._send, name="container-logs-send"),
        ]

    def start(self) -> None:
        """Begin; lines come within moments."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all commands to end; to be called from any thread, without waiting."""
        self._cancel.cancel()
        with self._changed:
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until nothing of it runs any more."""
        for thread in (*self._threads, *self._followed.values()):
            thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def last_seq(self) -> int:
        """The number of the last line that was sent."""
        return self._last_seq

    def after(self, seq: int) -> tuple[int, list[OutputLine]]:
        """Return the lines after number `seq` that are still kept, and how many before these are not."""
        with self._changed:
            lines = [line for line in self._kept if line.seq > seq]
            first = lines[0].seq if lines else self._last_seq + 1
        return max(0, first - seq - 1), lines

    # --- What is followed ---------------------------------------------------------------------

    def _supervise(self) -> None:
        try:
            with engine_feed(self._runner) as feed:
                self._begin(feed)
                seen = -1
                while self._wish.follows and not self._cancel.cancelled:
                    seen, containers = feed.generation, feed.of(self._project)
                    if containers is not None:
                        self._take_up(feed, wanted(containers, self._wish.service))
                    seen = feed.wait(seen, _LOOK, self._cancel)
        except (DomainError, DatabaseError) as error:
            self._say(
                str(error) if isinstance(error, DomainError) else "The panel's database does not answer."
            )
        except Exception:
            logger.exception("Following the output of %s failed", self._project)
            self._say("The panel met an unexpected error here; load the page again.")
        finally:
            for thread in list(self._followed.values()):
                thread.join()
            connections.close_all()
            with self._changed:
                self._complete = True
                self._changed.notify_all()

    def _begin(self, feed: EngineFeed) -> None:
        """Send what was printed until now, then follow from there."""
        told = False
        while feed.of(self._project) is None and not self._cancel.cancelled:
            if feed.generation and not told:
                told = True
                self._say("The Docker engine does not answer; this goes on when it does.")
            feed.wait(feed.generation, _LOOK, self._cancel)
        containers = wanted(feed.of(self._project) or [], self._wish.service)
        if not containers:
            self._say("There are no containers here yet. What they print appears when there are.")
        self._started = {c.id: c.started_at for c in containers if not c.started_at.startswith(_NEVER)}
        chosen = self._chosen(containers)
        sources = [Source(container, self._fresh_redactor()) for container in chosen]
        for line in last_lines(self._runner, sources, self._wish, self._cancel):
            self._add(line)
        if self._wish.follows:
            for source in sources:
                self._follow(feed, source)

    def _take_up(self, feed: EngineFeed, containers: list[Container]) -> None:
        """Follow those of `containers` that are new, and tell which of the others run again."""
        for container in containers:
            before = self._started.get(container.id)
            if before is not None and container.started_at != before and container.state in _RUNS:
                self._say("This container runs again.", container)
            if container.state in _RUNS:
                self._started[container.id] = container.started_at
        for id_ in [id_ for id_, thread in self._followed.items() if not thread.is_alive()]:
            del self._followed[id_]
        new = [c for c in self._chosen(containers) if c.id not in self._followed]
        if new:
            self._redactor = None
        for container in new:
            if self._cancel.cancelled:
                return
            self._say("This container is new here.", container)
            self._follow(feed, Source(container, self._fresh_redactor()))

    def _chosen(self, containers: list[Container]) -> list[Container]:
        """Return as many of `containers` as one view follows, those that it follows already first."""
        by_use = sorted(containers, key=lambda c: (c.id not in self._followed, c.state not in _RUNS))
        left_out = {container.id for container in by_use[MOST_CONTAINERS:]}
        if left_out - self._left_out:
            self._say(
                f"Only {MOST_CONTAINERS} of {len(containers)} containers are shown at a time; "
                "choose a service to see the others."
            )
        self._left_out = left_out
        return by_use[:MOST_CONTAINERS]

    def _fresh_redactor(self) -> Redactor:
        if self._redactor is None:
            self._redactor = self._read_redactor()
        return self._redactor

    def _follow(self, feed: EngineFeed, source: Source) -> None:
        thread = threading.Thread(
            target=self._follow_one, args=(feed, source), name=f"container-log-{source.container.name}"
        )
        self._followed[source.container.id] = thread
        thread.start()

    def _follow_one(self, feed: EngineFeed, source: Source) -> None:
        """Follow one container until it is gone: a command ends whenever the container does."""
        pause, told = _FIRST_PAUSE, False
        said: list[str] = []
        while not self._cancel.cancelled:
            started = time.monotonic()
            if not _commands.acquire(blocking=False):
                if not told:
                    self._say(
                        f"The panel follows {MOST_COMMANDS} containers already, for everybody together; "
                        "this one is followed when there is room.",
                        source.container,
                    )
                told = True
                self._cancel.wait(_LAST_PAUSE)
                continue
            try:
                said.append(self._follow_once(source))
            finally:
                _commands.release()
            # A feed that has yet to hear of the end would have this ask again and again.
            self._cancel.wait(pause)
            pause = _FIRST_PAUSE if time.monotonic() - started > _LOOK else min(2 * pause, _LAST_PAUSE)
            if not self._runs_again(feed, source.container):
                return
            # One that is just being removed fails a few times before the feed hears of it.
            if said[-1] and said[-_FAILURES:] == [said[-1]] * _FAILURES != said[-_FAILURES - 1 : -1]:
                self._say(f"Docker said: {said[-1]}", source.container)
            del said[: -_FAILURES - 1]

    def _follow_once(self, source: Source) -> str:
        """Follow one run of a container; return what docker itself said where it failed."""
        source.begin()
        said: list[str] = []

        def take(line: Line) -> None:
            made = source.take(line, time.monotonic() + _OPEN_SECONDS)
            if made is not None:
                self._add(made)
            elif len(said) < 10:
                said.append(line.text)

        def skipped(count: int) -> None:
            lines = "1 line was" if count == 1 else f"{count:,} lines were"
            self._say(f"{lines} skipped here: more came than can be shown.", source.container)

        pace = Pace(take, skipped, self._cancel)
        since = after(source.last_stamp) if source.last_stamp else self._wish.since
        argv = logs_command(source.container, since=since, follow=True)
        result = self._runner.run(argv, sink=pace.add, cancel=self._cancel, line_limit=line_limit())
        pace.finish()
        failed = result.outcome is not Outcome.CANCELLED and not result.ok
        return source.redactor.redact(" ".join(said or result.tail)[:500]) if failed else ""

    def _runs_again(self, feed: EngineFeed, container: Container) -> bool:
        """Wait until `container` runs; False where it is gone, or nobody watches any more."""
        told = False
        while not self._cancel.cancelled:
            seen, containers = feed.generation, feed.of(self._project)
            if containers is not None:
                now = next((c for c in containers if c.id == container.id), None)
                if now is None:
                    self._say("This container was removed.", container)
                    return False
                if now.state in _RUNS:
                    return True
                if not told and now.state in ("exited", "dead"):
                    told = True
                    self._say(f"This container ended with exit code {now.exit_code}.", container)
            feed.wait(seen, _LOOK, self._cancel)
        return False

    # --- The way to those who watch -----------------------------------------------------------

    def _say(self, text: str, container: Container | None = None) -> None:
        self._add(note(text, timezone.now(), container))

    def _add(self, line: OutputLine) -> None:
        with self._changed:
            self._pending.append(line)
            if len(self._pending) == 1:
                self._changed.notify_all()

    def _send(self) -> None:
        sent_at = float("-inf")
        while batch := self._next_batch(sent_at + BATCH_SECONDS):
            sent_at = time.monotonic()
            for start in range(0, len(batch), FRAME_LINES):
                self._publish(batch[start : start + FRAME_LINES])
        self.over = True
        broadcaster.publish(self._topic, {"type": "over"})

    def _next_batch(self, due: float) -> list[OutputLine]:
        """Wait for lines, and until `due` for more to go with them; nothing means that it is over."""
        with self._changed:
            while not self._pending:
                if self._complete or self._cancel.cancelled:
                    return []
                self._changed.wait()
            while (remaining := due - time.monotonic()) > 0 and not self._cancel.cancelled:
                self._changed.wait(remaining)
            while (wait := self._pending[0].open_until - time.monotonic()) > 0 and not self._cancel.cancelled:
                self._changed.wait(wait)
            batch: list[OutputLine] = []
            now = time.monotonic()
            while self._pending and (not batch or self._pending[0].open_until <= now):
                batch.append(self._pending.popleft())
                batch[-1].is_stored = True
            return batch

    def _publish(self, lines: list[OutputLine]) -> None:
        for line in lines:
            line.finished()
        with self._changed:
            for number, line in enumerate(lines, self._last_seq + 1):
                line.seq = number
                self._kept.append(line)
                self._characters += len(line.text)
            self._last_seq = lines[-1].seq
            while len(self._kept) > self._wish.tail or self._characters > MOST_CHARACTERS:
                self._characters -= len(self._kept.popleft().text)
        message = {
            "type": "lines",
            "first_seq": lines[0].seq,
            "last_seq": lines[-1].seq,
            "frame": lines_frame(lines),
        }
        broadcaster.publish(self._topic, message)
