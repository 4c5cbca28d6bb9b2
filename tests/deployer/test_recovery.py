"""What a dead worker left is put in order, in whatever step it died."""

import os
import subprocess
import sys
import time
from datetime import timedelta

import psutil
import pytest
from django.db.models.functions import Now
from django.utils import timezone

from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.owner import current_owner
from apps.deployer.app_folder import AppFolder
from apps.deployer.recovery import recover
from apps.deployer.worker import live_worker
from apps.deployments import claims
from apps.deployments.models import DeployEvent, Worker
from apps.deployments.states import Action, Status
from tests.deployer.conftest import Lab, compose_text

NEW = compose_text("127.0.0.1:5999/demo/web:2")


def dead_owner() -> str:
    """Return the owner name of a process of this host that has ended."""
    child = subprocess.run(
        [sys.executable, "-c", "from apps.core.owner import current_owner; print(current_owner())"],
        capture_output=True,
        text=True,
        check=True,
    )
    return child.stdout.strip()


def died_in(lab: Lab, step: str, action: Action = Action.DEPLOY) -> DeployEvent:
    """Leave an event as a worker leaves it that is killed in `step`."""
    event = lab.queue(action, text=NEW)
    claimed = claims.claim_next(dead_owner())
    assert claimed is not None
    if step:
        claims.advance(claimed, step=step)
    return event


@pytest.mark.parametrize("step", ["", "version", "write", "credentials", "pull"])
def test_a_deploy_that_died_before_up_is_undone(lab: Lab, step: str) -> None:
    first = lab.deployed()
    event = died_in(lab, step)
    if step not in ("", "version"):
        assert event.version is not None
        AppFolder("demo").write(content_of(event.version))

    recover("me:1:1")

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert "Nothing was changed" in event.error
    assert event.slot is None
    assert App.objects.get().current_version == first.version
    folder = AppFolder("demo").path
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"docker-compose.yml": compose_text()}


@pytest.mark.parametrize("step", ["up", "verify", "record"])
def test_a_deploy_that_died_from_up_on_keeps_the_new_version(lab: Lab, step: str) -> None:
    lab.deployed()
    event = died_in(lab, step)
    assert event.version is not None
    AppFolder("demo").write(content_of(event.version))

    recover("me:1:1")

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert App.objects.get().current_version == event.version
    folder = AppFolder("demo").path
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"docker-compose.yml": NEW}


@pytest.mark.parametrize(
    ("step", "left"),
    [("", "in step start. Nothing was changed."), ("down", "in step down. It may be done in part;")],
)
def test_of_another_action_it_says_what_may_be_left(lab: Lab, step: str, left: str) -> None:
    lab.deployed()
    event = died_in(lab, step, Action.REMOVE)

    recover("me:1:1")

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert left in event.error


def test_the_app_deploys_again_after_a_crash(lab: Lab) -> None:
    died_in(lab, "pull")
    recover("me:1:1")

    assert lab.deployed(text=NEW).status == Status.SUCCEEDED


def test_queued_events_go_on(lab: Lab) -> None:
    event = died_in(lab, "pull")
    waiting = lab.queue()
    recover("me:1:1")

    assert lab.run(waiting).status == Status.SUCCEEDED
    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED


def test_the_events_of_a_living_worker_are_left_alone(lab: Lab) -> None:
    event = lab.queue()
    claims.claim_next(current_owner())
    DeployEvent.objects.running().update(heartbeat_at=timezone.now() - timedelta(days=1))

    recover("me:1:1")

    event.refresh_from_db()
    assert event.status == Status.RUNNING


@pytest.mark.parametrize(("age", "status"), [(5, Status.RUNNING), (3600, Status.INTERRUPTED)])
def test_a_worker_on_another_machine_is_dead_when_its_heartbeat_stops(
    lab: Lab, age: int, status: Status
) -> None:
    event = lab.queue()
    claims.claim_next("elsewhere:1:1")
    beat = timezone.now() - timedelta(seconds=age)
    DeployEvent.objects.running().update(heartbeat_at=beat)
    Worker.objects.create(name="elsewhere:1:1", heartbeat_at=beat)

    recover("me:1:1")

    event.refresh_from_db()
    assert event.status == status
    assert Worker.objects.exists() == (status == Status.RUNNING)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_on_a_machine_whose_clock_is_wrong_is_alive_while_it_beats(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = timezone.now
    event = lab.queue()
    with monkeypatch.context() as there:
        there.setattr(timezone, "now", lambda: real() + timedelta(hours=hours))
        claims.claim_next("elsewhere:1:1")
        Worker.objects.create(name="elsewhere:1:1", heartbeat_at=Now())
    with monkeypatch.context() as here:
        here.setattr(timezone, "now", lambda: real() - timedelta(hours=hours))
        recover("me:1:1")
        assert live_worker()

    event.refresh_from_db()
    assert event.status == Status.RUNNING


def test_an_own_event_that_is_not_run_here_is_closed_and_one_that_is_stays(lab: Lab) -> None:
    event = lab.queue()
    claims.claim_next(current_owner())

    recover(current_owner(), running_here={event.pk})
    event.refresh_from_db()
    assert event.status == Status.RUNNING

    recover(current_owner())
    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED


def test_what_the_dead_worker_started_is_ended(lab: Lab) -> None:
    owner = dead_owner()
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, "SIMPLEDEPLOY_RUN": owner},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 5
        while psutil.Process(orphan.pid).environ().get("SIMPLEDEPLOY_RUN") != owner:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        recover("me:1:1")

        assert orphan.wait(5) != 0
    finally:
        orphan.kill()
        orphan.wait()


def test_two_that_recover_at_once_close_an_event_once(lab: Lab) -> None:
    event = died_in(lab, "pull")

    recover("first:1:1")
    recover("second:1:1")

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert event.worker == "first:1:1"
