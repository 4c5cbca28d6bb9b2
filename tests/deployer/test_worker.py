"""The worker: it claims, runs side by side, hears of cancels, drains, and reaps."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.services import create_app
from apps.core.owner import current_owner
from apps.deployer import worker as worker_module
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Call, MockRunner
from apps.deployer.worker import Worker, live_worker
from apps.deployments import claims, queue, retention
from apps.deployments.logs import append_lines
from apps.deployments.models import DeployEvent, DeployLog
from apps.deployments.models import Worker as WorkerRow
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, Lab


@contextmanager
def serving(runner: MockRunner) -> Iterator[tuple[CancelToken, CancelToken, threading.Thread]]:
    stop, stop_now = CancelToken(), CancelToken()

    def serve() -> None:
        try:
            Worker(runner).serve(stop, stop_now)
        finally:
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield stop, stop_now, thread
    finally:
        stop.cancel()
        stop_now.cancel()
        thread.join(20)
        assert not thread.is_alive()


def ended(*events: DeployEvent, seconds: float = 15) -> list[DeployEvent]:
    wait_until(
        lambda: not DeployEvent.objects.filter(pk__in=[e.pk for e in events]).active().exists(), seconds
    )
    return [DeployEvent.objects.get(pk=event.pk) for event in events]


def wait_until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def stop_events(number: int) -> list[DeployEvent]:
    return [queue.enqueue(create_app(f"app-{n}", "", ANN), Action.STOP, ANN) for n in range(number)]


def test_ten_events_run_three_at_a_time_in_order(lab: Lab) -> None:
    busy, most, lock, full = 0, 0, threading.Lock(), threading.Event()

    def work(_call: Call) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            if busy == 3:
                full.set()
        # However slow the machine is, the first waits until there are three; a fourth would show after that.
        full.wait(15)
        time.sleep(0.05)
        with lock:
            busy -= 1

    lab.engine_has([])
    lab.runner.on("compose", "stop", before=work)
    events = stop_events(10)
    with serving(lab.runner):
        done = ended(*events)

    assert {event.status for event in done} == {Status.SUCCEEDED}
    assert most == 3
    started = [event.started_at for event in done]
    assert started == sorted(started)  # type: ignore[type-var]


def test_it_deletes_the_output_of_old_events_some_at_a_time(
    lab: Lab, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIMPLEDEPLOY_KEEP_LOG_DAYS = 30
    monkeypatch.setattr(retention, "_AT_ONCE", 1)
    app, long_ago = create_app("app", "", ANN), timezone.now() - timedelta(days=40)
    for _ in range(3):
        event = DeployEvent.objects.create(app=app, slug="app", action="stop", requested_by="ann")
        append_lines(event.pk, 1, [(long_ago, "stdout", "one"), (long_ago, "stdout", "two")])
        DeployEvent.objects.filter(pk=event.pk).update(status="failed", finished_at=long_ago)
    with serving(lab.runner):
        wait_until(lambda: not DeployLog.objects.filter(last_seq=2).exists())
    assert DeployLog.objects.filter(first_seq=1, last_seq=1).count() == 3


def test_an_event_queued_while_it_waits_starts_at_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_POLL", 60)
    lab.engine_has([])
    with serving(lab.runner):
        wait_until(WorkerRow.objects.exists)
        (event,) = ended(lab.queue(Action.STOP), seconds=30)

    assert event.status == Status.SUCCEEDED


def test_cancel_reaches_a_running_command(lab: Lab) -> None:
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    with serving(lab.runner):
        wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
        queue.cancel(event, ANN)
        (done,) = ended(event)

    assert (done.status, done.step) == (Status.CANCELLED, "stop")


def test_stop_drains_and_leaves_the_queue_for_the_next_start(lab: Lab, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 1
    release = threading.Event()
    lab.engine_has([])
    lab.runner.on("compose", "stop", before=lambda _call: release.wait(10))
    running, waiting = stop_events(2)
    with serving(lab.runner) as (stop, _stop_now, thread):
        wait_until(lambda: DeployEvent.objects.get(pk=running.pk).step == "stop")
        stop.cancel()
        release.set()
        thread.join(15)
        assert not thread.is_alive()

    assert DeployEvent.objects.get(pk=running.pk).status == Status.SUCCEEDED
    assert DeployEvent.objects.get(pk=waiting.pk).status == Status.QUEUED
    assert not WorkerRow.objects.exists()


def test_what_does_not_end_in_time_is_interrupted(lab: Lab, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_DRAIN_TIMEOUT = 0
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    with serving(lab.runner) as (stop, _stop_now, thread):
        wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
        stop.cancel()
        thread.join(15)
        assert not thread.is_alive()

    done = DeployEvent.objects.get(pk=event.pk)
    assert done.status == Status.INTERRUPTED
    assert "The panel was stopped in step stop" in done.error


def test_a_second_signal_does_not_wait(lab: Lab, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_DRAIN_TIMEOUT = 3600
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    with serving(lab.runner) as (stop, stop_now, thread):
        wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
        stop.cancel()
        thread.join(0.3)
        assert thread.is_alive()
        stop_now.cancel()
        thread.join(15)
        assert not thread.is_alive()

    assert DeployEvent.objects.get(pk=event.pk).status == Status.INTERRUPTED


def test_a_database_that_refuses_for_a_while_does_not_end_the_worker(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [OperationalError("database or disk is full")] * 2
    real = claims.claim_next

    def claim(*args: object, **kwargs: object) -> DeployEvent | None:
        if refusals:
            raise refusals.pop()
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(worker_module, "_AFTER_ERROR", 0)
    monkeypatch.setattr(worker_module.claims, "claim_next", claim)
    lab.engine_has([])
    event = lab.queue(Action.STOP)
    with serving(lab.runner):
        (done,) = ended(event)

    assert refusals == []
    assert done.status == Status.SUCCEEDED


def test_an_unexpected_error_of_one_look_does_not_end_the_worker(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = [RuntimeError("a process vanished while it was looked at")]
    monkeypatch.setattr(worker_module, "_REAP", 0)
    monkeypatch.setattr(worker_module, "_AFTER_ERROR", 0)

    def recover(*_args: object, **_kwargs: object) -> list[DeployEvent]:
        if errors:
            raise errors.pop()
        return []

    monkeypatch.setattr(worker_module, "recover", recover)
    lab.engine_has([])
    event = lab.queue(Action.STOP)
    with serving(lab.runner):
        (done,) = ended(event)

    assert errors == []
    assert done.status == Status.SUCCEEDED
    assert "a process vanished" in caplog.text


def test_a_container_that_hangs_while_its_console_is_cleared_holds_nothing_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, begun = threading.Event(), []
    monkeypatch.setattr(worker_module, "_REAP", 0)
    monkeypatch.setattr(worker_module, "sweep", lambda *_args: (begun.append(1), hangs.wait(15)))
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    try:
        with serving(lab.runner):
            wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
            queue.cancel(event, ANN)
            (done,) = ended(event)
            assert done.status == Status.CANCELLED
            # And there is never a second one beside it.
            assert begun == [1]
            hangs.set()
            wait_until(lambda: len(begun) > 1)
    finally:
        hangs.set()


def test_the_heartbeat_of_worker_and_event_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_BEAT", 0.05)
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    with serving(lab.runner):
        wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
        row, beat = WorkerRow.objects.get(), DeployEvent.objects.get(pk=event.pk).heartbeat_at
        assert row.name == current_owner()
        assert beat is not None
        wait_until(lambda: WorkerRow.objects.get().heartbeat_at > row.heartbeat_at)
        wait_until(lambda: (DeployEvent.objects.get(pk=event.pk).heartbeat_at or beat) > beat)
        assert live_worker()


def test_an_event_taken_over_by_another_worker_is_let_go(lab: Lab) -> None:
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = lab.queue(Action.STOP)
    with serving(lab.runner) as (_stop, _stop_now, thread):
        wait_until(lambda: DeployEvent.objects.get(pk=event.pk).step == "stop")
        theirs = DeployEvent.objects.get(pk=event.pk)
        assert claims.take_over(theirs, "other-host:1:1")
        claims.finish(theirs, Status.INTERRUPTED, error="taken")
        wait_until(lambda: not any(t.name == f"event-{event.pk}" for t in threading.enumerate()))
        assert thread.is_alive()

    assert DeployEvent.objects.get(pk=event.pk).error == "taken"


@pytest.mark.parametrize(
    ("name", "age", "alive"),
    [
        (None, 3600, True),  # this process lives, however late its heartbeat
        ("elsewhere:1:1", 1, True),
        ("elsewhere:1:1", 3600, False),
    ],
)
def test_a_worker_lives_by_its_process_here_and_by_its_heartbeat_elsewhere(
    db: None, name: str | None, age: int, alive: bool
) -> None:
    assert not live_worker()
    WorkerRow.objects.create(
        name=name or current_owner(), heartbeat_at=timezone.now() - timedelta(seconds=age)
    )

    assert live_worker() is alive


def test_a_command_without_a_worker_runs_its_own_event_and_those_before_it(lab: Lab) -> None:
    lab.engine_has([])
    first, second, third = (lab.queue(Action.STOP) for _ in range(3))

    Worker(lab.runner).run_one(second, CancelToken())

    statuses = [DeployEvent.objects.get(pk=e.pk).status for e in (first, second, third)]
    assert statuses == [Status.SUCCEEDED, Status.SUCCEEDED, Status.QUEUED]


def test_a_command_that_runs_its_event_outlasts_a_database_that_refuses(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, claimed = [OperationalError("database is locked")], [InterfaceError("connection already closed")]
    real_recover, real_claim = worker_module.recover, claims.claim_next

    def recover(*args: Any) -> list[DeployEvent]:
        if looks:
            raise looks.pop()
        return real_recover(*args)

    def claim(*args: Any, **kwargs: Any) -> DeployEvent | None:
        if claimed:
            raise claimed.pop()
        return real_claim(*args, **kwargs)

    monkeypatch.setattr(worker_module, "_AFTER_ERROR", 0)
    monkeypatch.setattr(worker_module, "_REAP", 0)
    monkeypatch.setattr(worker_module, "recover", recover)
    monkeypatch.setattr(claims, "claim_next", claim)
    lab.engine_has([])
    event = lab.queue(Action.STOP)

    Worker(lab.runner).run_one(event, CancelToken())

    assert looks == claimed == []
    assert event.status == Status.SUCCEEDED


def test_a_command_that_is_told_to_end_waits_for_no_database(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_AFTER_ERROR", 0)
    monkeypatch.setattr(worker_module, "recover", Mock(side_effect=OperationalError("disk I/O error")))
    event, token = lab.queue(Action.STOP), CancelToken()
    token.cancel()

    Worker(lab.runner).run_one(event, token)

    assert DeployEvent.objects.get().status == Status.QUEUED


def test_a_command_without_a_worker_runs_the_prune_that_was_queued_before_its_event(
    lab: Lab, settings: Settings
) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 1
    lab.engine_has([])
    prune, own, later = queue.enqueue(None, Action.PRUNE, ANN), lab.queue(Action.STOP), lab.queue(Action.STOP)

    Worker(lab.runner).run_one(own, CancelToken())

    done = [DeployEvent.objects.get(pk=event.pk) for event in (prune, own, later)]
    assert [event.status for event in done] == [Status.SUCCEEDED, Status.SUCCEEDED, Status.QUEUED]
    assert done[0].finished_at is not None
    assert done[1].started_at is not None
    assert done[0].finished_at <= done[1].started_at


def test_a_worker_runs_a_prune_alone(lab: Lab) -> None:
    lab.engine_has([])
    started, release = threading.Event(), threading.Event()

    def hold(_call: Call) -> None:
        started.set()
        release.wait(10)

    lab.runner.on("compose", "stop", before=hold)
    first = lab.queue(Action.STOP)
    prune = queue.enqueue(None, Action.PRUNE, ANN)
    later = queue.enqueue(create_app("later", "", ANN), Action.STOP, ANN)
    with serving(lab.runner):
        assert started.wait(10)
        wait_until(lambda: DeployEvent.objects.get(pk=prune.pk).step == "wait")
        assert DeployEvent.objects.get(pk=later.pk).status == Status.QUEUED
        release.set()
        done = ended(first, prune, later)

    assert {event.status for event in done} == {Status.SUCCEEDED}
    times = [(event.started_at, event.finished_at) for event in done]
    assert times[1][1] <= times[2][0]  # type: ignore[operator]
