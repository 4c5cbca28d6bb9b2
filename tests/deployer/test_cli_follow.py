"""Following an event: output, steps, queue place, Ctrl-C, and running it where no worker does."""

import os
import signal
import threading
import time
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.deployer.cli.following import Interrupts, follow
from apps.deployer.cli.output import Output, OutputClosed
from apps.deployer.runner.interface import CancelToken
from apps.deployments import logs, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.command_line import (
    BY,
    Manage,
    StandInWorker,
    make_app,
    manage,
    stand_in,
)
from tests.lab.waiting import wait_until

__all__ = ["manage", "stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


def interrupt_once(condition: Callable[[], bool], which: signal.Signals = signal.SIGINT) -> threading.Thread:
    """Send this process a signal as soon as `condition` holds."""

    def work() -> None:
        try:
            deadline = time.monotonic() + 60
            while not condition() and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(os.getpid(), which)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def is_running() -> bool:
    return DeployEvent.objects.running().exists()


def wait_for_cancel(event: DeployEvent, cancel: CancelToken) -> None:
    """Hold the run up until somebody cancels it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not cancel.cancelled:
        event.refresh_from_db()
        if event.cancel_requested_at:
            return
        time.sleep(0.01)


def in_background(act: Callable[[], object]) -> threading.Thread:
    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.usefixtures("stopped_lifecycle")
class TestWithoutAWorker:
    def test_the_command_runs_its_event_itself(self, manage: Manage, stand_in: StandInWorker) -> None:
        make_app()
        done = manage("app", "stop", "shop")
        event = DeployEvent.objects.get()
        assert stand_in.ran == [event.pk]
        assert done.code == 0
        assert done.out == "pulling\nstarted\n"
        assert done.err.startswith(f"Event {event.pk}: stop shop, version 1.\n")
        assert "Step pull: 0.0 s.\nStep up: 0.0 s.\n" in done.err
        assert "Step pull ..." not in done.err, "a step that is over when it is first seen is one line"
        assert f"Event {event.pk} succeeded after " in done.err

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (Status.SUCCEEDED, 0),
            (Status.FAILED, 1),
            (Status.UNSTABLE, 1),
            (Status.INTERRUPTED, 1),
            (Status.CANCELLED, 3),
        ],
    )
    def test_the_exit_code_is_the_verdict(
        self, manage: Manage, stand_in: StandInWorker, status: Status, code: int
    ) -> None:
        make_app()
        stand_in.ends, stand_in.error = status, "Why it ended so."
        done = manage("app", "stop", "shop")
        assert done.code == code
        assert f" {status} after" in done.err
        assert "Why it ended so.\n" in done.err

    def test_json_alone_is_on_standard_output(self, manage: Manage, stand_in: StandInWorker) -> None:
        make_app()
        stand_in.ends = Status.FAILED
        done = manage("app", "stop", "shop", "--json")
        assert done.code == 1
        assert done.json["status"] == "failed"
        assert done.json["action"] == "stop"
        assert done.json["version"] == 1
        assert [step["name"] for step in done.json["steps"]] == ["pull", "up"]
        assert "started\n" in done.err

    def test_ctrl_c_cancels_the_event_and_exits_with_3(self, manage: Manage, stand_in: StandInWorker) -> None:
        make_app()
        stand_in.until = wait_for_cancel
        thread = interrupt_once(is_running)
        done = manage("app", "stop", "shop")
        thread.join()
        event = DeployEvent.objects.get()
        assert done.code == 3
        assert event.status == Status.CANCELLED
        assert event.cancel_requested_by
        assert "Cancelling event" in done.err

    def test_a_second_ctrl_c_does_not_wait_for_the_queue(
        self, manage: Manage, stand_in: StandInWorker
    ) -> None:
        make_app()

        def hear_the_token_alone(event: DeployEvent, cancel: CancelToken) -> None:
            assert cancel.wait(10)

        stand_in.until = hear_the_token_alone
        first = interrupt_once(is_running)
        second = interrupt_once(lambda: DeployEvent.objects.exclude(cancel_requested_at=None).exists())
        done = manage("app", "stop", "shop")
        first.join()
        second.join()
        assert done.code == 3
        assert done.err.count("Cancelling event") == 2

    @pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
    def test_being_told_to_end_cancels_it_too(
        self, manage: Manage, stand_in: StandInWorker, which: signal.Signals
    ) -> None:
        make_app()
        stand_in.until = wait_for_cancel
        thread = interrupt_once(is_running, which)
        done = manage("app", "stop", "shop")
        thread.join()
        assert done.code == 3
        assert DeployEvent.objects.get().status == Status.CANCELLED

    def test_signals_mean_afterwards_what_they_meant_before(
        self, manage: Manage, stand_in: StandInWorker
    ) -> None:
        make_app()
        before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        manage("app", "stop", "shop")
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before

    def test_a_database_that_refuses_for_a_while_does_not_end_the_command(
        self, manage: Manage, stand_in: StandInWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_app()
        monkeypatch.setattr("apps.deployer.cli.following._WORKER_POLL", 0.01)
        looks = [OperationalError("database is locked"), InterfaceError("connection already closed")]
        workers, live_worker, position = list(looks), stand_in.live_worker, queue.position

        def look(event: DeployEvent) -> int:
            if looks:
                raise looks.pop()
            return position(event)

        def look_for_worker() -> bool:
            if workers:
                raise workers.pop()
            return live_worker()

        monkeypatch.setattr(queue, "position", look)
        monkeypatch.setattr("apps.deployer.worker.live_worker", look_for_worker)
        done = manage("app", "stop", "shop")
        assert looks == workers == []
        assert (done.code, done.out) == (0, "pulling\nstarted\n")
        assert done.err.count("The panel's database refuses; waiting for it") == 1

    def test_an_error_of_the_run_is_not_swallowed(self, manage: Manage, stand_in: StandInWorker) -> None:
        make_app()

        def explode(event: DeployEvent, cancel: CancelToken) -> None:
            raise ZeroDivisionError

        stand_in.until = explode
        with pytest.raises(ZeroDivisionError):
            manage("app", "stop", "shop")

    def test_all_of_a_long_output_comes_once_and_in_order(
        self, manage: Manage, stand_in: StandInWorker
    ) -> None:
        make_app()
        stand_in.texts = []
        texts = [f"line {number}" for number in range(1, 30_001)]

        def write(event: DeployEvent, cancel: CancelToken) -> None:
            for first in range(0, len(texts), 500):
                lines = [(timezone.now(), "stdout", text) for text in texts[first : first + 500]]
                logs.append_lines(event.pk, first + 1, lines)

        stand_in.until = write
        assert manage("app", "stop", "shop").out.splitlines() == texts

    def test_a_reader_that_leaves_does_not_stop_the_event(
        self, stand_in: StandInWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app, version = make_app()
        event = queue.enqueue(app, Action.STOP, BY, version=version)
        output, err = broken_output(monkeypatch)
        assert follow(event, output, BY) == 0
        event.refresh_from_db()
        assert event.status == Status.SUCCEEDED
        assert any("succeeded" in text for text in err)


def broken_output(monkeypatch: pytest.MonkeyPatch) -> tuple[Output, list[str]]:
    """Return an output whose standard output has no reader, and what its standard error gets."""
    output = Output(OutputWrapper(StringIO()), OutputWrapper(StringIO()), as_json=False)  # type: ignore[arg-type]
    said: list[str] = []

    def closed(text: str) -> None:
        raise OutputClosed

    monkeypatch.setattr(output, "raw", closed)
    monkeypatch.setattr(output, "say", lambda text, style="": said.append(text))
    return output, said


@pytest.mark.usefixtures("stopped_lifecycle")
class TestUnderAWorker:
    def test_ctrl_c_leaves_the_event_and_says_how_to_cancel_it(
        self, manage: Manage, stand_in: StandInWorker
    ) -> None:
        make_app()
        stand_in.live = True
        usual = signal.getsignal(signal.SIGINT)
        thread = interrupt_once(
            lambda: DeployEvent.objects.queued().exists() and signal.getsignal(signal.SIGINT) != usual
        )
        done = manage("app", "stop", "shop")
        thread.join()
        event = DeployEvent.objects.get()
        assert done.code == 3
        assert event.status == Status.QUEUED
        assert event.cancel_requested_at is None
        assert f"manage.py app cancel shop --event {event.pk}" in done.err
        assert stand_in.ran == []

    def test_the_place_in_the_queue_is_told_as_it_changes(
        self, manage: Manage, stand_in: StandInWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        places: list[int] = []
        position = queue.position
        monkeypatch.setattr(queue, "position", lambda event: places.append(position(event)) or places[-1])
        other, version = make_app("other")
        ahead = queue.enqueue(other, Action.STOP, BY, version=version)
        make_app()
        stand_in.live = True

        def serve() -> None:
            wait_until(lambda: 2 in places, "it is second")
            queue.cancel(ahead, BY)
            wait_until(lambda: 1 in places, "it is first")
            stand_in.run_one(DeployEvent.objects.get(slug="shop").pk, CancelToken())

        thread = in_background(serve)
        done = manage("app", "stop", "shop")
        thread.join()
        assert done.code == 0
        assert done.err.index("Queued, place 2.") < done.err.index("Queued, place 1.")

    def test_when_the_worker_goes_the_command_takes_the_event_over(
        self, manage: Manage, stand_in: StandInWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.deployer.cli.following._WORKER_POLL", 0.2)
        make_app()
        stand_in.live = True

        def leave() -> None:
            time.sleep(0.5)
            stand_in.live = False

        thread = in_background(leave)
        assert manage("app", "stop", "shop").code == 0
        thread.join()
        assert stand_in.ran == [DeployEvent.objects.get().pk]

    def test_detach_only_queues(self, manage: Manage, stand_in: StandInWorker) -> None:
        make_app()
        stand_in.live = True
        done = manage("app", "stop", "shop", "--detach")
        event = DeployEvent.objects.get()
        assert (done.code, done.err) == (0, "")
        assert done.out == f"Event {event.pk}: stop shop, version 1: queued, place 1.\n"
        listed = manage("app", "stop", "shop", "--detach", "--json")
        assert (listed.json["status"], listed.json["position"]) == ("queued", 2)

    def test_detach_without_a_worker_says_that_nobody_runs_it(
        self, manage: Manage, stand_in: StandInWorker
    ) -> None:
        make_app()
        done = manage("app", "stop", "shop", "--detach")
        assert done.code == 0
        assert "No worker runs" in done.err
        assert stand_in.ran == []


@pytest.fixture
def stopped_lifecycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lifecycle requests queue without an engine."""
    monkeypatch.setattr("apps.deployer.requests.require_engine", lambda runner: None)


class TestLogs:
    def test_follow_goes_on_until_the_event_has_ended(self, manage: Manage, stand_in: StandInWorker) -> None:
        app, version = make_app()
        event = queue.enqueue(app, Action.STOP, BY, version=version)
        stand_in.ends = Status.FAILED

        def write_more(event: DeployEvent, cancel: CancelToken) -> None:
            time.sleep(0.3)
            logs.append_lines(event.pk, 3, [(timezone.now(), "stdout", "last")])

        stand_in.until = write_more
        thread = in_background(lambda: stand_in.run_one(event.pk, CancelToken()))
        done = manage("app", "logs", str(event.pk), "--follow")
        thread.join()
        assert (done.code, done.out, done.err) == (0, "pulling\nstarted\nlast\n", "")

    def test_ctrl_c_leaves_json_that_can_be_read(
        self, manage: Manage, stand_in: StandInWorker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[int] = []
        read_lines = logs.read_lines
        monkeypatch.setattr(logs, "read_lines", lambda pk, after: read.append(after) or read_lines(pk, after))
        app, version = make_app()
        event = queue.enqueue(app, Action.STOP, BY, version=version)
        logs.append_lines(event.pk, 1, [(timezone.now(), "stdout", "one")])
        thread = interrupt_once(lambda: any(read))
        done = manage("app", "logs", str(event.pk), "--follow", "--json")
        thread.join()
        assert done.code == 130
        assert [line["text"] for line in done.json] == ["one"]
        event.refresh_from_db()
        assert event.status == Status.QUEUED


def followed(event: DeployEvent) -> tuple[int, str]:
    """Follow `event` to its end; return the exit code and what was said."""
    said = StringIO()
    output = Output(OutputWrapper(StringIO()), OutputWrapper(said), as_json=False)  # type: ignore[arg-type]
    code = follow(event, output, BY)
    return code, said.getvalue()


def follows(failed: DeployEvent) -> None:
    """Queue what the deployer queues with the end of an update that failed."""
    by = Actor("automatic rollback", f"event {failed.pk}")
    queue.enqueue(failed.app, Action.ROLLBACK, by, version=failed.version, cause=failed)


class TestAutomaticRollback:
    def test_without_a_worker_the_command_runs_it_too(self, stand_in: StandInWorker) -> None:
        app, version = make_app()
        event = queue.enqueue(app, Action.DEPLOY, BY, version=version)
        stand_in.ends = Status.UNSTABLE
        stand_in.until = lambda running, _cancel: follows(running) if running.pk == event.pk else None
        code, said = followed(event)
        rollback = DeployEvent.objects.get(cause=event)
        assert code == 1
        assert stand_in.ran == [event.pk, rollback.pk]
        assert rollback.is_terminal
        assert f"Event {rollback.pk}: rollback shop, version 1, because of event {event.pk}.\n" in said
        assert f"Event {rollback.pk} unstable after " in said

    def test_where_a_worker_runs_it_is_left_to_that(self, stand_in: StandInWorker) -> None:
        app, version = make_app()
        event = queue.enqueue(app, Action.DEPLOY, BY, version=version)
        stand_in.live = True
        stand_in.ends = Status.FAILED
        stand_in.until = lambda running, _cancel: follows(running)
        thread = in_background(lambda: stand_in.run_one(event.pk, CancelToken()))
        code, said = followed(event)
        thread.join()
        rollback = DeployEvent.objects.get(cause=event)
        assert code == 1
        assert rollback.status == Status.QUEUED
        assert f"To see it: manage.py app logs {rollback.pk} --follow" in said


def test_no_signal_is_lost_whenever_it_comes() -> None:
    told, rounds, patience = 0, 2000, 5.0
    next_one = threading.Semaphore()

    def send() -> None:
        for _ in range(rounds):
            if not next_one.acquire(timeout=patience):
                return  # the last one was not heard of
            os.kill(os.getpid(), signal.SIGHUP)

    with Interrupts() as interrupts:
        sending = threading.Thread(target=send)
        sending.start()
        heard_at = time.monotonic()
        while told < rounds and time.monotonic() < heard_at + patience:
            if interrupts.wait(0.0001):
                told, heard_at = told + 1, time.monotonic()
                next_one.release()
        sending.join()
    assert told == rounds
