"""The queue: order, one event per app, the cap, cancel, and what races may not break."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.actor import Actor
from apps.applications.models import App
from apps.applications.services import create_app
from apps.deployments import claims, queue
from apps.deployments.claims import ClaimLost, claim_next
from apps.deployments.models import ClosedEvent, DeployEvent
from apps.deployments.queue import AppRemoved, EventEnded, enqueue
from apps.deployments.states import ACTIVE, TERMINAL, TRANSITIONS, Action, Status

ANN = Actor("ann", "test")


@pytest.fixture
def app(db: None) -> App:
    return create_app("demo", "Demo", ANN)


def apps(number: int) -> list[App]:
    return [create_app(f"app-{n}", "", ANN) for n in range(number)]


def claim(worker: str = "w") -> DeployEvent:
    event = claim_next(worker)
    assert event is not None
    return event


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """Run `calls` in threads that start together, each with its own connection."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait(10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_an_event_tells_who_asked_for_what(app: App) -> None:
    event = enqueue(app, Action.SCALE, ANN, arguments={"scale": {"web": 2}})

    assert (event.slug, event.action, event.status) == ("demo", "scale", "queued")
    assert (event.requested_by, event.requested_from) == ("ann", "test")
    assert event.arguments == {"scale": {"web": 2}}


def test_nothing_is_queued_for_a_removed_app(app: App) -> None:
    App.objects.update(removed_at=timezone.now())

    with pytest.raises(AppRemoved, match="demo was removed"):
        enqueue(app, Action.STOP, ANN)
    assert not DeployEvent.objects.exists()


def test_events_are_claimed_in_the_order_in_which_they_came(db: None) -> None:
    events = [enqueue(app, Action.STOP, ANN) for app in apps(3)]

    assert [claim().pk for _ in events] == [event.pk for event in events]
    assert claim_next("w") is None


def test_an_app_has_one_running_event_and_the_next_waits(app: App) -> None:
    first, second = enqueue(app, Action.STOP, ANN), enqueue(app, Action.START, ANN)
    assert claim().pk == first.pk
    assert claim_next("w") is None

    claims.finish(claimed(first), Status.SUCCEEDED)

    assert claim().pk == second.pk


def test_a_waiting_event_of_a_busy_app_does_not_hold_up_other_apps(db: None) -> None:
    one, other = apps(2)
    enqueue(one, Action.STOP, ANN)
    enqueue(one, Action.START, ANN)
    third = enqueue(other, Action.STOP, ANN)
    claim()

    assert claim().pk == third.pk


