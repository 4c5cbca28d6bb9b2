"""The wait for the services over a scripted engine: what it says, keeps and concludes."""

import json
import threading
import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import pytest

from apps.applications.models import App
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Answer, Call
from apps.deployer.verdict import verify
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.logs import read_lines
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.conftest import Lab, RestlessFeed, compose_text, told

MAY_END = [asdict(Expectation("web", 1, False, False, True))]
NONE = [asdict(Expectation("web", 0, False, False, False))]


def lines_of(lab: Lab, *lines: str) -> None:
    """Let every container have printed `lines`."""
    moment = "2026-11-24T19:00:00.000000000Z"
    lab.runner.on("logs", "--tail", lines=[f"{moment} {line}" for line in lines])


def text_of(event: DeployEvent) -> list[str]:
    return [line.text for line in read_lines(event.pk, after=0)]


def test_the_event_keeps_what_the_failed_service_printed_last_without_secrets(lab: Lab) -> None:
    lab.engine_has([told(Status="exited", ExitCode=3)])
    lines_of(lab, "cannot connect", "password hunter2-hunter2 refused")

    event = lab.deployed(expected=MAY_END, environment="TOKEN=hunter2-hunter2\n")

    assert event.services == [
        {
            "service": "web", "container": "simpledeploy-demo-web-1", "state": "exited", "health": "",
            "exit_code": 3, "restarts": 0, "verdict": "failed", "reason": "exited with 3",
            "image": "sha256:web", "oom": False,
            "log": ["cannot connect", "password •••••••• refused"],
        }
    ]  # fmt: skip


def test_values_of_the_version_that_ran_before_are_hidden_too(lab: Lab) -> None:
    lab.deployed(environment="TOKEN=former-secret\n")
    lab.engine_has([told(Status="exited", ExitCode=3)])
    lines_of(lab, "still former-secret")
    lab.runner.on("compose", "up", lines=["up says former-secret"], exit_code=1)

    event = lab.deployed(expected=MAY_END, environment="TOKEN=latter-secret\n")

    assert event.services[0]["log"] == ["still ••••••••"]
    assert "former-secret" not in "\n".join(text_of(event)) + event.error + event.output_tail


def test_a_service_that_is_well_has_its_digest_and_no_lines(lab: Lab) -> None:
    digest = "127.0.0.1:5999/demo/web@sha256:0123"
    lab.runner.on("image", "inspect", lines=[json.dumps({"Id": "sha256:web", "RepoDigests": [digest]})])

    event = lab.deployed()

    assert (event.services[0]["image"], event.services[0]["log"]) == (digest, [])
    assert not any("logs" in argv for argv in lab.runner.commands())


def test_a_failed_up_says_which_service_it_was(lab: Lab) -> None:
    lab.runner.on("compose", "up", lines=["service migrate didn't complete successfully"], exit_code=1)
    lab.engine_has([told("migrate", Status="exited", ExitCode=3), told("web", Status="created")])
    lines_of(lab, "no such table")
    expected = [
        asdict(Expectation("migrate", 1, True, True, True)),
        asdict(Expectation("web", 1, False, False, False)),
    ]

    event = lab.deployed(expected=expected)

    assert (event.status, event.step) == (Status.FAILED, "up")
    told_of = {s["service"]: (s["verdict"], s["reason"], s["log"]) for s in event.services}
    assert told_of == {
        "migrate": ("failed", "exited with 3", ["no such table"]),
        "web": ("unstable", "created", []),
    }


@pytest.mark.parametrize("action", [Action.DEPLOY, Action.ROLLBACK, Action.START, Action.RESTART])
def test_no_container_at_all_is_no_success(lab: Lab, action: Action) -> None:
    more: dict[str, Any] = {"expected": NONE} if action in (Action.DEPLOY, Action.ROLLBACK) else {}
    lab.engine_has([])
    if not more:
        lab.deployed(expected=NONE)

    event = lab.run(lab.queue(action, **more))

    assert (event.status, event.step) == (Status.UNSTABLE, "verify")
    assert event.error == "Verify: No container is asked for, so nothing of the app runs."


