"""The plan that an event keeps."""

import json
import logging
from typing import Any

import pytest

from apps.deployer.app_folder import AppFolder
from apps.deployer.plan import plan_ahead
from apps.deployer.plan.plan_ahead import PlanAhead
from apps.deployer.runner.interface import CancelToken, Outcome
from apps.deployer.runner.mock_runner import Call
from apps.deployments.states import Status
from tests.deployer.conftest import Lab, compose_text

SECRET = "hunter2-hunter2"
MODEL = {"services": {"web": {"image": "127.0.0.1:5999/demo/web:1", "environment": {"P": SECRET}}}}
IMAGES = ['["sha256:web","127.0.0.1:5999/demo/web","1","<none>"]']


def knowing(lab: Lab, **row: str) -> Lab:
    """Let Compose and the engine of `lab` answer a plan's questions; one container of web runs."""
    columns = {
        "id": "web1", "names": "simpledeploy-demo-web-1", "state": "running", "status": "Up", "ports": "",
        "project": "simpledeploy-demo", "service": "web", "number": "1", "one_off": "False", "hash": "abc",
        "image": "sha256:web",
    }  # fmt: skip
    lab.runner.on("version", lines=["2.26.1"])
    lab.runner.on("config", "--format", lines=[json.dumps(MODEL)])
    lab.runner.on("config", "--hash", lines=["web abc"])
    lab.runner.on("ps", "--all", "--no-trunc", "--format", lines=[json.dumps(list((columns | row).values()))])
    lab.runner.on("image", "ls", lines=IMAGES)
    return lab


def test_a_deploy_keeps_what_was_planned(lab: Lab) -> None:
    event = knowing(lab, hash="other").deployed(environment=f"P={SECRET}\n")
    assert event.status == Status.SUCCEEDED
    assert event.plan["summary"] == "recreate web (outside)"
    assert event.plan["services"][0]["containers"] == [
        {"name": "simpledeploy-demo-web-1", "action": "recreate"}
    ]
    assert SECRET not in json.dumps(event.plan)


def test_neither_a_dry_run_nor_the_ports_of_the_machine_are_asked_for(lab: Lab) -> None:
    knowing(lab).deployed()
    asked = [word for argv in lab.runner.commands() for word in argv]
    assert "--dry-run" not in asked
    assert "context" not in asked


def test_an_image_that_the_pull_moved_is_in_the_plan(lab: Lab) -> None:
    knowing(lab)

    def pull(call: Call) -> None:
        lab.runner.on("ls", "--digests", lines=[IMAGES[0].replace("sha256:web", "sha256:moved")])

    lab.runner.on("compose", "pull", before=pull)
    assert lab.deployed().plan["summary"] == "recreate web (image moved)"


def test_a_deploy_that_never_gets_to_up_has_no_plan(lab: Lab) -> None:
    knowing(lab).runner.on("compose", "pull", exit_code=1)
    event = lab.deployed()
    assert (event.status, event.plan) == (Status.FAILED, {})


def test_a_cancel_while_the_plan_is_waited_for_leaves_everything_as_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = knowing(lab).deployed(text=compose_text("127.0.0.1:5999/demo/web:0"))
    folder = AppFolder("demo").path
    before = {path.name: path.read_text() for path in folder.iterdir()}
    token, told = CancelToken(), PlanAhead.told

    def cancelled(planning: PlanAhead) -> dict[str, Any]:
        token.cancel()
        return told(planning)

    monkeypatch.setattr(PlanAhead, "told", cancelled)

    event = lab.run(lab.queue(), token)

    assert event.status == Status.INTERRUPTED
    assert event.error.startswith("The panel was stopped in step pull. Nothing was changed")
    assert lab.app.current_version == first.version
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_what_cannot_be_planned_is_logged_and_deployed(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.runner.on("config", exit_code=1, outcome=Outcome.TIMED_OUT)
    event = lab.deployed()
    assert (event.status, event.plan) == (Status.SUCCEEDED, {})
    assert "The deploy of demo could not be planned: Docker Compose did not finish" in caplog.text


def test_a_fault_of_the_planner_is_logged_and_the_app_deployed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(plan_ahead, "build_plan", broken)
    event = knowing(lab).deployed()
    assert (event.status, event.plan) == (Status.SUCCEEDED, {})
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_a_rollback_is_planned_from_what_runs_then(lab: Lab) -> None:
    knowing(lab).deployed(text=compose_text("127.0.0.1:5999/demo/web:0"))
    second = lab.deployed()
    assert second.plan["current_sha256"] != second.plan["sha256"]
    assert len(second.plan["sha256"]) == len(second.plan["current_sha256"]) == 64
