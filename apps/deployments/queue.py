"""The queue of events: enqueue, cancel, claim, and the conditional updates by which an event moves on."""

import threading
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.models import App, ComposeVersion
from apps.applications.services import line_of_text
from apps.core.errors import Conflict, NotAllowed
from apps.deployments import live
from apps.deployments.models import DeployEvent
from apps.deployments.states import (
    APPROVAL_STEP,
    NEEDING_APPROVAL,
    TERMINAL,
    WAIT_STEP,
    Action,
    Approval,
    Status,
)

MAX_NOTE = 500  # characters of a reason


class AppRemoved(Conflict):
    """An action on an app that was removed."""


class EventEnded(Conflict):
    """A cancel of an event that has already ended."""


class ClaimLost(Exception):
    """The event is no longer this worker's: somebody took it for dead and closed it."""


class _News:
    """Wakes the workers of this process when an event was queued or is to be cancelled."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def announce(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Wait up to `timeout` seconds for news after count `seen`; return the present count."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout)
            return self._count


news = _News()

# Who ends an event, in the audit.
PANEL = Actor("the panel", "worker")


def announce(event: DeployEvent) -> None:
    """Tell this process's workers and every reader, once the transaction is through."""

    def tell() -> None:
        news.announce()
        live.event_changed(event.pk, event.slug)

    transaction.on_commit(tell)


def enqueue(
    app: App | None,
    action: Action,
    by: Actor,
    *,
    version: ComposeVersion | None = None,
    arguments: dict[str, Any] | None = None,
    expected: list[dict[str, Any]] | None = None,
    images: dict[str, dict[str, str]] | None = None,
    cause: DeployEvent | None = None,
    plan: dict[str, Any] | None = None,
    without_approval: str = "",
    host_rules: list[list[str]] | None = None,
) -> DeployEvent:
    """Queue `action` on `app` (None: on the engine as a whole) and return its event.

    `expected`, `images` and `host_rules` say what the Compose file asks for, as the columns of the same
    names hold it.
    `cause` is the event whose end asks for this one, `plan` what it is to do where that is known already.
    Of a protected app, what a person asks for waits for another's approval; `without_approval` is the reason
    why this one does not. Raises AppRemoved, and NotAllowed where somebody with an account gives one.
    """
    with transaction.atomic():
        if app is not None:
            app = App.objects.select_for_update().get(pk=app.pk)
            if app.removed_at:
                raise AppRemoved(
                    gettext("The app %(slug)s was removed; nothing was started.") % {"slug": app.slug}
                )
        # Nobody asked for what follows from another event: it goes back to what ran before.
        needed = app is not None and app.protected and action in NEEDING_APPROVAL and cause is None
        event = DeployEvent.objects.create(
            app=app,
            slug=app.slug if app else "",
            action=action,
            version=version,
            arguments=arguments or {},
            expected=expected or [],
            images=images or {},
            cause=cause,
            plan=plan or {},
            host_rules=host_rules,
            requested_by_user=by.user,
            requested_by=by.name,
            requested_from=by.origin,
            **(_approval(by, without_approval) if needed else {}),
        )
        announce(event)
        if event.approval == Approval.OVERRIDDEN:
            record(
                by,
                AuditAction.APPROVAL_OVERRIDDEN,
                f"event {event.pk}",
                app_slug=event.slug,
                after=told(event) | {"why": event.approval_note},
            )
        record(
            by,
            AuditAction.EVENT_REQUESTED,
            f"event {event.pk}",
            app_slug=event.slug,
            after=told(event) | {"arguments": event.arguments},
        )
    return event


def _approval(by: Actor, without: str) -> dict[str, Any]:
    """Return the columns of an event that needs approval; `without` is the reason where it is left out."""
    now = timezone.now()
    if without and by.user is not None:
        raise NotAllowed(
            gettext(
                "Only the machine's own command line, without a token, goes ahead without "
                "approval. Nothing was started."
            )
        )
    if without := line_of_text(without, gettext("The reason"), MAX_NOTE):
        return {
            "approval": Approval.OVERRIDDEN,
            "approval_by": by.name,
            "approval_at": now,
            "approval_note": without,
        }
    waits = {"name": APPROVAL_STEP, "started_at": now.isoformat(), "finished_at": None, "exit_code": None}
    return {"approval": Approval.AWAITED, "step": APPROVAL_STEP, "steps": [waits]}


