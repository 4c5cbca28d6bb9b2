"""What the audit has about an event: who asked for it, who for its cancel, and how it ended."""

import pytest

from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.accounts.audit.verification import Verification
from apps.deployer.recovery import recover
from apps.deployments import claims, queue
from apps.deployments.claims import ClaimLost
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, WORKER, Lab
from tests.deployer.test_recovery import died_in


def told(event_pk: int) -> list[tuple[str, str, str]]:
    """Return actor, action and outcome of the entries about an event, in their order."""
    entries = AuditEntry.objects.filter(on=f"event {event_pk}").order_by("number")
    return [(entry.actor, entry.action, entry.outcome) for entry in entries]


def test_a_deploy_is_told_when_it_is_asked_for_and_when_it_ended(lab: Lab) -> None:
    event = lab.deployed(environment="KEY=planted-value-77")
    assert told(event.pk) == [
        (ANN.name, "event.requested", "done"),
        ("the panel", "event.ended", "succeeded"),
    ]
    ended = AuditEntry.objects.get(action=AuditAction.EVENT_ENDED)
    assert ended.app_slug == "demo"
    assert ended.record()["after"] == {
        "action": "deploy",
        "version": 1,
        "requested_by": ANN.name,
        "exit_code": event.exit_code,
    }
    assert not any("planted" in str(entry.record()) for entry in AuditEntry.objects.all())


def test_a_removal_is_told_with_whether_the_volumes_went(lab: Lab) -> None:
    lab.deployed()
    event = lab.queue(Action.REMOVE, arguments={"volumes": True})
    asked = AuditEntry.objects.get(on=f"event {event.pk}")
    assert asked.record()["after"] == {"action": "remove", "version": None, "arguments": {"volumes": True}}


def test_a_cancel_is_told_with_what_it_met(lab: Lab) -> None:
    waiting, running = lab.queue(), lab.queue()
    queue.cancel(waiting, ANN)
    claims.claim_next(WORKER)
    running.refresh_from_db()
    queue.cancel(running, ANN)
    queue.cancel(running, ANN)
    assert told(waiting.pk)[1:] == [(ANN.name, "event.cancel_requested", "cancelled")]
    assert told(running.pk)[1:] == [(ANN.name, "event.cancel_requested", "asked its worker")]


def test_what_a_crash_interrupted_is_told_when_it_is_put_in_order(lab: Lab) -> None:
    event = died_in(lab, "pull")
    recover("me:1:1")
    assert told(event.pk)[-1] == ("the panel", "event.ended", "interrupted")


def test_whoever_lost_an_event_tells_nothing_of_its_end(lab: Lab) -> None:
    lab.queue()
    mine = lab.claim()
    theirs = queue.DeployEvent.objects.get(pk=mine.pk)
    assert claims.take_over(theirs, "another:2:2")
    before = told(mine.pk)
    with pytest.raises(ClaimLost):
        claims.finish(mine, Status.SUCCEEDED)
    assert told(mine.pk) == before
    assert list(Verification().findings()) == []
