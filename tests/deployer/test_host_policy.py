"""For whom an event runs: looked up again when it begins, and once more before its content is brought up."""

import json
from dataclasses import asdict
from typing import Any

import pytest
import yaml

from apps.accounts.actor import Actor
from apps.accounts.models import Role, User
from apps.applications.host_rules.rules import HostRule
from apps.applications.models import App, HostAllowance
from apps.deployer.app_folder import AppFolder
from apps.deployer.runner.mock_runner import Answer, Call
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.accounts.people import make_person
from tests.deployer.conftest import Lab, compose_text, told

PRIVILEGED = compose_text() + "    privileged: true\n"
EXPECTED = [asdict(Expectation("web", 1, False, False, False))]


@pytest.fixture
def dora(lab: Lab) -> User:
    """Somebody who may deploy and is no administrator."""
    return make_person("dora", Role.DEPLOYER)


def model(lab: Lab, **web: Any) -> None:
    """Let Compose make this of every file."""
    found = {"services": {"web": {"image": "127.0.0.1:5999/demo/web:1", **web}}}
    lab.runner.on("config", "--format", lines=[json.dumps(found)])


def asked(lab: Lab, user: User, action: Action = Action.DEPLOY, text: str = "", **more: Any) -> DeployEvent:
    by = Actor(user.username, "web 192.0.2.1", user)
    more = {"version": lab.version(text), "expected": EXPECTED, "host_rules": []} | more
    return queue.enqueue(lab.app, action, by, **more)


def commands(lab: Lab, word: str) -> int:
    return sum(word in call.argv for call in lab.runner.calls)


def test_what_asks_for_nothing_is_deployed_for_anybody(lab: Lab, dora: User) -> None:
    model(lab)
    assert lab.run(asked(lab, dora)).status == Status.SUCCEEDED


def test_what_is_no_longer_allowed_is_refused_when_the_event_begins(lab: Lab, dora: User) -> None:
    model(lab, privileged=True)
    exception = HostAllowance.objects.create(
        app=lab.app, rule=HostRule.PRIVILEGED, reason="x", allowed_by="ada"
    )
    first, second = asked(lab, dora, text=PRIVILEGED), asked(lab, dora, text=PRIVILEGED + "# 2\n")
    assert lab.run(first).status == Status.SUCCEEDED
    exception.delete()

    event = lab.run(second)

    assert (event.status, event.step) == (Status.FAILED, "version")
    assert (
        "Compose file, line 4, column 5: A privileged container may do anything on the host." in event.error
    )
    assert "Nothing was changed: the app still has version 1." in event.error
    assert App.objects.get().current_version == first.version


@pytest.mark.parametrize("action", [Action.DEPLOY, Action.ROLLBACK])
def test_a_link_that_a_container_made_during_the_pull_is_found_before_up(
    lab: Lab, dora: User, action: Action
) -> None:
    model(lab, volumes=[{"type": "bind", "source": "./data", "target": "/data"}])
    folder = AppFolder(lab.app.slug).path

    def plant(_call: object) -> None:
        (folder / "data").symlink_to("/etc")

    lab.runner.on("pull", before=plant)

    event = lab.run(asked(lab, dora, action))

    assert (event.status, event.step) == (Status.FAILED, "pull")
    assert "./data (it leads to /etc) is outside of the app's folder" in event.error
    assert commands(lab, "up") == 0
    assert App.objects.get().current_version is None


