"""Events that meet a database, an engine or a rival that lets them down still end, and tell the truth."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction

from apps.applications.models import App
from apps.core import database
from apps.deployer import deployer as deployer_module
from apps.deployer.app_folder import AppFolder
from apps.deployer.runner.interface import CancelToken, Outcome
from apps.deployer.runner.mock_runner import Call
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import claims, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, Lab, compose_text, told

ENGINE_GONE: dict[str, Any] = {
    "lines": [("stderr", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")],
    "exit_code": 1,
}
NEW = compose_text("127.0.0.1:5999/demo/web:2")


def refusing(real: Callable[..., None], when: Callable[[DeployEvent, dict[str, Any]], bool]) -> Any:
    """Return `real` with a database that is full for the calls that `when` tells."""

    def call(event: DeployEvent, **columns: Any) -> None:
        if when(event, columns):
            raise OperationalError("database or disk is full")
        real(event, **columns)

    return call


def test_a_database_that_refuses_from_pull_on_does_not_keep_the_files_from_being_put_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()
    full = refusing(claims.advance, lambda _event, columns: columns.get("step") == "up" or columns == {})
    monkeypatch.setattr(claims, "advance", full)

    event = lab.deployed(text=NEW)

    assert event.status == Status.INTERRUPTED
    assert event.error.startswith("Pull: The panel's database refused: database or disk is full.")
    assert "Nothing was changed" in event.error
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == compose_text()


@pytest.mark.parametrize("step", ["verify", "record"])
def test_a_database_that_refuses_for_a_moment_fails_no_deploy(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    refusals = [OperationalError("database is locked"), InterfaceError("connection already closed")]

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if refusals and sql.startswith("UPDATE") and step in (params or ()):
            raise refusals.pop()
        return execute(sql, params, many, context)

    monkeypatch.setattr(database, "_PAUSE", 0)
    with connection.execute_wrapper(refuse):
        event = lab.deployed()

    assert refusals == []
    assert (event.status, event.error) == (Status.SUCCEEDED, "")


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_nothing_is_written_twice() -> None:
    write = Mock(side_effect=OperationalError("database is locked"))

    with pytest.raises(OperationalError), transaction.atomic():
        database.patient(write)()

    assert write.call_count == 1


@pytest.mark.django_db(transaction=True)
def test_patience_with_a_database_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0)
    with pytest.raises(OperationalError):
        database.patient(Mock(side_effect=OperationalError("database is locked")))()


@pytest.mark.parametrize(
    ("refusals", "ended"),
    [
        (1, (Status.CANCELLED, "Cancelled by ann in step pull.")),
        (2, (Status.INTERRUPTED, "Cancelled, or stopped with the panel, in step pull.")),
    ],
)
def test_a_cancel_that_meets_a_lost_connection_puts_the_files_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, refusals: int, ended: tuple[Status, str]
) -> None:
    lab.deployed()
    token, left, real = CancelToken(), [1] * refusals, DeployEvent.refresh_from_db

    def refresh(event: DeployEvent, *args: Any, **kwargs: Any) -> None:
        if left and kwargs.get("fields") == ["cancel_requested_by"]:
            left.pop()
            raise InterfaceError("connection already closed")
        real(event, *args, **kwargs)

    def cancel(_call: Call) -> None:
        queue.cancel(DeployEvent.objects.running().get(), ANN)
        token.cancel()

    monkeypatch.setattr(DeployEvent, "refresh_from_db", refresh)
    lab.runner.on("compose", "pull", before=cancel)
    event = lab.run(lab.queue(text=NEW), token)

    assert left == []
    assert (event.status, event.error) == (
        ended[0],
        f"{ended[1]} Nothing was changed: the app still has version 1.",
    )
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == compose_text()


def test_credentials_that_cannot_be_removed_do_not_keep_the_files_from_being_put_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deployed()

    def explode(_run: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(deployer_module, "drop_credentials", explode)
    lab.runner.on("compose", "pull", exit_code=1)
    event = lab.deployed(text=NEW)

    assert event.status == Status.FAILED
    assert "Nothing was changed" in event.error
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == compose_text()


def test_a_database_that_refuses_the_aftermath_does_not_keep_the_event_from_its_verdict(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = refusing(claims.advance, lambda _event, columns: "images" in columns)
    monkeypatch.setattr(claims, "advance", full)
    lab.runner.on("compose", "up", lines=[("stderr", "it went wrong")], exit_code=1)

    event = lab.deployed()

    assert event.status == Status.FAILED
    assert event.error == "Up: it went wrong. What stands now could not be told."


def test_an_event_that_cannot_even_begin_gets_a_status(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.deployed()

    def explode(_event: DeployEvent) -> None:
        raise RuntimeError("kaboom")

    monkeypatch.setattr(deployer_module, "_bind", explode)

    event = lab.run(lab.queue(Action.STOP))

    assert event.status == Status.FAILED
    assert event.error == f"Start: unexpected error; see event {event.pk} in the server's log."


def test_a_stopping_panel_does_not_wait_for_ever_for_a_database_that_refuses(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_columns: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(claims, "finish", full)
    monkeypatch.setattr(deployer_module, "_RETRY", 0.01)
    monkeypatch.setattr(deployer_module, "_PATIENCE", 0.05)
    event, token = lab.queue(), CancelToken()
    claimed = lab.claim()
    token.cancel()

    def run() -> None:
        lab.deployer.run(claimed, token)
        connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(5)

    assert not thread.is_alive()
    event.refresh_from_db()
    assert event.status == Status.RUNNING  # for the next recovery


def test_a_run_whose_event_was_taken_over_puts_no_files_back(lab: Lab) -> None:
    """The new owner of the event has seen to them, and the app's next deploy may already have written."""
    lab.deployed()
    token = CancelToken()

    def lose(_call: Call) -> None:
        theirs = DeployEvent.objects.running().get()
        assert claims.take_over(theirs, "other-host:1:1")
        claims.finish(theirs, Status.INTERRUPTED)
        token.cancel()

    lab.runner.on("compose", "pull", before=lose)
    event = lab.run(lab.queue(text=NEW), token)

    assert event.status == Status.INTERRUPTED
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == NEW


