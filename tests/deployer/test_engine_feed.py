"""The feed of the engine's containers: nothing is missed, nothing is asked without need."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from django.utils import timezone

from apps.deployer.containers import Container
from apps.deployer.runner.interface import CancelToken, CommandResult, Line, Outcome, Sink
from apps.deployer.state import feed as engine_feed
from apps.deployer.state.feed import EngineFeed
from tests.deployer.conftest import told
from tests.lab.waiting import wait_until

PROJECT = "simpledeploy-demo"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_RETRY", 0.02)


def container(id_: str, **state: object) -> str:
    """Return what `docker inspect` prints of the container `id_`."""
    return json.dumps(json.loads(told(**state)) | {"Id": id_, "Name": f"/simpledeploy-demo-{id_}-1"})


def listed(id_: str, state: dict[str, Any]) -> str:
    """Return what `docker ps` prints of a container."""
    health = (state.get("Health") or {}).get("Status", "")
    told = {"": "", "starting": " (health: starting)"}.get(health, f" ({health})")
    return f"{id_} {state['Status']} Up 2 minutes{told}"


class FakeEngine:
    """A runner: an engine with containers (by id), whose stream of events a test writes."""

    def __init__(self, *containers: str) -> None:
        self.containers = {json.loads(c)["Id"]: c for c in containers}
        self.answers = True
        self.stream: Queue[str | None] = Queue()
        self.calls: list[list[str]] = []
        self.before_inspect: Callable[[], object] = lambda: None
        self.not_inspected: set[str] = set()  # the next inspect fails for these

    def put(self, described: str) -> str:
        """Have a container; return its id."""
        id_ = str(json.loads(described)["Id"])
        self.containers[id_] = described
        return id_

    def tell(self, action: str, container: str, *, signal: str = "-", kind: str = "compose") -> None:
        self.stream.put(f"1732400000000000007 {container} {signal} {kind} {action}")

    def end_stream(self) -> None:
        self.stream.put(None)

    def asked(self, word: str) -> list[list[str]]:
        return [call for call in self.calls if word in call]

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
        line_limit: int = 0,
        mark_returns: bool = False,
    ) -> CommandResult:
        self.calls.append(list(argv))
        say = sink or (lambda _line: None)
        if not self.answers:
            say(Line("stderr", "Cannot connect to the Docker daemon", timezone.now()))
            return CommandResult(1)
        if "events" in argv:
            return self._events(say, cancel or CancelToken())
        if "inspect" in argv:
            self.before_inspect()
            hidden, self.not_inspected = self.not_inspected, set()
            there = [self.containers[word] for word in argv if word in self.containers and word not in hidden]
            for line in there:
                say(Line("stdout", line, timezone.now()))
            return CommandResult(0 if len(there) == len(argv) - 6 else 1)
        if "--quiet" in argv:
            lines = list(self.containers)
        else:
            lines = [listed(id_, json.loads(c)["State"]) for id_, c in self.containers.items()]
        for line in lines:
            say(Line("stdout", line, timezone.now()))
        return CommandResult(0)

    def _events(self, say: Sink, cancel: CancelToken) -> CommandResult:
        while not cancel.cancelled:
            try:
                line = self.stream.get(timeout=0.01)
            except Empty:
                continue
            if line is None:
                return CommandResult(1)
            say(Line("stdout", line, timezone.now()))
        return CommandResult(143, outcome=Outcome.CANCELLED)


@contextmanager
def following(engine: FakeEngine, *, from_the_first_look: bool = True) -> Iterator[EngineFeed]:
    feed = EngineFeed(engine)
    feed.start()
    try:
        if from_the_first_look:
            feed.wait(0, 5)
        yield feed
    finally:
        feed.stop()
        assert not any(thread.name.startswith("engine-") for thread in threading.enumerate())


def until(feed: EngineFeed, holds: Callable[[list[Container] | None], object]) -> None:
    """Wait, by the feed's own means, until the containers of the project are as wanted."""
    deadline = time.monotonic() + 30
    seen = feed.generation
    while not holds(feed.of(PROJECT)):
        assert time.monotonic() < deadline, f"not in time: {feed.of(PROJECT)}"
        seen = feed.wait(seen, 0.5)


def state_of(id_: str) -> Callable[[list[Container] | None], str]:
    return lambda found: next((c.state for c in found or [] if c.id == id_), "gone")


