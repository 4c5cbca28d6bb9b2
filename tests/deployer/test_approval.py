"""What an approval is bound to, and the step that compares it with what is about to be done."""

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import pytest

from apps.accounts.actor import Actor
from apps.accounts.models import Role
from apps.applications.models import App
from apps.core.errors import NotAllowed
from apps.deployer.approval import requests
from apps.deployer.approval.requests import NotByToken, ReviewOutdated
from apps.deployer.approval.review import review
from apps.deployer.plan.plan_ahead import PlanAhead
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Call
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import queue
from apps.deployments.approvals import NotAwaited, SamePerson
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Approval, Status
from tests.accounts.people import make_person
from tests.deployer.conftest import Lab, compose_text
from tests.deployer.test_plan_ahead import IMAGES, knowing

EXPECTED = [asdict(Expectation("web", 1, False, False, False))]
NEWER = compose_text("127.0.0.1:5999/demo/web:2")


def person(name: str, role: str = Role.OWNER, **more: Any) -> Actor:
    return Actor(name, "web 192.0.2.1", make_person(name, role), **more)


@pytest.fixture
def waiting(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An app that runs, is protected then, and whose engine answers what a plan asks."""
    monkeypatch.setattr(requests, "default_runner", lambda: lab.runner)
    knowing(lab, hash="other").deployed()
    App.objects.update(protected=True)
    return lab


def asked(lab: Lab, action: Action = Action.DEPLOY, **more: Any) -> DeployEvent:
    if action == Action.DEPLOY:
        more |= {"version": lab.version(NEWER), "expected": EXPECTED}
    role = Role.OWNER if action == Action.REMOVE else Role.DEPLOYER
    return queue.enqueue(lab.app, action, person("ann", role), **more)


def approve(event: DeployEvent, by: Actor) -> DeployEvent:
    return requests.approve(event, by, reviewed=requests.look_at(event).sha256)


def run(lab: Lab, event: DeployEvent) -> DeployEvent:
    event = lab.run(event)
    assert event.steps[0]["name"] == "approval"
    return event


def moved(lab: Lab) -> None:
    lab.runner.on("ls", "--digests", lines=[IMAGES[0].replace("sha256:web", "sha256:moved")])


def test_an_approved_deploy_compares_and_runs(waiting: Lab) -> None:
    event = approve(asked(waiting), person("bob"))
    assert event.plan["summary"] == "recreate web (outside)"

    event = run(waiting, event)

    assert event.status == Status.SUCCEEDED, event.error
    names = [step["name"] for step in event.steps]
    assert names[names.index("up") - 1] == "compare"
    assert event.plan["rehearsed"], "the plan stays as it was shown"


def test_an_image_that_the_pull_moved_is_not_what_was_approved(waiting: Lab) -> None:
    event = approve(asked(waiting), person("bob"))
    waiting.runner.on("compose", "pull", before=lambda call: moved(waiting))

    event = run(waiting, event)

    assert (event.status, event.step) == (Status.FAILED, "compare")
    assert "it would now recreate web (outside, image moved), instead of recreate web" in event.error
    assert "Nothing was changed: the app still has version 1." in event.error
    assert sum("up" in argv for argv in waiting.runner.commands() if "--dry-run" not in argv) == 1
    assert App.objects.get().current_version.number == 1  # type: ignore[union-attr]


def test_an_image_that_was_still_to_be_pulled_may_be_any(waiting: Lab) -> None:
    waiting.runner.on("image", "--digests", lines=[])
    event = approve(asked(waiting), person("bob"))

    def pull(call: Call) -> None:
        waiting.runner.on("ls", "--digests", lines=IMAGES)

    waiting.runner.on("compose", "pull", before=pull)

    assert run(waiting, event).status == Status.SUCCEEDED


def test_another_plan_is_told_in_words(waiting: Lab) -> None:
    event = approve(asked(waiting), person("bob"))
    waiting.runner.on("--all", "--no-trunc", "--format", lines=[])
    waiting.runner.on("image", "--digests", lines=IMAGES)

    event = run(waiting, event)

    assert "it would now create web, instead of recreate web (outside)" in event.error
    assert event.status == Status.FAILED


def test_a_file_that_compose_reads_counts_too(waiting: Lab) -> None:
    before = review(event := asked(waiting), waiting.runner)
    waiting.runner.on("--hash", lines=["web def"])

    after = review(event, waiting.runner)

    assert before.plan.fingerprint == after.plan.fingerprint
    assert before.sha256 != after.sha256


def test_what_cannot_be_planned_is_not_done(waiting: Lab) -> None:
    event = approve(asked(waiting), person("bob"))
    waiting.runner.on("network", "ls", exit_code=1)

    event = run(waiting, event)

    assert event.status == Status.FAILED
    assert "What it would do could not be told" in event.error


def test_a_cancel_while_it_is_compared_is_no_difference(
    waiting: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, token = approve(asked(waiting), person("bob")), CancelToken()

    def cancelled(planning: PlanAhead, images: Collection[str]) -> tuple[str, str]:
        token.cancel()
        return "", ""

    monkeypatch.setattr(PlanAhead, "bond", cancelled)

    event = waiting.run(event, token)

    assert (event.status, event.step) == (Status.INTERRUPTED, "compare")
    assert event.error.startswith("The panel was stopped in step compare. Nothing was changed")


def test_a_plan_that_was_changed_in_the_database_is_not_done(waiting: Lab) -> None:
    event = approve(asked(waiting), person("bob"))
    DeployEvent.objects.filter(pk=event.pk).update(plan=event.plan | {"images": []})

    assert run(waiting, event).status == Status.FAILED


def test_an_approval_of_another_plan_is_refused_with_the_new_one(waiting: Lab) -> None:
    event = asked(waiting)
    seen = requests.look_at(event)
    moved(waiting)

    with pytest.raises(ReviewOutdated, match="Nothing was approved") as caught:
        requests.approve(event, person("bob"), reviewed=seen.sha256)

    assert caught.value.review.sha256 != seen.sha256
    event.refresh_from_db()
    assert event.awaits_approval


def test_who_approves_is_another_person_with_the_right_and_no_program(waiting: Lab) -> None:
    event = asked(waiting)
    reviewed = requests.look_at(event).sha256
    ann = event.requested_by_user

    for by, error in (
        (Actor("ann", "web", ann), NotAllowed),
        (person("deb", Role.DEPLOYER), NotAllowed),
        (person("eve", Role.ADMINISTRATOR, token="ci"), NotByToken),
    ):
        with pytest.raises(error):
            requests.approve(event, by, reviewed=reviewed)
    owner = person("olga")
    own = queue.enqueue(waiting.app, Action.REMOVE, owner)
    with pytest.raises(SamePerson):
        requests.approve(own, owner, reviewed=requests.look_at(own).sha256)
    event.refresh_from_db()
    assert event.awaits_approval


def test_what_was_decided_is_not_looked_at_any_more(waiting: Lab) -> None:
    event = queue.cancel(asked(waiting), person("eve"))

    with pytest.raises(NotAwaited):
        requests.look_at(event)


def test_a_scale_is_bound_to_what_runs_and_to_its_images(waiting: Lab) -> None:
    event = approve(asked(waiting, Action.SCALE, arguments={"scale": {"web": 2}}), person("bob"))
    assert event.plan["summary"] == "scale web (1 → 2)"
    moved(waiting)

    event = run(waiting, event)

    assert (event.status, event.step) == (Status.FAILED, "compare")
    assert not any("--scale" in word for argv in waiting.runner.commands() for word in argv)


def test_an_approved_scale_runs(waiting: Lab) -> None:
    event = approve(asked(waiting, Action.SCALE, arguments={"scale": {"web": 1}}), person("bob"))

    assert run(waiting, event).status == Status.SUCCEEDED


def test_a_removal_names_what_goes_and_ends_what_else_waits(waiting: Lab) -> None:
    other = queue.enqueue(waiting.app, Action.DEPLOY, person("eve"), version=waiting.version(NEWER))
    waiting.runner.on("volume", "ls", lines=[json.dumps(["demo_data", waiting.app.project])])
    event = approve(asked(waiting, Action.REMOVE, arguments={"volumes": True}), person("bob"))
    assert event.plan["summary"] == "remove web"
    assert event.plan["volumes"] == [{"name": "demo_data", "action": "remove"}]
    waiting.engine_has([])

    event = run(waiting, event)

    assert event.status == Status.SUCCEEDED, event.error
    other.refresh_from_db()
    assert (other.status, other.approval) == (Status.CANCELLED, Approval.LAPSED)


def test_a_removal_whose_volumes_are_others_by_now_is_not_done(waiting: Lab) -> None:
    event = approve(asked(waiting, Action.REMOVE, arguments={"volumes": True}), person("bob"))
    waiting.runner.on("volume", "ls", lines=[json.dumps(["demo_data", waiting.app.project])])

    event = run(waiting, event)

    assert (event.status, event.step) == (Status.FAILED, "compare")
    assert App.objects.get().removed_at is None


def test_what_left_approval_out_compares_nothing(waiting: Lab) -> None:
    event = queue.enqueue(
        waiting.app,
        Action.DEPLOY,
        Actor("root", "command line"),
        version=waiting.version(NEWER),
        expected=EXPECTED,
        without_approval="shop is down",
    )

    event = waiting.run(event)

    assert event.status == Status.SUCCEEDED
    assert "compare" not in [step["name"] for step in event.steps]