@pytest.mark.parametrize(("writes", "status"), [(True, Status.FAILED), (False, Status.SUCCEEDED)])
def test_a_path_that_a_container_of_another_version_can_exchange_is_refused(
    lab: Lab, dora: User, writes: bool, status: Status
) -> None:
    model(lab, volumes=[{"type": "bind", "source": "./data/sub", "target": "/sub"}])
    folder = AppFolder(lab.app.slug).path
    (folder / "data" / "sub").mkdir(parents=True)
    mounts = [
        {"Type": "bind", "Source": str(folder / "data"), "RW": writes},
        {"Type": "bind", "Source": "/srv", "RW": True},
        {"Type": "volume", "Source": "/var/lib/docker/volumes/x", "RW": True},
    ]
    lab.runner.on("ps", "-aq", lines=["web1"])
    lab.runner.on("inspect", "--format", "{{json .Mounts}}", lines=[json.dumps(mounts)])

    event = lab.run(asked(lab, dora))

    assert event.status == status, event.error
    assert ("could exchange data/sub for a link" in event.error) is writes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"is_active": False}, "The account of dora, who asked for this, is disabled or gone."),
        ({"role": Role.VIEWER}, "dora, who asked for this, may do it no longer."),
        (None, "The account of dora, who asked for this, is disabled or gone."),
    ],
)
@pytest.mark.parametrize("action", [Action.DEPLOY, Action.ROLLBACK, Action.RESTART, Action.SCALE])
def test_an_event_of_somebody_who_may_no_longer_do_it_changes_nothing(
    lab: Lab, dora: User, action: Action, change: dict[str, Any] | None, sentence: str
) -> None:
    event = asked(lab, dora, action, arguments={"scale": {"web": 2}} if action == Action.SCALE else None)
    people = User.objects.filter(pk=dora.pk)
    people.delete() if change is None else people.update(**change)

    event = lab.run(event)

    assert (event.status, event.step) == (Status.FAILED, "")
    assert event.error == f"Start: {sentence} Nothing was changed."
    assert lab.runner.calls == []


def test_an_operator_brings_up_again_what_was_there_and_nothing_new(lab: Lab) -> None:
    model(lab)
    olaf = make_person("olaf", Role.OPERATOR)
    lab.deployed()
    assert lab.run(asked(lab, olaf)).status == Status.SUCCEEDED
    event = lab.run(asked(lab, olaf, text=compose_text("127.0.0.1:5999/demo/web:2")))
    assert "olaf, who asked for this, may do it no longer" in event.error


def test_administrators_and_the_command_line_are_not_held_to_it(lab: Lab) -> None:
    model(lab, privileged=True)
    ada = make_person("ada", Role.ADMINISTRATOR)
    assert lab.run(asked(lab, ada, text=PRIVILEGED)).status == Status.SUCCEEDED
    assert lab.deployed(text=PRIVILEGED + "# by hand\n").status == Status.SUCCEEDED


def test_the_command_line_of_an_account_that_is_gone_is_not_that_of_the_machine(lab: Lab, dora: User) -> None:
    by = Actor("dora", "command line with a token", dora, token="ci")
    event = queue.enqueue(lab.app, Action.DEPLOY, by, version=lab.version(), expected=EXPECTED)
    User.objects.all().delete()
    assert "is disabled or gone" in lab.run(event).error


@pytest.mark.parametrize(
    ("recorded", "goes_back"), [([["privileged", ""]], True), ([["devices", ""]], False), (None, True)]
)
def test_an_automatic_rollback_may_ask_for_what_ran(
    lab: Lab, dora: User, recorded: list[list[str]] | None, goes_back: bool
) -> None:
    """None: the version ran before there was a policy."""

    def resolve(call: Call) -> Answer:
        assert call.cwd is not None, "Compose runs where the files are"
        return Answer([json.dumps(yaml.safe_load((call.cwd / "docker-compose.yml").read_text()))])

    lab.runner.on("config", "--format", answer=resolve)
    App.objects.update(auto_rollback=True)
    lab.deployed(text=PRIVILEGED, host_rules=recorded)
    ends = {"expected": [asdict(Expectation("web", 1, False, False, True))]}
    lab.engine_has([told(Status="exited", ExitCode=3)])

    failed = lab.run(asked(lab, dora, text=compose_text("127.0.0.1:5999/demo/web:2"), **ends))

    rollback = DeployEvent.objects.filter(action=Action.ROLLBACK).first()
    assert (rollback is not None) == goes_back
    if rollback is None:
        assert "not possible. Version 1 cannot be deployed: Compose file, line 4" in failed.error
        return
    lab.engine_has([told()])
    lab.runner.on("image", "ls", lines=[json.dumps(["sha256:web", "web", "1", "<none>"])])
    ended = lab.run(rollback)
    assert ended.status == Status.SUCCEEDED, ended.error
    assert rollback.host_rules == [["privileged", ""]]
