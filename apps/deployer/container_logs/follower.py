"""Follows the containers of an app: through restarts, new ones, scaling, and an engine that goes."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, connections

from apps.core.secret import UndecryptableError
from apps.core.sentences import Sentence, counted, sentence
from apps.deployer.container_logs.lines import (
    Source,
    docker_words,
    logs_command,
    note,
    run_logs,
    wanted,
)
from apps.deployer.container_logs.outlet import Outlet
from apps.deployer.container_logs.pace import Pace
from apps.deployer.container_logs.reading import last_lines
from apps.deployer.container_logs.wishes import MOST_TAIL, Wish, after
from apps.deployer.containers import Container
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, CommandRunner, Line, Outcome
from apps.deployer.state.feed import EngineFeed, engine_feed

logger = logging.getLogger(__name__)

# Containers that one view follows; the page says which it leaves out.
MOST_CONTAINERS: Final = 16
# Commands that follow containers at once, for everybody together: each takes some 20 MB of the machine.
MOST_COMMANDS: Final = 64
# How long a line that ends like the beginning of a secret waits for the next one.
_OPEN_SECONDS = 0.1
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0  # seconds between two attempts to follow a container
_FAILURES = 4  # of the same kind in a row, after which it is told what docker says
_LOOK = 5.0  # seconds between looks where the engine's feed says nothing

_commands = threading.BoundedSemaphore(MOST_COMMANDS)
_NEVER = "0001-"  # how the engine writes the time of what has not happened yet
_RUNS = frozenset({"running", "paused"})


class _Stopped(Exception):
    """Nobody watches any more."""


class LogFollower:
    """Follows the containers of one project until `stop`; what they print goes out by `outlet`.

    There is one `docker logs` for each container that runs, so that a container that goes ends nothing but
    its own: `docker compose logs --follow` ends with the last one of those that it began with.
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
        self._runner, self._project, self._wish = runner, project, wish
        self._read_redactor = redactor
        self._cancel = CancelToken()
        self.outlet = Outlet(topic, wish.tail, self._cancel)
        self._followed: dict[str, threading.Thread] = {}
        self._left_out: set[str] = set()
        self._started: dict[str, str] = {}  # by container: when the run began that was seen last
        self._redactor: Redactor | None = None
        self._engine_answers = True
        self._thread = threading.Thread(target=self._supervise, name="container-logs")

    def start(self) -> None:
        """Begin; lines come within moments."""
        self.outlet.start()
        self._thread.start()

    def stop(self) -> None:
        """Ask all commands to end; to be called from any thread, without waiting."""
        self._cancel.cancel()

    @property
    def has_ended(self) -> bool:
        """Whether no command of it runs any more."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait until nothing of it runs any more."""
        self._thread.join()
        self.outlet.join()

    # --- Which containers ---------------------------------------------------------------------

    def _supervise(self) -> None:
        try:
            with engine_feed(self._runner) as feed:
                self._begin(feed)
                while self._wish.follows and not self._cancel.cancelled:
                    seen, containers = feed.generation, feed.of(self._project)
                    self._tell_of_engine(answers=containers is not None)
                    if containers is not None:
                        self._take_up(feed, wanted(containers, self._wish.service))
                    feed.wait(seen, _LOOK, self._cancel)
        except _Stopped:
            pass
        except UndecryptableError:
            self._say(
                sentence(
                    "The app's environment cannot be decrypted with the keys of this panel, so nothing more "
                    "is shown: nobody knows what to hide."
                )
            )
        except Exception:
            logger.exception("Following the output of %s failed", self._project)
            self._say(sentence("The panel met an unexpected error here; load the page again."))
        finally:
            # What is left of it would go on without hearing of new containers.
            self._cancel.cancel()
            for thread in self._followed.values():
                thread.join()
            connections.close_all()
            self.outlet.close()

    def _begin(self, feed: EngineFeed) -> None:
        """Send what was printed until now, then follow from there."""
        while (found := feed.of(self._project)) is None and not self._cancel.cancelled:
            if feed.generation:
                self._tell_of_engine(answers=False)
            feed.wait(feed.generation, _LOOK, self._cancel)
        containers = wanted(found or [], self._wish.service)
        if not containers:
            self._say(sentence("There are no containers here yet. What they print appears when there are."))
        self._started = {c.id: c.started_at for c in containers if not c.started_at.startswith(_NEVER)}
        sources = [Source(container, self._fresh_redactor()) for container in self._chosen(containers)]
        for line in last_lines(self._runner, sources, self._wish, self._cancel):
            self.outlet.add(line)
        if self._wish.follows:
            for source in sources:
                self._follow(feed, source)

    def _tell_of_engine(self, *, answers: bool) -> None:
        if answers == self._engine_answers:
            return
        self._engine_answers = answers
        if answers:
            self._say(sentence("The Docker engine answers again."))
        else:
            self._say(sentence("The Docker engine does not answer; this goes on when it does."))

    def _take_up(self, feed: EngineFeed, containers: list[Container]) -> None:
        """Follow those of `containers` that are new, and tell which of the others run again."""
        for container in containers:
            before = self._started.get(container.id)
            if before is not None and container.started_at != before and container.state in _RUNS:
                self._say(sentence("This container runs again."), container)
            if container.state in _RUNS:
                self._started[container.id] = container.started_at
        self._followed = {id_: thread for id_, thread in self._followed.items() if thread.is_alive()}
        left_out = self._left_out
        new = [c for c in self._chosen(containers) if c.id not in self._followed]
        if new:
            self._redactor = None
        for container in new:
            source = Source(container, self._fresh_redactor())
            if container.id in left_out:
                self._say(sentence("There is room for this container now."), container)
            else:
                self._say(sentence("This container is new here."), container)
            self._follow(feed, source)

    def _chosen(self, containers: list[Container]) -> list[Container]:
        """Return as many of `containers` as one view follows, those that it follows already first."""
        by_use = sorted(containers, key=lambda c: (c.id not in self._followed, c.state not in _RUNS))
        left_out = {container.id for container in by_use[MOST_CONTAINERS:]}
        if left_out - self._left_out:
            self._say(
                sentence(
                    "Only %(most)s of %(all)s containers are shown at a time; choose a service to see the "
                    "others.",
                    most=MOST_CONTAINERS,
                    all=len(containers),
                )
            )
        self._left_out = left_out
        return by_use[:MOST_CONTAINERS]

    def _fresh_redactor(self) -> Redactor:
        """Return what hides the secrets of now, however long that takes. Raises UndecryptableError."""
        told = False
        while self._redactor is None:
            try:
                self._redactor = self._read_redactor()
            except DatabaseError as error:
                logger.warning("The output of %s waits for the database: %s", self._project, error)
                if not told:
                    self._say(sentence("The panel's database does not answer; this goes on when it does."))
                told = True
                if self._cancel.wait(_LAST_PAUSE):
                    raise _Stopped from None
        return self._redactor

    # --- One container ------------------------------------------------------------------------

    def _follow(self, feed: EngineFeed, source: Source) -> None:
        thread = threading.Thread(
            target=self._follow_one, args=(feed, source), name=f"container-log-{source.container.name}"
        )
        self._followed[source.container.id] = thread
        thread.start()

    def _follow_one(self, feed: EngineFeed, source: Source) -> None:
        """Follow one container until it is gone: a command ends whenever the container does."""
        pause, told = _FIRST_PAUSE, False
        last_failure, failures = "", 0
        run = source.container.started_at
        while not self._cancel.cancelled:
            started = time.monotonic()
            if not _commands.acquire(blocking=False):
                if not told:
                    self._say(
                        sentence(
                            "The panel follows %(most)s containers already, for everybody together; this one "
                            "is followed when there is room.",
                            most=MOST_COMMANDS,
                        ),
                        source.container,
                    )
                told = True
                self._cancel.wait(_LAST_PAUSE)
                continue
            try:
                failure = self._follow_once(source)
            finally:
                _commands.release()
            # A feed that has yet to hear of the end would have this ask again and again.
            self._cancel.wait(pause)
            pause = _FIRST_PAUSE if time.monotonic() - started > _LOOK else min(2 * pause, _LAST_PAUSE)
            now = self._runs_again(feed, source.container)
            if now is None:
                return
            if now.started_at != run:
                run = now.started_at
                source.runs_again(run)
            # One that is just being removed fails a few times before the feed hears of it.
            failures = failures + 1 if failure == last_failure else 1
            last_failure = failure
            if failure and failures == _FAILURES:
                self._say(sentence("Docker said: %(said)s", said=failure), source.container)

    def _follow_once(self, source: Source) -> str:
        """Follow one run of a container; return what docker itself said where it failed."""
        said: list[str] = []

        def take(line: Line) -> None:
            made = source.take(line, time.monotonic() + _OPEN_SECONDS)
            if made is not None:
                self.outlet.add(made)
            elif len(said) < 10:
                said.append(line.text)

        def skipped(count: int) -> None:
            self._say(
                counted(
                    "%(count)s line was skipped here: more came than can be shown.",
                    "%(count)s lines were skipped here: more came than can be shown.",
                    count,
                ),
                source.container,
            )

        pace = Pace(take, skipped, self._cancel)
        seen = source.last_stamp
        # One that was there before it was taken up may have printed for years.
        argv = logs_command(
            source.container,
            tail=None if seen else MOST_TAIL,
            since=after(seen) if seen else self._wish.since,
            follow=True,
        )
        result = run_logs(self._runner, argv, sink=pace.add, cancel=self._cancel)
        pace.finish()
        failed = result.outcome is not Outcome.CANCELLED and not result.ok
        return docker_words(source, said or result.tail) if failed else ""

    def _runs_again(self, feed: EngineFeed, container: Container) -> Container | None:
        """Wait until `container` runs; None where it is gone, or nobody watches any more."""
        told = False
        while not self._cancel.cancelled:
            seen, containers = feed.generation, feed.of(self._project)
            if containers is not None:
                now = next((c for c in containers if c.id == container.id), None)
                if now is None:
                    self._say(sentence("This container was removed."), container)
                    return None
                if now.state in _RUNS:
                    return now
                if not told and now.state in ("exited", "dead"):
                    told = True
                    self._say(
                        sentence("This container ended with exit code %(code)s.", code=now.exit_code),
                        container,
                    )
            feed.wait(seen, _LOOK, self._cancel)
        return None

    def _say(self, text: Sentence, container: Container | None = None) -> None:
        self.outlet.add(note(text, container))
