"""What follows the bad end of an event: a rollback of its own, or a sentence why there is none."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError
from pytest_django.fixtures import Settings

from apps.accounts.audit.models import AuditEntry
from apps.applications.models import App
from apps.deployer import auto_rollback
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Answer, Call
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import claims, queue
from apps.deployments.claims import ClaimLost
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, Lab, compose_text, told

NAME = "127.0.0.1:5999/demo/web:1"
MODEL = {"services": {"web": {"image": NAME, "restart": "always"}}}
OTHER = compose_text("127.0.0.1:5999/demo/web:2")
CRASHED = told(Status="exited", ExitCode=3)
# A service that ends with another code than 0 cannot come back by itself: the verdict is there at once.
MAY_END = {"expected": [asdict(Expectation("web", 1, False, False, True))]}


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """An app that goes back by itself, with a first version that ran well."""
    lab.runner.on("config", "--format", lines=[json.dumps(MODEL)])
    App.objects.update(auto_rollback=True)
    return lab


def rollbacks() -> list[DeployEvent]:
    return list(DeployEvent.objects.filter(action=Action.ROLLBACK).order_by("pk"))


def fail(lab: Lab, before: Callable[[], object] | None = None, text: str = OTHER) -> DeployEvent:
    """Deploy `text`, whose service ends at once; `before` is called while *up* runs."""
    lab.engine_has([CRASHED])
    if before:
        lab.runner.on("compose", "up", before=lambda _call: before())
    return lab.deployed(text=text, **MAY_END)


def test_an_update_that_ends_unstable_goes_back_to_the_last_version_that_ran_well(lab: Lab) -> None:
    first = lab.deployed()

    failed = fail(lab)

    (rollback,) = rollbacks()
    assert (failed.status, failed.step) == (Status.UNSTABLE, "verify")
    assert f"Automatic rollback: event {rollback.pk} goes back to version 1." in failed.error
    assert (rollback.status, rollback.version, rollback.cause) == (Status.QUEUED, first.version, failed)
    assert (rollback.requested_by, rollback.requested_from) == ("automatic rollback", f"event {failed.pk}")
    assert rollback.requested_by_user is None
    assert rollback.arguments["images"] == "same"
    assert rollback.arguments["pins"]["web"]["id"] == "sha256:web"
    assert rollback.expected == [asdict(Expectation("web", 1, False, False, False))]


def test_the_audit_tells_of_the_rollback_and_of_the_end_that_it_follows(lab: Lab) -> None:
    lab.deployed()
    failed = fail(lab)
    (rollback,) = rollbacks()
    asked, ended = AuditEntry.objects.order_by("number")[AuditEntry.objects.count() - 2 :]
    assert (asked.actor, asked.origin, asked.on) == (
        "automatic rollback",
        f"event {failed.pk}",
        f"event {rollback.pk}",
    )
    assert (ended.on, ended.outcome) == (f"event {failed.pk}", "unstable")


def test_a_failure_of_up_goes_back_too(lab: Lab) -> None:
    lab.deployed()
    lab.runner.on("compose", "up", exit_code=1)

    failed = lab.deployed(text=OTHER)

    assert (failed.status, failed.step) == (Status.FAILED, "up")
    assert [event.cause for event in rollbacks()] == [failed]


def test_the_rollback_runs_as_any_event_and_brings_the_version_back(lab: Lab) -> None:
    first = lab.deployed()
    fail(lab)
    lab.engine_has([told()])
    lab.runner.on("image", "ls", lines=[json.dumps(["sha256:web", "web", "1", "<none>"])])

    rollback = lab.run(rollbacks()[0])

    assert (rollback.status, rollback.error) == (Status.SUCCEEDED, "")
    assert lab.app.current_version == first.version
    assert not DeployEvent.objects.queued().exists()


def test_a_rollback_that_fails_stops_there_and_says_so(lab: Lab) -> None:
    lab.deployed()
    failed = fail(lab)
    lab.runner.on("image", "ls", lines=[json.dumps(["sha256:web", "web", "1", "<none>"])])
    lab.runner.on("compose", "up", exit_code=1)

    rollback = lab.run(rollbacks()[0])

    assert rollback.status == Status.FAILED
    assert (
        f"this was the one after event {failed.pk}. It did not succeed, and it stops here." in rollback.error
    )
    assert len(rollbacks()) == 1


def test_a_rollback_that_somebody_asked_for_has_none(lab: Lab) -> None:
    lab.deployed()
    lab.deployed(text=OTHER)
    lab.engine_has([CRASHED])

    rollback = lab.run(lab.queue(Action.ROLLBACK, **MAY_END))

    assert rollback.status == Status.UNSTABLE
    assert rollback.error.endswith("Automatic rollback: none follows a rollback.")
    assert rollbacks() == [rollback]


def test_a_first_deploy_has_nothing_to_go_back_to(lab: Lab) -> None:
    failed = fail(lab)

    assert "no earlier deploy of the app succeeded" in failed.error
    assert rollbacks() == []


def test_a_version_that_never_ran_well_is_nothing_to_go_back_to(lab: Lab) -> None:
    fail(lab)
    failed = fail(lab, text=compose_text("127.0.0.1:5999/demo/web:3"))

    assert "no earlier deploy of the app succeeded" in failed.error


def test_it_is_off_by_default(lab: Lab) -> None:
    App.objects.update(auto_rollback=App._meta.get_field("auto_rollback").get_default())
    lab.deployed()

    failed = fail(lab)

    assert failed.status == Status.UNSTABLE
    assert "Automatic rollback" not in failed.error
    assert rollbacks() == []


def test_what_fails_before_up_has_changed_nothing(lab: Lab) -> None:
    lab.deployed()
    lab.runner.on("compose", "pull", exit_code=1)

    failed = lab.deployed(text=OTHER)

    assert failed.step == "pull"
    assert "Automatic rollback" not in failed.error
    assert rollbacks() == []


@pytest.mark.parametrize("asked", [True, False])
def test_what_was_cancelled_or_interrupted_stays(lab: Lab, asked: bool) -> None:
    lab.deployed()
    token = CancelToken()

    def end() -> None:
        if asked:
            queue.cancel(DeployEvent.objects.running().get(), ANN)
        token.cancel()

    lab.runner.on("compose", "up", before=lambda _call: end())
    ended = lab.run(lab.queue(text=OTHER), token)

    assert ended.status == (Status.CANCELLED if asked else Status.INTERRUPTED)
    assert rollbacks() == []


def test_a_refusal_of_the_panels_own_database_says_nothing_against_the_new_version(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    real = claims.advance

    def refuse(event: DeployEvent, **columns: object) -> None:
        if columns.get("step") == "record":
            raise OperationalError("database is locked")
        real(event, **columns)

    monkeypatch.setattr(claims, "advance", refuse)
    ended = lab.deployed(text=OTHER)

    assert ended.status == Status.INTERRUPTED
    assert ended.error.startswith("Verify: The panel's database refused: database is locked.")
    assert rollbacks() == []


@pytest.mark.parametrize("action", [Action.START, Action.RESTART])
def test_other_actions_have_none(lab: Lab, action: Action) -> None:
    lab.deployed(**MAY_END)
    lab.engine_has([CRASHED])

    event = lab.run(lab.queue(action))

    assert event.status == Status.UNSTABLE
    assert rollbacks() == []


def test_somebody_elses_event_comes_first_and_may_be_the_remedy(lab: Lab) -> None:
    lab.deployed()
    fixed: list[DeployEvent] = []

    failed = fail(lab, before=lambda: fixed.append(lab.queue(text=compose_text("127.0.0.1:5999/demo/web:3"))))

    assert f"not done, as event {fixed[0].pk} (deploy) waits for the app." in failed.error
    assert rollbacks() == []


def test_a_removal_that_waits_is_not_held_up(lab: Lab) -> None:
    lab.deployed()

    failed = fail(lab, before=lambda: lab.queue(Action.REMOVE))
    lab.engine_has([])
    removal = lab.run(DeployEvent.objects.queued().get())

    assert "(remove) waits for the app." in failed.error
    assert removal.status == Status.SUCCEEDED
    assert rollbacks() == []


def test_an_app_that_was_removed_meanwhile_is_not_brought_back(lab: Lab) -> None:
    lab.deployed()

    failed = fail(lab, before=lambda: App.objects.update(removed_at="2026-11-24T19:00:00Z"))

    assert failed.status == Status.UNSTABLE
    assert rollbacks() == []


def prepared_then(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Call `change` after the rollback was prepared, before the event is closed."""
    prepare = auto_rollback.prepare

    def prepare_and_change(*arguments: object) -> auto_rollback.WayBack:
        way = prepare(*arguments)  # type: ignore[arg-type]
        change()
        return way

    monkeypatch.setattr(auto_rollback, "prepare", prepare_and_change)