def test_no_more_events_run_than_there_are_slots(db: None, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 2
    events = [enqueue(app, Action.STOP, ANN) for app in apps(4)]
    first, second = claim(), claim()
    assert {first.slot, second.slot} == {0, 1}
    assert claim_next("w") is None

    claims.finish(first, Status.FAILED)

    third = claim()
    assert (third.pk, third.slot) == (events[2].pk, first.slot or 0)


def test_a_cap_that_was_lowered_counts_what_began_before(db: None, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 3
    for app in apps(4):
        enqueue(app, Action.STOP, ANN)
    first = claim()
    claim()
    claim()
    claims.finish(first, Status.SUCCEEDED)
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 1

    assert claim_next("w") is None


def test_the_database_refuses_a_second_running_event_of_an_app(app: App) -> None:
    enqueue(app, Action.STOP, ANN)
    second = enqueue(app, Action.START, ANN)
    claim()

    with pytest.raises(IntegrityError), transaction.atomic():
        DeployEvent.objects.filter(pk=second.pk).update(status=Status.RUNNING, slot=2)


@pytest.mark.django_db(transaction=True)
def test_workers_that_reach_for_the_same_events_never_share_one(settings: Settings) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 3
    for app in apps(5):
        enqueue(app, Action.STOP, ANN)

    got = at_once([lambda n=n: claim_next(f"worker-{n}") for n in range(8)])  # type: ignore[misc]

    claimed_ids = [event.pk for event in got if isinstance(event, DeployEvent)]
    assert len(claimed_ids) == len(set(claimed_ids)) == 3
    running = DeployEvent.objects.running()
    assert sorted(running.values_list("slot", flat=True)) == [0, 1, 2]
    assert sorted(claimed_ids) == sorted(DeployEvent.objects.order_by("pk").values_list("pk", flat=True))[:3]


def test_places_in_the_queue_count_from_one(db: None) -> None:
    events = [enqueue(app, Action.STOP, ANN) for app in apps(3)]
    assert [queue.position(event) for event in events] == [1, 2, 3]

    running = claim()

    assert queue.position(running) == 0
    assert queue.positions() == {events[1].pk: 1, events[2].pk: 2}


def test_a_queued_event_is_cancelled_at_once(app: App) -> None:
    event = queue.cancel(enqueue(app, Action.STOP, ANN), Actor("bob", "test"))

    assert (event.status, event.cancel_requested_by) == ("cancelled", "bob")
    assert event.finished_at is not None
    assert "nothing was changed" in event.error
    assert claim_next("w") is None


def test_a_running_event_is_asked_to_end_and_asking_twice_keeps_the_first(app: App) -> None:
    enqueue(app, Action.STOP, ANN)
    event = queue.cancel(claim(), Actor("bob", "test"))
    asked_at = event.cancel_requested_at
    again = queue.cancel(event, Actor("eve", "test"))

    assert (again.status, again.cancel_requested_by) == ("running", "bob")
    assert again.cancel_requested_at == asked_at


def test_an_event_that_has_ended_cannot_be_cancelled(app: App) -> None:
    enqueue(app, Action.STOP, ANN)
    event = claim()
    claims.finish(event, Status.SUCCEEDED)

    with pytest.raises(EventEnded, match="has already ended \\(succeeded\\)"):
        queue.cancel(event, ANN)
    event.refresh_from_db()
    assert event.cancel_requested_by == ""


@pytest.mark.django_db(transaction=True)
def test_cancel_and_claim_at_once_leave_one_truth() -> None:
    for app in apps(6):
        event = enqueue(app, Action.STOP, ANN)
        at_once([lambda event=event: queue.cancel(event, ANN), lambda: claim_next("w")])  # type: ignore[misc]
        event.refresh_from_db()
        assert event.cancel_requested_by == "ann"
        assert event.status in (Status.CANCELLED, Status.RUNNING)
        assert (event.worker == "w") == (event.status == Status.RUNNING)
        DeployEvent.objects.running().update(status=Status.FAILED, slot=None)


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_an_event_that_has_ended_never_changes_again(app: App, end: Status) -> None:
    enqueue(app, Action.STOP, ANN)
    event = claim()
    claims.finish(event, end)

    with pytest.raises(ClaimLost):
        claims.advance(event, step="up")
    with pytest.raises(ClaimLost):
        claims.finish(event, Status.SUCCEEDED)
    with pytest.raises(ClosedEvent):
        event.save()
    with pytest.raises(ClosedEvent):
        event.delete()
    with pytest.raises(ClosedEvent):
        DeployEvent.objects.all().delete()
    assert DeployEvent.objects.filter(pk=event.pk).update(error="changed") == 0
    event.refresh_from_db()
    assert (event.status, event.error, event.slot) == (end, "", None)


def test_a_worker_that_lost_its_event_can_write_nothing_into_it(app: App) -> None:
    enqueue(app, Action.STOP, ANN)
    mine = claim("worker-1")
    theirs = DeployEvent.objects.get(pk=mine.pk)
    assert claims.take_over(theirs, "worker-2")
    assert not claims.take_over(DeployEvent(pk=mine.pk, worker="worker-1"), "worker-3")

    with pytest.raises(ClaimLost):
        claims.finish(mine, Status.SUCCEEDED)

    claims.finish(theirs, Status.INTERRUPTED)
    mine.refresh_from_db()
    assert mine.status == Status.INTERRUPTED


def test_a_command_claims_only_its_app_and_only_up_to_its_own_event(db: None) -> None:
    one, other = apps(2)
    enqueue(other, Action.STOP, ANN)
    first, second, third = (enqueue(one, a, ANN) for a in (Action.STOP, Action.START, Action.RESTART))

    claimed_first = claim_next("me", up_to=second)
    assert claimed_first is not None
    assert claimed_first.pk == first.pk
    claims.finish(claimed_first, Status.SUCCEEDED)
    claimed_second = claim_next("me", up_to=second)
    assert claimed_second is not None
    assert claimed_second.pk == second.pk
    claims.finish(claimed_second, Status.SUCCEEDED)
    assert claim_next("me", up_to=second) is None
    third.refresh_from_db()
    assert third.status == Status.QUEUED


def test_the_states_are_complete() -> None:
    assert set(Status) == ACTIVE | TERMINAL
    assert set(TRANSITIONS) == ACTIVE
    assert set.union(*map(set, TRANSITIONS.values())) | {Status.QUEUED} == set(Status)


def claimed(event: DeployEvent) -> DeployEvent:
    return DeployEvent.objects.get(pk=event.pk)
