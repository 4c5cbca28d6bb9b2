"""The watcher of the engine: it follows the stream, and no answer of the engine ends it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from apps.deployer import engine, engine_feed
from apps.deployer.engine import UNREACHABLE, AppState, EngineWatcher, app_states
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner
from apps.deployments import live
from tests.deployer.conftest import told


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_RETRY", 0.02)
    monkeypatch.setattr(engine_feed, "_SETTLE", 0.0)


@contextmanager
def watching(runner: MockRunner) -> Iterator[EngineWatcher]:
    watcher = EngineWatcher(runner)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()
        assert not any(thread.name.startswith("engine-") for thread in threading.enumerate())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def state(watcher: EngineWatcher) -> str | None:
    states = watcher.states()
    return None if states is None else states.get("simpledeploy-demo", AppState("absent")).state


def engine_with(*looks: list[str] | str) -> MockRunner:
    """Return a runner whose engine answers each look with the next of `looks`; a text is an error's."""
    waiting = list(looks)
    seen: list[str] = []

    def listed(_call: Call) -> Answer:
        look = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(look, str):
            return Answer([("stderr", look)], exit_code=1)
        seen[:] = look
        return Answer(["id"] * len(look))

    return (
        MockRunner()
        .on("ps", "--quiet", answer=listed)
        .on("inspect", answer=lambda _call: Answer(list(seen)))
        .on("events", lines=["something happened"])
    )


def test_it_follows_what_happens_and_tells_whom_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[list[str]] = []
    monkeypatch.setattr(live, "apps_changed", lambda slugs: changed.append(list(slugs)))
    with watching(engine_with([told()], [told(Status="exited", ExitCode=137)])) as watcher:
        wait_until(lambda: state(watcher) == "stopped")

    assert changed == [["demo"], ["demo"]]


def test_an_engine_that_goes_and_comes_back_is_told() -> None:
    with watching(engine_with([told()], "Cannot connect", "Cannot connect", [told()])) as watcher:
        wait_until(lambda: state(watcher) == "up")


@pytest.mark.parametrize("garbage", ['{"State": {}}', "{not json"])
def test_an_answer_that_cannot_be_read_does_not_end_it(
    garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(engine_with([garbage], [garbage], [told()])) as watcher:
        wait_until(lambda: state(watcher) == "up")

    assert "could not be read" in caplog.text


def test_a_stream_that_cannot_be_opened_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    def explode(_call: Call) -> None:
        raise RuntimeError("no more threads")

    runner = engine_with([], [], [], [], [told()]).on("events", before=explode)
    runner.on("events", before=explode)
    with watching(runner) as watcher:
        wait_until(lambda: state(watcher) == "up")

    assert "it is opened again" in caplog.text


def test_pages_start_no_process_while_the_watcher_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with watching(engine_with([told()])) as watcher:
        wait_until(lambda: state(watcher) == "up")
        monkeypatch.setattr(engine, "_watcher", watcher)
        monkeypatch.setattr(engine, "default_runner", lambda: pytest.fail("a process was started"))

        states = app_states(["demo", "other"])

    assert (states["demo"].state, states["other"].state) == ("up", "absent")


def test_without_an_engine_every_app_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "default_runner", lambda: engine_with("Cannot connect"))

    assert app_states(["demo"]) == {"demo": UNREACHABLE}