def test_what_was_switched_off_while_it_was_prepared_stays_off(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    prepared_then(monkeypatch, lambda: App.objects.update(auto_rollback=False))

    assert "not done, as it was switched off meanwhile." in fail(lab).error
    assert rollbacks() == []


def test_an_event_that_was_queued_while_it_was_prepared_counts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    prepared_then(monkeypatch, lambda: lab.queue(Action.STOP))

    assert "(stop) waits for the app." in fail(lab).error
    assert rollbacks() == []


def test_a_cancel_that_came_too_late_still_keeps_it_from_going_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    prepared_then(monkeypatch, lambda: queue.cancel(DeployEvent.objects.running().get(), ANN))

    failed = fail(lab)

    assert failed.status == Status.UNSTABLE
    assert "not done, as ann asked to cancel." in failed.error
    assert rollbacks() == []


def test_an_event_that_somebody_took_over_queues_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.deployed()
    prepared_then(monkeypatch, lambda: DeployEvent.objects.running().update(worker="there:2:2"))

    left = fail(lab)

    assert left.status == Status.RUNNING
    assert rollbacks() == []


def test_the_rollback_is_queued_with_the_end_of_its_cause_or_not_at_all(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    finish = claims.finish

    def lose(event: DeployEvent, status: Status, **columns: object) -> None:
        if status == Status.UNSTABLE:
            raise ClaimLost
        finish(event, status, **columns)

    monkeypatch.setattr(claims, "finish", lose)
    fail(lab)

    assert rollbacks() == []


def test_the_same_content_with_the_same_images_is_nothing_to_go_back_to(lab: Lab) -> None:
    lab.deployed()

    failed = fail(lab, text=compose_text())

    assert "not done, as version 1 with these images is also what ran well last." in failed.error
    assert rollbacks() == []


def test_the_same_content_with_a_moved_image_goes_back_to_the_image_that_ran(lab: Lab) -> None:
    first = lab.deployed()
    moved = json.loads(CRASHED) | {"Image": "sha256:moved"}
    lab.engine_has([json.dumps(moved)])

    failed = lab.deployed(text=compose_text(), **MAY_END)

    (rollback,) = rollbacks()
    assert (rollback.version, rollback.cause) == (first.version, failed)
    assert rollback.arguments["pins"]["web"]["id"] == "sha256:web"


def test_a_content_that_compose_now_refuses_is_said(lab: Lab) -> None:
    lab.deployed()
    refusal = [("stderr", "services.web Additional property x")]
    lab.runner.on("config", "--format", "json", lines=refusal, exit_code=1)

    failed = fail(lab)

    assert failed.status == Status.UNSTABLE
    assert "Automatic rollback: not possible. Version 1 cannot be deployed: " in failed.error
    assert rollbacks() == []


ENGINE_GONE: dict[str, Any] = {
    "lines": [("stderr", "Cannot connect to the Docker daemon")],
    "exit_code": 1,
}


def test_an_engine_that_restarts_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_rollback, "_PAUSE", 0)
    lab.deployed()
    lab.runner.on("version", "--format", **ENGINE_GONE).on("version", "--format", **ENGINE_GONE).on(
        "version", "--format"
    )

    failed = fail(lab)

    assert [event.cause for event in rollbacks()] == [failed]


def test_who_cancels_or_stops_the_panel_waits_for_no_engine(lab: Lab) -> None:
    lab.deployed()
    token = CancelToken()

    def refuse(_call: Call) -> Answer:
        token.cancel()
        return Answer(**ENGINE_GONE)

    lab.runner.on("version", "--format", answer=refuse)
    lab.engine_has([CRASHED])

    failed = lab.run(lab.queue(text=OTHER, **MAY_END), token)

    assert "Automatic rollback: not possible. Version 1 cannot be deployed: " in failed.error
    assert rollbacks() == []


def test_an_engine_that_is_gone_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_rollback, "_PATIENCE", 0)
    lab.deployed()
    lab.runner.on("version", "--format", **ENGINE_GONE)

    failed = fail(lab)

    assert "Automatic rollback: not possible. Version 1 cannot be deployed: " in failed.error
    assert "engine" in failed.error
    assert rollbacks() == []


def test_a_content_that_no_longer_decrypts_is_said(lab: Lab, settings: Settings) -> None:
    lab.deployed(environment="GREETING=hello\n")

    def lose_the_key() -> None:
        settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    failed = fail(lab, before=lose_the_key)

    assert "Automatic rollback: not possible. Version 1 cannot be deployed: " in failed.error
    assert rollbacks() == []


def test_an_unexpected_error_ends_the_event_all_the_same(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.deployed()

    def explode(_call: Call) -> None:
        raise RuntimeError("kaboom with internals")

    failed = fail(lab, before=lambda: lab.runner.on("config", "--format", "json", before=explode))

    assert failed.status == Status.UNSTABLE
    assert f"not possible because of an unexpected error; see event {failed.pk}" in failed.error
    assert "kaboom" not in failed.error
    assert "kaboom with internals" in caplog.text
    assert rollbacks() == []