def cancel(event: DeployEvent, by: Actor) -> DeployEvent:
    """Cancel `event`: at once while it is queued, else by asking its worker; return it as it is then.

    Asking twice is no error. Raises EventEnded where it had already ended.
    """
    now = timezone.now()
    asked = {"cancel_requested_by": by.name, "cancel_requested_at": now}
    mine = DeployEvent.objects.filter(pk=event.pk)
    with transaction.atomic():
        ended = {"status": Status.CANCELLED, "finished_at": now, **asked}
        done = mine.awaiting_approval().update(
            approval=Approval.LAPSED,
            error="Cancelled while it waited for approval; nothing was changed.",
            **ended,
        )
        done = done or mine.filter(status=Status.QUEUED).update(
            error="Cancelled while it was queued; nothing was changed.", **ended
        )
        done = done or mine.filter(status=Status.RUNNING, cancel_requested_at=None).update(**asked)
        event.refresh_from_db()
        if done:
            announce(event)
            record(
                by,
                AuditAction.EVENT_CANCEL_REQUESTED,
                f"event {event.pk}",
                app_slug=event.slug,
                after=told(event),
                outcome=event.status if event.is_terminal else "asked its worker",
            )
    if not done and event.is_terminal:
        raise EventEnded(
            gettext("Event %(number)s has already ended (%(status)s).")
            % {"number": event.pk, "status": event.get_status_display().lower()}
        )
    return event


def position(event: DeployEvent) -> int:
    """Return the place of `event` in the queue: 1 is next, 0 means that it has none."""
    if event.status != Status.QUEUED or event.awaits_approval:
        return 0
    return DeployEvent.objects.queued().filter(pk__lt=event.pk).count() + 1


def positions() -> dict[int, int]:
    """Return the place of every event in the queue by its id."""
    waiting = DeployEvent.objects.queued().values_list("pk", flat=True)
    return {pk: place for place, pk in enumerate(waiting, start=1)}


def positions_of(active: Iterable[DeployEvent]) -> dict[int, int]:
    """Return what `positions` does, where all `active` events were read already."""
    waiting = sorted(e.pk for e in active if e.status == Status.QUEUED and not e.awaits_approval)
    return {pk: place for place, pk in enumerate(waiting, start=1)}


def foremost_first(event: DeployEvent) -> tuple[bool, bool, int]:
    """Sort active events: what runs, what is next, what waits for approval."""
    return event.status != Status.RUNNING, event.awaits_approval, event.pk


def foremost(events: Iterable[DeployEvent]) -> dict[int, DeployEvent]:
    """Return by its app's id what each app does: of `events` what runs, or is next, or waits for approval."""
    found: dict[int, DeployEvent] = {}
    for event in sorted(events, key=foremost_first):
        if event.app_id is not None:
            found.setdefault(event.app_id, event)
    return found


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
    while True:
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
                        status=Status.RUNNING, worker=worker, slot=slots[0], started_at=now, heartbeat_at=now
                    )
                )
        except IntegrityError:
            continue
        if claimed:
            event.refresh_from_db()
            announce(event)
            return event


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


def advance(event: DeployEvent, **columns: Any) -> None:
    """Write `columns` of the running `event`. Raises ClaimLost where it is no longer this worker's."""
    changed = (
        DeployEvent.objects.running()
        .filter(pk=event.pk, worker=event.worker)
        .update(heartbeat_at=timezone.now(), **columns)
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


def told(event: DeployEvent) -> dict[str, object]:
    """Return what the audit tells of `event`; the rest stands in its own row."""
    return {"action": event.action, "version": event.version.number if event.version else None}


def take_over(event: DeployEvent, worker: str) -> bool:
    """Make `worker` the owner of a dead worker's running `event`; tell whether it was the first to."""
    taken = (
        DeployEvent.objects.running()
        .filter(pk=event.pk, worker=event.worker)
        .update(worker=worker, heartbeat_at=timezone.now())
    )
    event.worker = worker
    return bool(taken)