def test_who_asks_before_the_first_look_waits_for_it() -> None:
    """A panel that has just started is not one without an engine."""
    engine = FakeEngine(container("one"))
    asked = threading.Event()
    engine.before_inspect = lambda: asked.wait(5)
    with following(engine, from_the_first_look=False) as feed:
        assert feed.generation == 0
        threading.Timer(0.1, asked.set).start()
        assert state_of("one")(feed.of(PROJECT)) == "running"
        assert list(feed.containers() or {}) == [PROJECT]


def test_the_wait_for_the_first_look_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_FIRST_LOOK", 0.05)
    engine = FakeEngine(container("one"))
    hangs = threading.Event()
    engine.before_inspect = lambda: hangs.wait(5)
    with following(engine, from_the_first_look=False) as feed:
        assert feed.containers() is None
        assert feed.of(PROJECT) is None
        hangs.set()


def test_an_engine_that_does_not_answer_at_the_start_is_told_at_once() -> None:
    engine = FakeEngine(container("one"))
    engine.answers = False
    with following(engine) as feed:
        assert feed.generation == 1
        assert feed.of(PROJECT) is None


def test_containers_that_all_go_during_the_look_are_no_engine_that_is_gone() -> None:
    engine = FakeEngine(container("one"))
    engine.before_inspect = engine.containers.clear
    with following(engine) as feed:
        assert feed.generation == 1
        assert feed.containers() == {}


def test_only_what_an_event_names_is_looked_at_again() -> None:
    engine = FakeEngine(container("one"), container("two"))
    with following(engine) as feed:
        engine.put(container("one", Status="exited", ExitCode=1))
        engine.tell("die", "one")
        until(feed, lambda found: state_of("one")(found) == "exited")

        assert engine.asked("inspect")[-1][-1:] == ["one"]
        assert len(engine.asked("--quiet")) == 1


def test_a_burst_of_events_is_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_SETTLE", 1)
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        ids = [engine.put(container(f"new{n}")) for n in range(20)]
        for id_ in ids:
            engine.tell("create", id_)
            engine.tell("start", id_)
        until(feed, lambda found: len(found or []) == 21)

        assert len(engine.asked("inspect")) == 2


def test_a_destroyed_container_goes_without_a_look() -> None:
    engine = FakeEngine(container("one"), container("two"))
    with following(engine) as feed:
        del engine.containers["one"]
        engine.tell("destroy", "one")
        until(feed, lambda found: state_of("one")(found) == "gone")

        assert len(engine.asked("inspect")) == 1
        assert state_of("two")(feed.of(PROJECT)) == "running"


def test_a_container_that_vanishes_before_it_is_looked_at_goes() -> None:
    engine = FakeEngine(container("one"), container("two"))
    with following(engine) as feed:
        engine.before_inspect = lambda: engine.containers.pop("one", None)
        engine.tell("die", "one")
        until(feed, lambda found: state_of("one")(found) == "gone")

        assert state_of("two")(feed.of(PROJECT)) == "running"


def test_other_containers_of_the_engine_cost_no_look() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.tell("start", "stranger", kind="other")
        engine.put(container("one", Status="exited"))
        engine.tell("die", "one")
        until(feed, lambda found: state_of("one")(found) == "exited")

        assert not any("stranger" in call for call in engine.calls)


def test_a_broken_stream_goes_on_after_the_last_event_and_all_is_looked_at() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.tell("start", "one")
        engine.put(container("unheard"))
        engine.end_stream()
        until(feed, lambda found: state_of("unheard")(found) == "running")

        wait_for = time.monotonic() + 5
        while len(engine.asked("events")) < 2 and time.monotonic() < wait_for:
            time.sleep(0.01)
        first, second = engine.asked("events")[:2]
        assert first[first.index("--since") + 1] == "1"
        assert second[second.index("--since") + 1] == "1732400000.000000007"


def test_an_engine_that_goes_is_told_and_one_that_comes_back() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.answers = False
        engine.end_stream()
        until(feed, lambda found: found is None)
        engine.answers = True
        until(feed, lambda found: state_of("one")(found) == "running")


def test_what_no_event_told_is_found_by_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_HEARTBEAT", 0.05)
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.put(container("one", Status="paused"))
        until(feed, lambda found: state_of("one")(found) == "paused")


