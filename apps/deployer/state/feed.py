"""The containers of every Compose project, kept up to date from one stream of the engine's events."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from apps.deployer.containers import Container, inspect_containers, list_containers, list_standings
from apps.deployer.engine_errors import EngineProblem, EngineUnreachable
from apps.deployer.programs import docker_program
from apps.deployer.runner.interface import CancelToken, CommandRunner, Line
from apps.deployer.state.hands import Hands

logger = logging.getLogger(__name__)

# The container events after which a container may be another (docs.docker.com, docker events); the many
# that healthchecks cause (exec_*) are none of them.
_EVENTS = (
    "create", "start", "die", "stop", "kill", "oom", "pause", "unpause", "rename", "update", "destroy",
    "health_status",
)  # fmt: skip
_FORMAT = (
    "{{.TimeNano}} {{.Actor.ID}} "
    '{{or (index .Actor.Attributes "signal") (index .Actor.Attributes "exitCode") "-"}} '
    '{{if index .Actor.Attributes "com.docker.compose.project"}}compose{{else}}other{{end}} {{.Action}}'
)
# A stream that begins here is told all that the engine still remembers (its last 256 events).
_FROM_THE_START = "1"

_SETTLE = 0.02  # seconds in which a burst of events becomes one look at the engine
_RETRY = 0.5  # seconds between attempts while the stream breaks
# Seconds between comparisons of what is known with what the engine lists: it may hang, or an event was lost.
_HEARTBEAT = 15.0
_HEARTBEAT_TIMEOUT = 10.0
# Seconds after its start in which whoever asks waits for the first look: an engine that was not asked yet is
# not one that does not answer.
_FIRST_LOOK = 5.0

OnChange = Callable[["EngineFeed", set[str] | None], object]


class EngineFeed:
    """Follows `docker events` in one process and holds what `docker inspect` says of each container.

    Only containers that an event names are looked at again; all of them at the start, and when the
    stream was broken. Nothing is missed in between: a stream begins with the events after the last one
    that was heard of.
    """

    def __init__(self, runner: CommandRunner, on_change: OnChange | None = None) -> None:
        """`on_change` gets the feed and the projects that changed; None: all, the engine came or went."""
        self._runner = runner
        self._on_change = on_change
        self._cancel = CancelToken()
        # Guards all below; its holders only look and set.
        self._changed = threading.Condition()
        self._by_id: dict[str, Container] | None = None
        self._by_project: dict[str, list[Container]] | None = None
        self._generation = 0
        self._dirty: set[str] = set()
        self._gone: set[str] = set()
        self._everything = True
        self._hands = Hands()
        self._since = _FROM_THE_START
        self._wake = threading.Event()
        self._compared_at = time.monotonic()
        self._first_look_until = time.monotonic() + _FIRST_LOOK
        self._threads = [
            threading.Thread(target=self._follow, name="engine-events"),
            threading.Thread(target=self._look, name="engine-look"),
        ]

    def start(self) -> None:
        """Begin to follow; the containers are there within moments, which `containers` and `of` wait for."""
        self._wake.set()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the stream and the threads."""
        self._cancel.cancel()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._notify()

    @property
    def generation(self) -> int:
        """A number that is another one after each change; 0 before the first look."""
        return self._generation

    def containers(self) -> dict[str, list[Container]] | None:
        """Return the containers of each Compose project by name; None while the engine does not answer."""
        with self._changed:
            self._wait_for_first_look()
            return None if self._by_project is None else dict(self._by_project)

    def of(self, project: str) -> list[Container] | None:
        """Return the containers of `project`; None while the engine does not answer."""
        with self._changed:
            self._wait_for_first_look()
            return None if self._by_project is None else self._by_project.get(project, [])

    def wait(self, seen: int, timeout: float, cancel: CancelToken | None = None) -> int:
        """Wait up to `timeout` seconds, or until `cancel`, for a change after generation `seen`.

        Returns the present generation.
        """
        token = cancel or CancelToken()

        def over() -> bool:
            return self._generation != seen or token.cancelled or self._cancel.cancelled

        with token.calling(self._notify), self._changed:
            self._changed.wait_for(over, timeout)
            return self._generation

    def _wait_for_first_look(self) -> None:
        """Wait, while `_changed` is held, until there was a look; not beyond the feed's first moments."""
        self._changed.wait_for(
            lambda: self._generation > 0 or self._cancel.cancelled, self._first_look_until - time.monotonic()
        )

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _follow(self) -> None:
        filters = [word for event in _EVENTS for word in ("--filter", f"event={event}")]
        while not self._cancel.cancelled:
            argv = [docker_program(), "events", "--since", self._since, "--filter", "type=container"]
            argv += [*filters, "--format", _FORMAT]
            try:
                self._runner.run(argv, sink=self._on_event, cancel=self._cancel)
            except Exception:
                logger.exception("The stream of the engine's events broke; it is opened again")
            # The stream ends when the engine goes: look at once, and again until it is back.
            with self._changed:
                self._everything = True
                self._hands.engine_went()
            self._wake.set()
            self._cancel.wait(_RETRY)

    def _on_event(self, line: Line) -> None:
        words = line.text.split(" ", 4)
        if len(words) < 5 or not words[0].isdecimal():
            return
        moment, container, number, kind, action = words
        seconds, nanoseconds = divmod(int(moment), 1_000_000_000)
        self._since = f"{seconds}.{nanoseconds:09d}"
        if kind != "compose":
            return
        with self._changed:
            self._hands.saw(container, action, number)
            if action == "destroy":
                self._dirty.discard(container)
                self._gone.add(container)
            else:
                self._dirty.add(container)
        self._wake.set()

    def _look(self) -> None:
        while not self._cancel.cancelled:
            # An engine that was away may be back before the stream is, which then tells nothing of it.
            if self._wake.wait(_HEARTBEAT if self._by_id is not None else _RETRY):
                self._cancel.wait(_SETTLE)
                self._wake.clear()
            if self._cancel.cancelled:
                return
            try:
                fresh = self._look_once()
            except EngineProblem as error:
                if self._by_id is not None and not self._cancel.cancelled:
                    logger.warning("%s", error)
                fresh = None
            except Exception:
                # An answer that cannot be read is no state; the feed must be there for the next one.
                logger.exception("The engine's answer could not be read")
                fresh = None
            if not self._cancel.cancelled:
                self._put(fresh)

    def _look_once(self) -> dict[str, Container]:
        """Return the containers as they are now. Raises EngineUnreachable."""
        with self._changed:
            known, everything = self._by_id, self._everything
            dirty, gone = self._dirty, self._gone
            self._dirty, self._gone, self._everything = set(), set(), False
        if known is None or everything:
            return self._look_at_all()
        fresh = {id_: c for id_, c in known.items() if id_ not in gone and id_ not in dirty}
        if dirty:
            try:
                fresh |= {c.id: c for c in inspect_containers(self._runner, sorted(dirty), self._cancel)}
            except EngineUnreachable:
                # Either that, or none of them exists any more.
                return self._look_at_all()
        # One that could not be inspected may still be there; and an event may have been lost.
        overdue = time.monotonic() - self._compared_at >= _HEARTBEAT
        if overdue or dirty - fresh.keys():
            self._compared_at = time.monotonic()
            states = list_standings(self._runner, _HEARTBEAT_TIMEOUT, self._cancel)
            if states != {id_: c.standing for id_, c in fresh.items()}:
                return self._look_at_all()
        return fresh

    def _look_at_all(self) -> dict[str, Container]:
        self._compared_at = time.monotonic()
        return {c.id: c for c in list_containers(self._runner, cancel=self._cancel)}

    def _put(self, fresh: dict[str, Container] | None) -> None:
        """Make `fresh` what is known, and tell who waits and who is concerned."""
        with self._changed:
            before, first = self._by_id, self._generation == 0
            if fresh is not None:
                # What came since the look began is in none of it, and may have ended already.
                self._hands.keep(fresh.keys() | self._dirty)
                fresh = {id_: self._hands.marked(c) for id_, c in fresh.items()}
            if fresh == before and not first:
                return
            projects = _changed_projects(before, fresh)
            self._by_id = fresh
            self._by_project = None if fresh is None else _by_project(fresh)
            self._generation += 1
            self._changed.notify_all()
        if self._on_change is not None:
            try:
                self._on_change(self, projects)
            except Exception:
                logger.exception("What listens to the engine's feed failed; the feed goes on")


