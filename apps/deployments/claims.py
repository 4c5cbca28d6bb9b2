"""How workers move events on: claimed from the queue, step by step, to the end, by conditional updates."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import AuditAction, record
from apps.core.database import patient
from apps.deployments.models import DeployEvent
from apps.deployments.queue import PANEL, announce, told
from apps.deployments.states import TERMINAL, WAIT_STEP, Action, Status


class ClaimLost(Exception):
    """The event is no longer this worker's: somebody took it for dead and closed it."""


def claim_next(worker: str, *, up_to: DeployEvent | None = None) -> DeployEvent | None:
    """Take the first queued event whose app is idle, if a slot is free, and return it as running.

    A prune runs alone: nothing that was queued after one is taken before it has ended. With `up_to` only
    events of that event's app and prunes are taken, and none after it. Two workers that reach for the
    same event, app or slot are told apart by the conditional update and by the database's constraints;
    the loser looks again.
    """
    waiting = DeployEvent.objects.queued()
    if up_to is not None:
        own = Q(app=up_to.app_id) if up_to.app_id else Q()
        waiting = waiting.filter(own | Q(action=Action.PRUNE), pk__lte=up_to.pk)
    # Mostly nothing waits, and this is asked several times a second.
    while waiting.exists():
        running = list(DeployEvent.objects.running().values_list("app_id", "slot"))
        if len(running) >= settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS:
            return None  # also where the cap was higher when they began
        busy_apps = {app_id for app_id, _slot in running if app_id is not None}
        used_slots = {slot for _app_id, slot in running}
        slots = [s for s in range(settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS) if s not in used_slots]
        event = waiting.exclude(app_id__in=busy_apps).first() if slots else None
        if event is None:
            return None
        try:
            with transaction.atomic():
                if _held_back_by_prune(event):
                    return None
                # Not before the database let this begin: what it waited for had not ended until then.
                now = timezone.now()
                claimed = (
                    DeployEvent.objects.queued()
                    .filter(pk=event.pk)
                    .update(
                        status=Status.RUNNING,
                        worker=worker,
                        slot=slots[0],
                        started_at=now,
                        heartbeat_at=Now(),
                    )
                )
        except IntegrityError:
            continue
        if claimed:
            event.refresh_from_db()
            announce(event)
            return event
    return None


def _held_back_by_prune(event: DeployEvent) -> bool:
    """Tell whether a prune stands before the queued `event`, or runs and waits for nothing any more.

    The rows of the prunes stay locked until the claim is through, so that `begin_alone` sees it.
    """
    # Itself too, where it is one: all lock them in the same order, and none waits for one that waits for it.
    prunes = DeployEvent.objects.active().filter(action=Action.PRUNE).select_for_update().order_by("pk")
    return any(
        prune.pk < event.pk
        or (prune.status == Status.RUNNING and event.action == Action.PRUNE)
        or prune.step not in ("", WAIT_STEP)
        for prune in prunes
        if prune.pk != event.pk
    )


@patient
def begin_alone(event: DeployEvent, step: str) -> bool:
    """Move the running prune `event` on to `step` unless another event runs; tell whether it did.

    From then on nothing is claimed until it has ended. A claim and this lock the prune first and the
    others after it, so neither can overlook the other, and none waits for one that waits for it.
    Raises ClaimLost.
    """
    with transaction.atomic():
        DeployEvent.objects.select_for_update().get(pk=event.pk)
        others = DeployEvent.objects.active().exclude(pk=event.pk).order_by("pk").select_for_update()
        if any(other.status == Status.RUNNING for other in others):
            return False
        advance(event, step=step)
    return True


@patient
def advance(event: DeployEvent, **columns: Any) -> None:
    """Write `columns` of the running `event`. Raises ClaimLost where it is no longer this worker's."""
    changed = (
        DeployEvent.objects.running()
        .filter(pk=event.pk, worker=event.worker)
        .update(heartbeat_at=Now(), **columns)
    )
    if not changed:
        raise ClaimLost(f"event {event.pk} is no longer run by {event.worker}")
    for name, value in columns.items():
        setattr(event, name, value)
    announce(event)


def finish(event: DeployEvent, status: Status, **columns: Any) -> None:
    """Close the running `event` with terminal `status` and `columns`. Raises ClaimLost."""
    assert status in TERMINAL, status
    with transaction.atomic():
        advance(event, status=status, slot=None, finished_at=timezone.now(), **columns)
        record(
            PANEL,
            AuditAction.EVENT_ENDED,
            f"event {event.pk}",
            app_slug=event.slug,
            after=told(event) | {"requested_by": event.requested_by, "exit_code": event.exit_code},
            outcome=status,
        )


def take_over(event: DeployEvent, worker: str) -> bool:
    """Make `worker` the owner of a dead worker's running `event`; tell whether it was the first to."""
    taken = (
        DeployEvent.objects.running()
        .filter(pk=event.pk, worker=event.worker)
        .update(worker=worker, heartbeat_at=Now())
    )
    event.worker = worker
    return bool(taken)
