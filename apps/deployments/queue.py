"""The queue of events: what people put into it, take from it, and see of it. What workers do: `claims`."""

import threading
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.models import App, ComposeVersion
from apps.applications.services import line_of_text
from apps.core.errors import Conflict, NotAllowed
from apps.deployments import live
from apps.deployments.models import DeployEvent
from apps.deployments.states import APPROVAL_STEP, NEEDING_APPROVAL, Action, Approval, Status

MAX_NOTE = 500  # characters of a reason


class AppRemoved(Conflict):
    """An action on an app that was removed."""


class EventEnded(Conflict):
    """A cancel of an event that has already ended."""


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


def told(event: DeployEvent) -> dict[str, object]:
    """Return what the audit tells of `event`; the rest stands in its own row."""
    return {"action": event.action, "version": event.version.number if event.version else None}