def test_a_scale_to_zero_is_what_was_asked_for(lab: Lab) -> None:
    lab.deployed()
    lab.engine_has([])

    event = lab.run(lab.queue(Action.SCALE, arguments={"scale": {"web": 0}}))

    assert (event.status, event.error, event.services) == (Status.SUCCEEDED, "", [])


def test_more_containers_than_asked_for_are_not_well(lab: Lab) -> None:
    App.objects.update(verify_timeout=1)
    lab.engine_has([told(), told(number=2)])

    event = lab.deployed()

    assert event.status == Status.UNSTABLE
    assert "web: one container too many (1 asked for)" in event.error


def test_a_crash_loop_is_named_with_its_exit_code_though_the_last_look_found_it_running(lab: Lab) -> None:
    App.objects.update(verify_timeout=1, calm_seconds=1)
    down = told(Status="restarting", ExitCode=7, RestartCount=3)
    up = told(RestartCount=3, StartedAt="later")
    lab.engine_has(*[[down] if n % 10 == 0 else [up] for n in range(20000)])

    event = lab.deployed()

    assert event.status == Status.UNSTABLE
    assert "web: exited with 7, restarted 3 times" in event.error
    assert (event.services[0]["verdict"], event.services[0]["restarts"]) == ("unstable", 3)


def test_running_out_of_memory_is_named(lab: Lab) -> None:
    lab.engine_has([told(Status="exited", ExitCode=137, OOMKilled=True)])

    event = lab.deployed(expected=MAY_END)

    assert event.error == "Verify: web: exited with 137 (out of memory)."
    assert event.services[0]["oom"] is True


def test_that_memory_ran_out_may_be_told_after_the_end_by_it(lab: Lab) -> None:
    killed = {"Status": "exited", "ExitCode": 137}
    lab.engine_has([told()], *[[told(**killed)]] * 3, [told(**killed, OOMKilled=True)])

    event = lab.deployed(expected=MAY_END)

    assert event.error == "Verify: web: exited with 137 (out of memory)."
    assert (event.services[0]["oom"], event.services[0]["reason"]) == (
        True,
        "exited with 137 (out of memory)",
    )