def test_an_engine_that_goes_while_verify_looks_is_waited_for(lab: Lab) -> None:
    lab.runner.on("ps", "--quiet", **ENGINE_GONE).on("ps", "--quiet", **ENGINE_GONE).on(
        "ps", "--quiet", answer=lab._list
    )

    event = lab.deployed()

    assert (event.status, event.error) == (Status.SUCCEEDED, "")


def test_an_engine_that_stays_away_fails_verify_without_saying_that_nothing_was_changed(lab: Lab) -> None:
    App.objects.update(verify_timeout=1, calm_seconds=1)
    lab.runner.on("ps", "--quiet", **ENGINE_GONE)

    event = lab.deployed()

    assert (event.status, event.step) == (Status.FAILED, "verify")
    assert "Nothing was changed" not in event.error
    assert event.error.count("The Docker engine does not answer") == 1
    assert "What stands now could not be told" in event.error


def test_the_failure_of_a_command_is_not_explained_by_what_an_earlier_one_printed(lab: Lab) -> None:
    lab.runner.on("compose", "pull", lines=[("stderr", "web Warning pull access denied for web")])
    lab.runner.on("compose", "up", lines=[("stderr", "it went wrong")], exit_code=1)

    event = lab.deployed()

    assert event.error.startswith("Up: it went wrong.")


def test_a_command_that_fails_without_a_word_is_told_by_its_exit_code(lab: Lab) -> None:
    lab.runner.on("compose", "pull", exit_code=17)

    event = lab.deployed()

    assert event.error.startswith("Pull: The command ended with exit code 17.")


