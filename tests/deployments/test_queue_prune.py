"""A prune runs alone: what may be claimed beside it, who waits for whom, and that nobody waits for ever."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from apps.applications.models import App
from apps.applications.services import create_app
from apps.deployments import claims, queue
from apps.deployments.claims import ClaimLost, begin_alone, claim_next
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action, Status
from tests.deployments.test_queue import ANN, apps, at_once, claim


def stop(app: App) -> DeployEvent:
    return enqueue(app, Action.STOP, ANN)


def prune() -> DeployEvent:
    return enqueue(None, Action.PRUNE, ANN)


def end(event: DeployEvent) -> None:
    claims.finish(event, Status.SUCCEEDED)


def test_nothing_that_came_after_a_waiting_prune_is_claimed_before_it(db: None) -> None:
    one, other = apps(2)
    first, second, later = stop(one), prune(), stop(other)

    running = claim()
    assert running.pk == first.pk
    waiting = claim()
    assert waiting.pk == second.pk
    assert claim_next("w") is None

    assert not begin_alone(waiting, "look")
    end(running)
    assert begin_alone(waiting, "look")
    assert waiting.step == DeployEvent.objects.get(pk=waiting.pk).step == "look"
    assert claim_next("w") is None
    end(waiting)
    assert claim().pk == later.pk


def test_what_came_before_it_is_claimed_while_it_waits_and_not_once_it_has_begun(db: None) -> None:
    app = create_app("demo", "", ANN)
    first, second = stop(app), stop(app)
    third = prune()
    running = claim()
    waiting = claim()
    assert (running.pk, waiting.pk) == (first.pk, third.pk)
    claims.advance(waiting, step="wait")
    end(running)

    earlier = claim()

    assert earlier.pk == second.pk
    assert not begin_alone(waiting, "look")
    end(earlier)
    fourth = stop(app)
    assert begin_alone(waiting, "look")
    assert claim_next("w") is None
    end(waiting)
    assert claim().pk == fourth.pk


def test_an_earlier_event_that_nobody_took_does_not_hold_a_prune_up_but_waits_for_its_end(db: None) -> None:
    """A command queued it with --detach, and no worker runs; then a command prunes by itself."""
    app = create_app("demo", "", ANN)
    forgotten, own = stop(app), prune()

    claimed = claim_next("command", up_to=own)

    assert claimed is not None
    assert claimed.pk == own.pk
    assert begin_alone(claimed, "look")
    assert claim_next("worker") is None
    end(claimed)
    assert claim().pk == forgotten.pk


def test_two_prunes_never_overlap(db: None) -> None:
    first, second = prune(), prune()
    running = claim()
    assert running.pk == first.pk
    assert claim_next("w") is None
    assert begin_alone(running, "look")
    assert claim_next("w") is None
    end(running)
    assert claim().pk == second.pk


def test_a_cancelled_or_interrupted_prune_holds_nobody_up(db: None) -> None:
    app = create_app("demo", "", ANN)
    first, later = prune(), stop(app)
    queue.cancel(first, ANN)
    assert claim().pk == later.pk
    end(DeployEvent.objects.get(pk=later.pk))
    second, last = prune(), stop(app)
    running = claim()
    assert running.pk == second.pk
    assert begin_alone(running, "look")
    claims.finish(running, Status.INTERRUPTED)
    assert claim().pk == last.pk


def test_a_command_without_a_worker_runs_the_prune_before_its_own_event(db: None) -> None:
    one, other = apps(2)
    before, own, _after = prune(), stop(one), prune()
    stop(other)

    first = claim_next("command", up_to=own)
    assert first is not None
    assert first.pk == before.pk
    assert claim_next("command", up_to=own) is None
    assert begin_alone(first, "look")
    end(first)
    second = claim_next("command", up_to=own)
    assert second is not None
    assert second.pk == own.pk
    assert claim_next("command", up_to=own) is None
    end(second)
    assert claim_next("command", up_to=own) is None


def test_one_slot_is_enough(db: None, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS = 1
    app = create_app("demo", "", ANN)
    order = [stop(app), prune(), stop(app), prune(), prune(), stop(app)]

    for expected in order:
        running = claim()
        assert running.pk == expected.pk
        assert claim_next("w") is None
        if running.action == Action.PRUNE:
            assert begin_alone(running, "look")
        end(running)


def test_a_prune_that_was_taken_from_its_worker_begins_nothing(db: None) -> None:
    prune()
    mine = claim()
    assert claims.take_over(DeployEvent.objects.get(pk=mine.pk), "worker-2")
    with pytest.raises(ClaimLost):
        begin_alone(mine, "look")


@pytest.mark.django_db(transaction=True)
def test_whoever_reaches_for_the_engine_at_once_a_prune_is_alone() -> None:
    for round_ in range(6):
        app, other = create_app(f"a-{round_}", "", ANN), create_app(f"b-{round_}", "", ANN)
        stop(app)
        stop(other)
        own = prune()
        waiting = claim_next("pruner", up_to=own)
        assert waiting is not None
        reach: list[Callable[[], object]] = [lambda n=n: claim_next(f"w{n}") for n in range(3)]  # type: ignore[misc]
        got = at_once([*reach, lambda waiting=waiting: begin_alone(waiting, "look")])  # type: ignore[misc]

        claimed = [event for event in got if isinstance(event, DeployEvent)]
        began = DeployEvent.objects.get(pk=waiting.pk).step == "look"
        assert began != bool(claimed)
        DeployEvent.objects.active().update(status=Status.FAILED, slot=None)


@pytest.mark.django_db(transaction=True)
def test_workers_that_serve_everything_never_run_anything_beside_a_prune() -> None:
    """Three threads claim and end; each event notes who else was running when it was at work."""
    lock, working, beside = threading.Lock(), set[int](), list[str]()
    # Threads that ask without a pause keep the database from those that end something.
    pause = threading.Event().wait
    wanted = []
    for number in range(12):
        wanted.append(prune() if number % 4 == 2 else stop(create_app(f"app-{number}", "", ANN)))

    def work() -> None:
        while DeployEvent.objects.active().exists():
            event = claim_next(threading.current_thread().name)
            if event is None:
                pause(0.005)
                continue
            is_prune = event.action == Action.PRUNE
            while is_prune and not begin_alone(event, "look"):
                pause(0.005)
            with lock:
                if working and is_prune:
                    beside.append(f"{event.pk} began beside {working}")
                if prunes & working:
                    beside.append(f"{event.pk} began beside a prune")
                working.add(event.pk)
            pause(0.005)
            with lock:
                working.remove(event.pk)
            end(event)
        connection.close()

    prunes = {event.pk for event in wanted if event.action == Action.PRUNE}
    threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not any(thread.is_alive() for thread in threads)
    assert beside == []
    assert set(DeployEvent.objects.values_list("status", flat=True)) == {Status.SUCCEEDED}