_running: EngineFeed | None = None


def start_feed(runner: CommandRunner, on_change: OnChange | None = None) -> EngineFeed:
    """Follow the engine from this process on, for all who ask by `engine_feed`; the caller stops it."""
    global _running
    _running = EngineFeed(runner, on_change)
    _running.start()
    return _running


def stop_feed() -> None:
    """End what `start_feed` began."""
    global _running
    if _running is not None:
        feed, _running = _running, None
        feed.stop()


def running_feed() -> EngineFeed | None:
    """Return the feed that runs in this process, if one does."""
    return _running


@contextmanager
def engine_feed(runner: CommandRunner) -> Iterator[EngineFeed]:
    """Yield the feed that runs in this process; where none does, one of `runner` for this block."""
    if _running is not None:
        yield _running
        return
    feed = EngineFeed(runner)
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()


def _by_project(containers: dict[str, Container]) -> dict[str, list[Container]]:
    found: defaultdict[str, list[Container]] = defaultdict(list)
    for container in sorted(containers.values(), key=lambda c: (c.project, c.service, c.name)):
        found[container.project].append(container)
    return dict(found)


def _changed_projects(
    before: dict[str, Container] | None, after: dict[str, Container] | None
) -> set[str] | None:
    if before is None or after is None:
        return None
    return {
        container.project
        for id_ in before.keys() | after.keys()
        if before.get(id_) != after.get(id_)
        for container in (before.get(id_), after.get(id_))
        if container is not None
    }
