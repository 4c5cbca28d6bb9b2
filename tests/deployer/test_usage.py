"""The one stream of what containers use: there while somebody looks, and only then."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest
from django.utils import timezone

from apps.deployer.runner.interface import CancelToken, CommandResult, Line, Outcome, Sink
from apps.deployer.state import usage
from apps.deployer.state.readings import NEXT_ROUND, Reading, Round
from apps.deployer.state.usage import UsageStream
from tests.lab.waiting import wait_until

READING = '{"id":"%s","cpu":"1.5%%","memory":"2KiB / 1GiB"}'


class FakeEngine:
    """A runner: an engine whose `docker stats` prints what a test says."""

    def __init__(self) -> None:
        self.answers = True
        self.running = 0
        self.most = 0
        self.started = 0
        self.lines: Queue[str | None] = Queue()

    def tell(self, *ids: str) -> None:
        """Print a round of containers with these ids, and begin the next."""
        first, *others = [READING % id_ for id_ in ids] or [" "]
        for text in (NEXT_ROUND + first, *others, NEXT_ROUND):
            self.lines.put(text)

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
        assert sink is not None
        assert cancel is not None
        if not self.answers:
            return CommandResult(1)
        if "info" in argv:
            sink(Line("stdout", "4 8000", timezone.now()))
            return CommandResult(0)
        assert "--no-trunc" in argv
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            while not cancel.cancelled:
                try:
                    text = self.lines.get(timeout=0.005)
                except Empty:
                    continue
                if text is None:
                    return CommandResult(1)
                sink(Line("stdout", text, timezone.now()))
            return CommandResult(143, outcome=Outcome.CANCELLED)
        finally:
            self.running -= 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LINGER", 0.05)
    monkeypatch.setattr(usage, "_RETRY", 0.01)
    monkeypatch.setattr(usage, "_SPACING", 0.0)


@contextmanager
def stream_of(engine: FakeEngine) -> Iterator[tuple[UsageStream, list[Round | None]]]:
    rounds: list[Round | None] = []
    stream = UsageStream(engine, rounds.append)
    try:
        yield stream, rounds
    finally:
        stream.stop()
        assert engine.running == 0
        assert not any(thread.name == "engine-usage" for thread in threading.enumerate())


def until(holds: Callable[[], object]) -> None:
    wait_until(holds, "it is as wanted")


def test_it_runs_once_for_all_who_look_and_ends_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LINGER", 1)
    engine = FakeEngine()
    with stream_of(engine) as (stream, rounds):
        assert engine.started == 0
        with ExitStack() as viewers:
            for _ in range(3):
                viewers.enter_context(stream.watched())
            engine.tell("1f", "2f")
            until(lambda: rounds)
            assert rounds[0] == Round({"1f": Reading(1.5, 2048), "2f": Reading(1.5, 2048)}, 4, 8000)
            assert stream.last is rounds[0]
        # Whoever loads the page anew finds it running.
        with stream.watched():
            until(lambda: engine.running == 1)
        until(lambda: stream.last is None)
        assert (engine.started, engine.most, engine.running) == (1, 1, 0)

        with stream.watched():
            until(lambda: engine.running == 1)
        assert engine.started == 2


def test_a_container_that_went_is_in_no_later_round() -> None:
    engine = FakeEngine()
    with stream_of(engine) as (stream, rounds), stream.watched():
        engine.tell("1f", "2f")
        engine.tell("2f")
        engine.tell()
        until(lambda: len(rounds) >= 5)
        assert [sorted(one.by_id) for one in rounds if one and one.by_id] == [["1f", "2f"], ["2f"]]
        assert rounds[-1] == Round({}, 4, 8000)


def test_it_comes_back_after_the_engine_went() -> None:
    engine = FakeEngine()
    with stream_of(engine) as (stream, rounds), stream.watched():
        engine.tell("1f")
        until(lambda: stream.last)
        engine.answers = False
        engine.lines.put(None)
        until(lambda: rounds[-1] is None)
        engine.answers = True
        engine.tell("1f")
        until(lambda: stream.last)
        assert engine.most == 1


def test_nobody_who_left_while_the_engine_was_away_keeps_it_running() -> None:
    engine = FakeEngine()
    engine.answers = False
    with stream_of(engine) as (stream, rounds):
        with stream.watched():
            until(lambda: rounds)
        until(lambda: not any(thread.name == "engine-usage" for thread in threading.enumerate()))
        engine.answers = True
        assert engine.started == 0


def test_many_who_come_and_go_never_get_two_and_leave_none() -> None:
    engine = FakeEngine()
    with stream_of(engine) as (stream, _rounds):

        def visit(number: int) -> None:
            for turn in range(20):
                with stream.watched():
                    time.sleep(0.001 * ((number + turn) % 4))
                # Sometimes longer than the stream lingers.
                time.sleep(0.02 * ((number * turn) % 4))

        visitors = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        until(lambda: engine.running == 0)
        assert engine.most == 1


def test_a_listener_that_fails_and_a_late_viewer_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine()

    def fail(_round: Round | None) -> None:
        raise RuntimeError("no idea")

    stream = UsageStream(engine, fail)
    with stream.watched():
        engine.tell("1f")
        until(lambda: stream.last)
        stream.stop()
    assert "the stream goes on" in caplog.text
    # The server is going: nothing is begun any more.
    with stream.watched():
        assert engine.started == 1
    assert engine.running == 0