def test_health_that_no_event_told_is_found_by_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_HEARTBEAT", 0.05)
    engine = FakeEngine(container("one", Health={"Status": "starting"}))
    with following(engine) as feed:
        engine.put(container("one", Health={"Status": "healthy"}))
        until(feed, lambda found: [c.health for c in found or []] == ["healthy"])

        assert len(engine.asked("inspect")) == 2


def test_what_no_event_told_is_found_also_on_a_busy_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_HEARTBEAT", 0.3)
    engine = FakeEngine(container("one"), container("busy"))
    with following(engine) as feed:
        engine.put(container("one", Status="paused"))
        over = time.monotonic() + 5
        while state_of("one")(feed.of(PROJECT)) != "paused":
            assert time.monotonic() < over
            engine.tell("start", "busy")
            time.sleep(0.05)


def test_one_that_could_not_be_inspected_is_looked_for() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.put(container("two"))
        engine.not_inspected = {"two"}
        engine.tell("start", "one")
        engine.tell("start", "two")
        until(feed, lambda found: state_of("two")(found) == "running")


def test_a_heartbeat_that_finds_nothing_new_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_HEARTBEAT", 0.01)
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        deadline = time.monotonic() + 30
        while len(engine.asked("ps")) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        assert len(engine.asked("inspect")) == 1
        assert feed.generation == 1


@pytest.mark.parametrize(
    ("events", "by_hand"),
    [
        ([("kill", "15"), ("die", "-"), ("stop", "-")], True),
        ([("kill", "9"), ("die", "-")], True),
        ([("kill", "1"), ("die", "-")], False),
        ([("die", "-")], False),
        ([("kill", "15"), ("die", "-"), ("stop", "-"), ("start", "-"), ("die", "-")], False),
    ],
)
def test_who_ended_a_container_is_remembered(events: list[tuple[str, str]], by_hand: bool) -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        engine.put(container("one", Status="exited", ExitCode=0))
        for action, signal in events:
            engine.tell(action, "one", signal=signal)
        until(feed, lambda found: state_of("one")(found) == "exited")
        until(feed, lambda found: [c.stopped_by_hand for c in found or []] == [by_hand])


def test_a_run_that_memory_ended_is_remembered_until_the_next_end() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        for action in ("oom", "die", "start"):
            engine.tell(action, "one")
        until(feed, lambda found: [c.oom_killed for c in found or []] == [True])
        engine.tell("die", "one")
        until(feed, lambda found: [c.oom_killed for c in found or []] == [False])


def test_how_a_container_ended_is_remembered_when_it_runs_again() -> None:
    engine = FakeEngine(container("one"))
    with following(engine) as feed:
        until(feed, lambda found: [c.last_exit for c in found or []] == [None])
        engine.tell("die", "one", signal="7")
        engine.tell("start", "one")
        until(feed, lambda found: [c.last_exit for c in found or []] == [7])


def test_the_end_of_a_container_that_came_during_a_look_is_remembered() -> None:
    engine = FakeEngine(container("web"))
    with following(engine) as feed:

        def come() -> None:
            engine.before_inspect = lambda: None
            engine.tell("die", engine.put(container("new", Status="exited", ExitCode=3)), signal="3")
            wait_until(lambda: "new" in feed._dirty, "the feed has heard of it")

        engine.before_inspect = come
        engine.tell("start", "web")
        until(feed, lambda found: state_of("new")(found) == "exited")
        assert [c.last_exit for c in feed.of(PROJECT) or [] if c.id == "new"] == [3]


def test_waiting_ends_with_time_and_with_the_token() -> None:
    token = CancelToken()
    with following(FakeEngine(told())) as feed:
        assert feed.wait(feed.generation, 0.01) == feed.generation
        threading.Timer(0.05, token.cancel).start()
        began = time.monotonic()
        feed.wait(feed.generation, 30, token)
        assert time.monotonic() - began < 10


def test_a_listener_that_fails_does_not_end_the_feed(caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine(container("one"))
    seen: list[set[str] | None] = []

    def listen(_feed: EngineFeed, projects: set[str] | None) -> None:
        seen.append(projects)
        raise RuntimeError("the database is away")

    feed = EngineFeed(engine, listen)
    feed.start()
    try:
        feed.wait(0, 5)
        engine.put(container("one", Status="exited"))
        engine.tell("die", "one")
        until(feed, lambda found: state_of("one")(found) == "exited")
    finally:
        feed.stop()
    assert seen == [None, {PROJECT}]
    assert "the feed goes on" in caplog.text