def test_what_was_killed_for_another_reason_is_told_without_one(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_EXPLANATION", 0.05)
    lab.engine_has([told(Status="exited", ExitCode=137)])

    event = lab.deployed(expected=MAY_END)

    assert event.error == "Verify: web: exited with 137."


def test_what_somebody_starts_again_while_its_end_is_asked_about_is_judged_anew(lab: Lab) -> None:
    lab.engine_has([told(Status="exited", ExitCode=137)], [told()])

    event = lab.deployed(expected=MAY_END)

    assert (event.status, event.error) == (Status.SUCCEEDED, "")


def test_a_slow_answer_about_images_takes_nothing_from_the_calm(lab: Lab) -> None:
    App.objects.update(calm_seconds=1)
    lab.runner.on("image", "inspect", before=lambda _call: time.sleep(1.2))
    lab.engine_has([told()], [told(Status="exited", ExitCode=3)])

    event = lab.deployed(expected=MAY_END)

    assert event.error == "Verify: web: exited with 3."


def test_the_log_says_what_is_waited_for_and_then_that_calm_is_watched(lab: Lab) -> None:
    App.objects.update(calm_seconds=1)
    starting = [told(Health={"Status": "starting"})]
    lab.engine_has(*[starting] * 30, [told(Health={"Status": "healthy"})])

    event = lab.deployed()

    assert event.status == Status.SUCCEEDED
    assert text_of(event)[-2:] == [
        "Waiting for web (health: starting)",
        "All services stand as the file asks; watching for 1 s that they stay so",
    ]


def test_only_what_failed_is_named_where_others_still_start(lab: Lab) -> None:
    lab.engine_has([told("job", Status="exited", ExitCode=3), told(Health={"Status": "starting"})])
    expected = [
        asdict(Expectation("job", 1, True, False, True)),
        asdict(Expectation("web", 1, False, False, False)),
    ]

    event = lab.deployed(expected=expected, text=compose_text())

    assert (event.status, event.error) == (Status.FAILED, "Verify: job: exited with 3.")
    assert [s["verdict"] for s in event.services] == ["failed", "waiting"]


def test_what_stands_well_only_after_its_time_is_told_what_it_was_waited_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    App.objects.update(verify_timeout=1, calm_seconds=1)
    starting = [told(Health={"Status": "starting"})]
    lab.engine_has(starting, [told(Health={"Status": "healthy"})])
    # The feed wakes it at the very end.
    monkeypatch.setattr(RestlessFeed, "of", lambda feed, project: None)

    event = lab.deployed()

    assert event.status == Status.UNSTABLE
    assert event.error == "Verify: Well only after 1 s; before that web: health: starting."


class Clock:
    """The time by which verify goes: it passes while the engine is asked and while a change is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let something change each second of this clock, on which 10 s are given and 5 s of calm."""
    clock = Clock()

    def wait(feed: RestlessFeed, seen: int, timeout: float, cancel: CancelToken | None = None) -> int:
        clock.now += min(timeout, 1)
        feed.generation += 1
        return feed.generation

    App.objects.update(verify_timeout=10, calm_seconds=5)
    monkeypatch.setattr(verify, "time", clock)
    monkeypatch.setattr(verify, "_LOOK_AGAIN", 1)
    monkeypatch.setattr(RestlessFeed, "wait", wait)
    return clock


AWAY = "The Docker engine does not answer. What stands now could not be told."
LATE = "Well only after 10 s; before that the Docker engine did not answer."


@pytest.mark.parametrize(
    ("away", "error", "seconds"),
    [
        # The calm after the ten seconds, and then their end, meets an engine that is away.
        ([12], "", 18),
        (range(9, 14), "", 19),
        # What starts again with the engine has its ten seconds too, from when that went; once.
        (range(12, 22), LATE, 22),
        (range(12, 99), AWAY, 22),
        (range(0, 99, 2), AWAY, 10),
    ],
)
def test_an_engine_that_is_away_takes_no_time_from_the_services(
    lab: Lab, clock: Clock, away: Collection[int], error: str, seconds: int
) -> None:
    def listed(call: Call) -> Answer:
        if clock.now in away:
            return Answer([], exit_code=1)
        lab.engine_has([told(Health={"Status": "healthy" if clock.now >= 8 else "starting"})])
        return lab._list(call)

    lab.runner.on("ps", "--quiet", "--no-trunc", answer=listed)

    event = lab.deployed()

    assert event.error == (f"Verify: {error}" if error else "")
    assert (event.status == Status.SUCCEEDED) == (not error)
    assert clock.now == seconds


def test_what_stood_well_when_it_was_asked_about_in_time_may_be_told_later(lab: Lab, clock: Clock) -> None:
    def listed(call: Call) -> Answer:
        clock.now += 12
        return lab._list(call)

    lab.runner.on("ps", "--quiet", "--no-trunc", answer=listed)

    event = lab.deployed()

    assert (event.status, event.error) == (Status.SUCCEEDED, "")


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let nothing change: the feed wakes nobody. Set when somebody waits for it."""

    waits = threading.Event()

    def wait(feed: RestlessFeed, seen: int, timeout: float, cancel: CancelToken | None = None) -> int:
        assert cancel is not None
        waits.set()
        cancel.wait(timeout)
        return seen

    monkeypatch.setattr(RestlessFeed, "wait", wait)
    return waits


def looks(lab: Lab) -> int:
    """Return how often the engine was asked for the containers."""
    return sum("ps" in argv for argv in lab.runner.commands())


@pytest.mark.usefixtures("still")
def test_where_nothing_changes_it_looks_at_the_beginning_and_at_the_end_of_the_calm(lab: Lab) -> None:
    lab.deployed()
    before = looks(lab)
    App.objects.update(calm_seconds=1)

    restarted = lab.run(lab.queue(Action.RESTART))

    assert restarted.status == Status.SUCCEEDED
    assert looks(lab) - before == 2


def test_a_cancel_ends_the_wait_at_once(lab: Lab, still: threading.Event) -> None:
    lab.engine_has([told(Health={"Status": "starting"})])
    token = CancelToken()
    event = lab.queue()
    threading.Thread(target=lambda: still.wait(60) and token.cancel()).start()
    began = time.monotonic()

    lab.run(event, token)

    assert event.status == Status.INTERRUPTED
    assert event.step == "verify"
    assert time.monotonic() - began < 60, "the wait would last for 120 s"
