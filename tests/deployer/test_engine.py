"""The state of apps: what the watcher tells from the engine, the events and the files, and one look."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError

from apps.deployer.app_folder import AppFolder
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner
from apps.deployer.state import feed as engine_feed
from apps.deployer.state import states as engine
from apps.deployer.state import watcher
from apps.deployer.state.app_state import UNREACHABLE, AppState
from apps.deployer.state.states import app_states
from apps.deployer.state.watcher import EngineWatcher
from apps.deployments import live, queue
from apps.deployments.states import Action
from tests.deployer.conftest import ANN, Lab, told


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_feed, "_RETRY", 0.02)
    monkeypatch.setattr(engine_feed, "_SETTLE", 0.0)
    monkeypatch.setattr(watcher, "_TICK", 0.02)
    monkeypatch.setattr(watcher, "_RETRY", 0.02)


@contextmanager
def watching(runner: MockRunner) -> Iterator[EngineWatcher]:
    found = EngineWatcher(runner)
    found.start()
    try:
        yield found
    finally:
        found.stop()
        assert not any(thread.name.startswith("engine-") for thread in threading.enumerate())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def state(found: EngineWatcher) -> str | None:
    states = found.states()
    return None if states is None else states.get("demo", AppState("absent")).state


class ScriptedEngine:
    """An engine whose containers are a list; each change is told by an event of its stream."""

    def __init__(self, *containers: str) -> None:
        self.containers: list[str] | None = list(containers)
        self._news = threading.Event()
        self.hangs = threading.Event()
        self.runner = MockRunner()
        self.runner.on("ps", answer=lambda _call: self._answer("Id"))
        self.runner.on("inspect", answer=lambda _call: self._answer())
        self.runner.on("events", before=self._stream)

    def has(self, *containers: str) -> None:
        self.containers = list(containers)
        self._news.set()

    def goes(self) -> None:
        self.containers = None
        self._news.set()

    def _answer(self, key: str = "") -> Answer:
        while self.hangs.is_set():
            time.sleep(0.005)
        if self.containers is None:
            return Answer([("stderr", "Cannot connect")], exit_code=1)
        return Answer([json.loads(c)[key] if key else c for c in self.containers])

    def _stream(self, call: Call) -> None:
        # The stream ends with each change: the feed then looks at all there is.
        while not call.cancel.cancelled and not self._news.wait(0.005):
            pass
        self._news.clear()


def hashed(hash: str = "1a", **state: object) -> str:
    container: dict[str, Any] = json.loads(told(**state))
    container["Config"]["Labels"]["com.docker.compose.config-hash"] = hash
    return json.dumps(container)


@pytest.fixture
def deployed(lab: Lab) -> Lab:
    """The app demo, deployed with one service whose configuration has the hash 1a."""
    lab.engine_has([hashed()])
    lab.deployed()
    return lab


def test_it_follows_what_happens_and_tells_whom_it_concerns(
    deployed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[list[str]] = []
    monkeypatch.setattr(live, "apps_changed", lambda slugs: changed.append(list(slugs)))
    script = ScriptedEngine(hashed())
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "up")
        script.has(hashed(Status="exited", ExitCode=137))
        wait_until(lambda: state(found) == "stopped")

    assert changed == [["demo"], ["demo"]]


def test_who_asks_before_the_first_states_waits_for_them(deployed: Lab) -> None:
    """A panel that has just started is not one without an engine."""
    script = ScriptedEngine(hashed())
    script.hangs.set()
    with watching(script.runner) as found:
        threading.Timer(0.1, script.hangs.clear).start()
        assert state(found) == "up"


def test_the_wait_for_the_first_states_has_an_end(deployed: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_FIRST_STATES", 0.05)
    script = ScriptedEngine(hashed())
    script.hangs.set()
    with watching(script.runner) as found:
        assert found.states() is None
        script.hangs.clear()
        wait_until(lambda: state(found) == "up")


def test_an_engine_that_goes_and_comes_back_is_told(deployed: Lab) -> None:
    script = ScriptedEngine(hashed())
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "up")
        script.goes()
        wait_until(lambda: found.states() is None)
        script.has(hashed())
        wait_until(lambda: state(found) == "up")


def test_a_container_that_somebody_made_anew_is_drift_until_the_next_deploy(deployed: Lab) -> None:
    script = ScriptedEngine(hashed())
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "up")
        script.has(hashed("by hand"))
        wait_until(lambda: state(found) == "drifted")

        # Another process runs this one; the rows tell when it has ended.
        deployed.engine_has([hashed("by hand")])
        deployed.deployed()
        wait_until(lambda: state(found) == "up")


def test_an_edited_file_is_noticed_and_so_is_its_mending(deployed: Lab) -> None:
    script = ScriptedEngine(hashed())
    file = AppFolder("demo").path / "docker-compose.yml"
    before = file.read_text()
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "up")
        file.write_text(before + "# mine\n")
        wait_until(lambda: state(found) == "drifted")
        states = found.states()
        assert states is not None
        assert states["demo"].differences[0].text == f"{file} was edited by hand."

        file.write_text(before)
        wait_until(lambda: state(found) == "up")


def test_a_deploy_over_an_edited_file_is_not_held_against_it(
    deployed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AppFolder("demo").path / "docker-compose.yml"
    with watching(ScriptedEngine(hashed()).runner) as found:
        wait_until(lambda: state(found) == "up")
        file.write_text(file.read_text() + "# mine\n")
        wait_until(lambda: state(found) == "drifted")

        monkeypatch.setattr(watcher, "_TICK", 60.0)  # no look at the files comes in between
        deployed.deployed()
        wait_until(lambda: state(found) == "up")


def test_nothing_is_claimed_while_an_event_waits_or_runs(deployed: Lab) -> None:
    script = ScriptedEngine(hashed())
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "up")
        event = queue.enqueue(deployed.app, Action.RESTART, ANN, version=deployed.app.current_version)
        script.has(hashed("in between"))
        (AppFolder("demo").path / ".env").write_text("A=1\n")
        time.sleep(0.1)  # some looks at files and rows
        assert state(found) == "up"

        queue.cancel(event, ANN)
        wait_until(lambda: state(found) == "drifted")


def test_after_a_stop_it_is_stopped_whatever_the_containers_ended_with(deployed: Lab) -> None:
    ended = {"Status": "exited", "ExitCode": 0}
    no_policy: dict[str, Any] = json.loads(hashed(**ended))
    no_policy["HostConfig"]["RestartPolicy"]["Name"] = "no"
    container = json.dumps(no_policy)
    deployed.engine_has([container])
    deployed.run(deployed.queue(Action.STOP))
    running = json.dumps(no_policy | {"State": {"Status": "running", "ExitCode": 0}})
    crashed = json.dumps(no_policy | {"State": {"Status": "exited", "ExitCode": 1}})
    script = ScriptedEngine(container)
    with watching(script.runner) as found:
        wait_until(lambda: state(found) == "stopped")
        # Somebody starts it by hand, and it falls over: that stop explains nothing any more.
        script.has(running)
        wait_until(lambda: state(found) == "up")
        script.has(crashed)
        wait_until(lambda: state(found) == "degraded")


def test_an_answer_that_cannot_be_read_does_not_end_it(
    deployed: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    script = ScriptedEngine('{"Id": "web1", "State": {}}')
    with watching(script.runner) as found:
        wait_until(lambda: "could not be read" in caplog.text)
        script.has(hashed())
        wait_until(lambda: state(found) == "up")


def test_a_database_that_refuses_does_not_end_it(
    deployed: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, refusals = watcher.read_baselines, [OperationalError("disk I/O error"), RuntimeError("no idea")]

    def read(slugs: Any = None) -> Any:
        if refusals:
            raise refusals.pop(0)
        return real(slugs)

    monkeypatch.setattr(watcher, "read_baselines", read)
    with watching(ScriptedEngine(hashed()).runner) as found:
        wait_until(lambda: state(found) == "up")

    assert "waits for the database" in caplog.text
    assert "could not be told" in caplog.text


def test_pages_start_no_process_while_the_watcher_runs(
    deployed: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(ScriptedEngine(hashed()).runner) as found:
        wait_until(lambda: state(found) == "up")
        monkeypatch.setattr(engine, "_watcher", found)
        monkeypatch.setattr(engine, "default_runner", lambda: pytest.fail("a process was started"))

        states = app_states(["demo", "other"])

    assert (states["demo"].state, states["other"].state) == ("up", "absent")


def test_one_look_tells_what_the_watcher_would(deployed: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ScriptedEngine(hashed("by hand"))
    monkeypatch.setattr(engine, "default_runner", lambda: script.runner)
    (AppFolder("demo").path / "docker-compose.yml").unlink()

    found = app_states()["demo"]

    assert (found.state, [one.kind for one in found.differences]) == ("drifted", ["configuration", "file"])


def test_without_an_engine_every_app_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ScriptedEngine()
    script.goes()
    monkeypatch.setattr(engine, "default_runner", lambda: script.runner)

    assert app_states(["demo"]) == {"demo": UNREACHABLE}