def test_a_deploy_that_fails_in_up_still_knows_the_images_that_its_file_asks_for(lab: Lab) -> None:
    """Its next pull signs in at the registries of these, not of the containers that are still there."""
    lab.deployed()
    lab.runner.on("compose", "up", exit_code=1)
    asked = {"web": {"image": "registry.example.com/demo/web:2"}}

    failed = lab.deployed(text=compose_text("registry.example.com/demo/web:2"), images=asked)
    pulled = lab.run(lab.queue(Action.PULL))

    assert failed.images == asked
    assert pulled.images == asked


def test_an_image_that_was_removed_from_under_its_container_has_no_digest(lab: Lab) -> None:
    lab.runner.on("image", "inspect", lines=["", ("stderr", "Error: No such image: sha256:web")], exit_code=1)

    event = lab.deployed()

    assert event.status == Status.SUCCEEDED
    assert event.images["web"]["digest"] == ""


def test_a_scale_that_failed_is_not_what_a_later_restart_expects(lab: Lab) -> None:
    lab.deployed()
    lab.runner.on("compose", "up", exit_code=1)
    assert lab.run(lab.queue(Action.SCALE, arguments={"scale": {"web": 3}})).status == Status.FAILED

    event = lab.run(lab.queue(Action.RESTART))

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert [one["replicas"] for one in event.expected] == [1]


@pytest.mark.parametrize("state", ["restarting", "paused"])
def test_a_stop_that_leaves_a_container_alive_says_so(lab: Lab, state: str) -> None:
    lab.deployed()
    lab.engine_has([told(Status=state)])

    event = lab.run(lab.queue(Action.STOP))

    assert event.status == Status.UNSTABLE
    assert "simpledeploy-demo-web-1" in event.error


def test_what_is_done_to_some_services_is_judged_by_these_alone(lab: Lab) -> None:
    both = [asdict(Expectation(service, 1, False, False, False)) for service in ("db", "web")]
    stopped = told("db", Status="exited", ExitCode=137)
    lab.engine_has([told("db"), told()])
    lab.run(lab.queue(expected=both))
    lab.engine_has([stopped, told()])
    done = [
        lab.run(lab.queue(action, arguments={"services": [service]}))
        for action, service in (
            (Action.STOP, "db"),
            (Action.RESTART, "web"),
            (Action.START, "web"),
            (Action.STOP, "web"),  # it still runs
        )
    ]

    ended = [(e.status, [s["service"] for s in e.services]) for e in done]
    well = Status.SUCCEEDED
    assert ended == [(well, ["db"]), (well, ["web"]), (well, ["web"]), (Status.UNSTABLE, ["web"])]
    assert "simpledeploy-demo-web-1 (running)" in done[-1].error
    assert [e.concerns for e in done] == ["db", "web", "web", "web"]
    words = [call.argv[-3:] for call in lab.runner.calls if call.argv[-2] == "--"]
    assert words == [
        ["stop", "--", "db"],
        ["restart", "--", "web"],
        ["start", "--", "web"],
        ["stop", "--", "web"],
    ]


def test_an_answer_that_cannot_be_read_does_not_replace_the_verdict(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.runner.on("inspect", "--type", "container", lines=["{not json"])
    lab.runner.on("compose", "up", lines=[("stderr", "it went wrong")], exit_code=1)

    event = lab.deployed()

    assert event.error == "Up: it went wrong. What stands now could not be told."
    assert "could not be told" in caplog.text


def test_a_question_that_was_ended_is_no_answer(lab: Lab) -> None:
    App.objects.update(verify_timeout=1)
    lab.runner.on("ps", "--quiet", "--no-trunc", outcome=Outcome.TIMED_OUT, exit_code=0)

    event = lab.deployed()

    assert (event.status, event.step) == (Status.FAILED, "verify")
    assert "The Docker engine does not answer" in event.error
