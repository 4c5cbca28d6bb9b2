"""Events of a protected app: they wait for another person, and what races may not break."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.actor import Actor
from apps.accounts.models import Role, Token, User
from apps.applications.models import App
from apps.applications.services import InvalidText, create_app
from apps.core.errors import Conflict, NotAllowed
from apps.deployments import approvals, claims, queue
from apps.deployments.approvals import NoReason, NotAwaited, Overtaken, RequesterGone, SamePerson
from apps.deployments.claims import claim_next
from apps.deployments.models import DeployEvent
from apps.deployments.queue import AppRemoved, enqueue
from apps.deployments.states import NEEDING_APPROVAL, Action, Approval, Status
from tests.accounts.people import make_person
from tests.deployments.test_queue import at_once

PLAN = {"summary": "recreate web (image)", "fingerprint": "f" * 64}
SHA256 = "a" * 64
AT_ONCE = (Action.STOP, Action.START, Action.RESTART, Action.PULL, Action.ADOPT)


def person(name: str) -> Actor:
    """Return somebody with an account, who is made where there is none."""
    user = User.objects.filter(username=name).first() or make_person(name, Role.ADMINISTRATOR)
    return Actor(name, "web 192.0.2.1", user)


@pytest.fixture
def app(db: None) -> App:
    app = create_app("demo", "Demo", person("ann"))
    App.objects.update(protected=True)
    app.refresh_from_db()
    return app


def asked(app: App, action: Action = Action.DEPLOY) -> DeployEvent:
    return enqueue(app, action, person("ann"))


def give(event: DeployEvent, by: Actor, note: str = "") -> DeployEvent:
    return approvals.give(event, by, plan=PLAN, sha256=SHA256, note=note)


def test_an_event_of_a_protected_app_waits_in_a_step_of_its_own(app: App) -> None:
    event = asked(app)

    assert (event.status, event.step, event.approval) == ("queued", "approval", "awaited")
    assert [step["name"] for step in event.steps] == ["approval"]
    assert (queue.position(event), queue.positions()) == (0, {})
    assert claim_next("w") is None
    assert claim_next("w", up_to=event) is None


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.PRUNE}))
def test_what_decides_what_runs_waits_and_what_is_needed_in_trouble_does_not(
    app: App, action: Action
) -> None:
    event = asked(app, action)

    assert event.awaits_approval is (action in NEEDING_APPROVAL)
    assert event.awaits_approval is (action not in AT_ONCE)


def test_nothing_waits_for_approval_where_the_app_is_not_protected(app: App) -> None:
    App.objects.update(protected=False)

    assert asked(app).approval == Approval.NONE


def test_an_automatic_rollback_needs_no_approval(app: App) -> None:
    cause = enqueue(app, Action.STOP, person("ann"))

    rollback = enqueue(app, Action.ROLLBACK, Actor("automatic rollback", "event 1"), cause=cause)

    assert rollback.approval == Approval.NONE


def test_an_override_says_who_and_why(app: App) -> None:
    event = enqueue(app, Action.DEPLOY, Actor("root", "command line"), without_approval="shop is down")

    assert (event.approval, event.approval_by, event.approval_note) == ("overridden", "root", "shop is down")
    assert claim_next("w") == event


def test_nobody_with_an_account_overrides(app: App) -> None:
    with pytest.raises(NotAllowed, match="own command line"):
        enqueue(app, Action.DEPLOY, person("ann"), without_approval="shop is down")
    assert not DeployEvent.objects.exists()


def test_one_that_waits_holds_nothing_back(app: App) -> None:
    asked(app)
    other = enqueue(create_app("other", "", person("ann")), Action.DEPLOY, person("ann"))
    same = asked(app, Action.STOP)

    assert queue.positions() == {other.pk: 1, same.pk: 2}
    assert claim_next("w") == other
    assert claim_next("w") == same


def test_another_person_approves_and_it_runs(app: App) -> None:
    event = give(asked(app), person("bob"), " looks \n fine ")

    assert (event.status, event.step, event.approval) == ("queued", "", "given")
    assert (event.approval_by, event.approval_by_user, event.approval_note) == (
        "bob",
        User.objects.get(username="bob"),
        "looks fine",
    )
    assert (event.approval_sha256, event.plan) == (SHA256, PLAN)
    assert event.approval_at is not None
    assert event.steps[0]["finished_at"] == event.approval_at.isoformat()
    assert queue.position(event) == 1
    assert claim_next("w") == event


def test_who_asked_does_not_approve_however_they_come(app: App) -> None:
    event = asked(app)
    ann = User.objects.get(username="ann")

    for by in (person("ann"), Actor("ci of ann", "token", ann), Actor("Ann", "command line")):
        with pytest.raises(SamePerson, match="another person has to approve it"):
            give(event, by)
    assert DeployEvent.objects.get(pk=event.pk).awaits_approval


def test_who_made_the_token_of_a_machine_does_not_approve_what_it_asks_for(app: App) -> None:
    machine = User.objects.create(username="ci", role=Role.DEPLOYER, is_machine=True)
    Token.objects.create(
        user=machine, name="deploys", digest="d" * 64, made_by="bob", expires_at=timezone.now()
    )
    event = enqueue(app, Action.DEPLOY, Actor("ci", "token deploys", machine, token="deploys"))

    with pytest.raises(SamePerson, match="You made a token of ci"):
        give(event, person("bob"))
    assert give(event, person("eve")).approval == Approval.GIVEN


def test_what_a_disabled_or_removed_person_asked_for_is_not_approved(app: App) -> None:
    event = asked(app)
    ann = User.objects.get(username="ann")
    User.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(RequesterGone, match="no active account"):
        give(event, person("bob"))

    ann.delete()

    with pytest.raises(RequesterGone):
        give(event, person("bob"))


def test_what_was_asked_for_on_the_command_line_is_approved_in_the_panel(app: App) -> None:
    event = enqueue(app, Action.DEPLOY, Actor("root", "command line"))

    assert give(event, person("bob")).approval == Approval.GIVEN


def test_nothing_is_approved_while_something_else_comes(app: App) -> None:
    event, stop = asked(app), asked(app, Action.STOP)
    with pytest.raises(Overtaken, match=rf"Event {stop.pk} \(stop\) of demo"):
        give(event, person("bob"))
    running = claim_next("w")
    assert running == stop
    with pytest.raises(Overtaken):
        give(event, person("bob"))

    claims.finish(running, Status.SUCCEEDED)

    assert give(event, person("bob")).approval == Approval.GIVEN


def test_a_refusal_ends_it_with_its_reason(app: App) -> None:
    event = approvals.refuse(asked(app), person("bob"), "not on a Friday.")

    assert (event.status, event.approval, event.approval_by) == ("cancelled", "refused", "bob")
    assert event.error == "Refused by bob: not on a Friday. Nothing was changed."
    assert event.finished_at is not None
    assert claim_next("w") is None


@pytest.mark.parametrize(
    ("note", "error"), [("  ", NoReason), ("x" * 501, InvalidText), ("a\0b", InvalidText)]
)
def test_a_refusal_needs_a_reason_that_can_be_kept(app: App, note: str, error: type[Exception]) -> None:
    event = asked(app)

    with pytest.raises(error):
        approvals.refuse(event, person("bob"), note)
    assert DeployEvent.objects.get(pk=event.pk).awaits_approval


def test_who_asked_withdraws_it_at_once(app: App) -> None:
    event = queue.cancel(asked(app), person("ann"))

    assert (event.status, event.approval) == ("cancelled", "lapsed")
    assert event.error == "Cancelled while it waited for approval; nothing was changed."
    with pytest.raises(NotAwaited, match="has ended"):
        give(event, person("bob"))


def test_a_decision_is_made_once(app: App) -> None:
    event = give(asked(app), person("bob"))

    with pytest.raises(NotAwaited, match="bob has approved"):
        give(event, person("eve"))
    with pytest.raises(NotAwaited, match="bob has approved"):
        approvals.refuse(event, person("eve"), "no")
    assert queue.cancel(event, person("ann")).approval == Approval.GIVEN


def test_an_event_that_needs_no_approval_gets_none(app: App) -> None:
    event = asked(app, Action.STOP)

    with pytest.raises(NotAwaited, match="needs no approval"):
        give(event, person("bob"))


def test_protection_that_is_switched_off_lets_nothing_through(app: App) -> None:
    event = asked(app)

    App.objects.update(protected=False)

    assert claim_next("w") is None
    assert give(event, person("bob")).approval == Approval.GIVEN


def test_what_waits_lapses_with_its_app(app: App) -> None:
    event, other = asked(app), asked(app, Action.REMOVE)
    give(other, person("bob"))

    assert approvals.lapse_with(app) == 1
    event.refresh_from_db()
    assert (event.status, event.approval) == ("cancelled", "lapsed")
    assert "removed while this waited" in event.error


def test_nothing_is_approved_for_a_removed_app(app: App) -> None:
    event = asked(app)
    App.objects.update(removed_at=timezone.now())

    with pytest.raises(AppRemoved):
        give(event, person("bob"))


def test_what_nobody_decides_expires(app: App, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_APPROVAL_DAYS = 2
    event, young = asked(app), asked(app)
    # The queue's own update refuses to change when it was queued.
    DeployEvent.objects.filter(pk=event.pk).update(queued_at=timezone.now() - timedelta(days=2, seconds=1))
    with pytest.raises(NotAwaited, match="waited too long"):
        give(event, person("bob"))

    assert approvals.expire() == 1

    event.refresh_from_db()
    assert (event.status, event.approval, event.error) == (
        "cancelled",
        "lapsed",
        "Nobody approved it within 2 day(s); nothing was changed.",
    )
    young.refresh_from_db()
    assert young.awaits_approval
    assert approvals.expires_at(young) == young.queued_at + timedelta(days=2)


def test_the_database_itself_lets_nothing_run_that_waits(app: App) -> None:
    event = asked(app)

    with pytest.raises(IntegrityError):
        DeployEvent.objects.filter(pk=event.pk).update(status=Status.RUNNING)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_and_one_who_cancels_at_once_each_is_told_what_became_of_it() -> None:
    app = create_app("demo", "Demo", person("ann"))
    App.objects.update(protected=True)
    for _round in range(5):
        event = asked(app)
        bob, eve, ann = person("bob"), person("eve"), person("ann")

        def attempt(by: Actor, event: DeployEvent = event) -> str:
            try:
                return give(event, by).approval
            except Conflict:
                return "refused"

        told = at_once(
            [
                lambda bob=bob: attempt(bob),
                lambda eve=eve: attempt(eve),
                lambda event=event, ann=ann: queue.cancel(event, ann).status,
            ]
        )

        event.refresh_from_db()
        assert told.count("given") <= 1
        assert (event.status, told[2]) == ("cancelled", "cancelled")
        assert event.approval == (Approval.GIVEN if "given" in told else Approval.LAPSED)
