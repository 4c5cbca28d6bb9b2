"""Four eyes: the conditional updates by which an event of a protected app is approved, refused, or lapses.

Who asked never approves. What is approved is bound to a SHA-256, which the event keeps and its steps compare.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.actor import COMMAND_LINE, Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.models import App
from apps.applications.services import line_of_text
from apps.core.errors import Conflict, DomainError, NotAllowed
from apps.deployments.models import DeployEvent, DeployEventQuerySet
from apps.deployments.queue import MAX_NOTE, PANEL, AppRemoved, announce, told
from apps.deployments.states import Approval, Status


class NotAwaited(Conflict):
    """A decision about an event that waits for none, or no longer."""


class SamePerson(NotAllowed):
    """An approval by whoever asked."""


class RequesterGone(Conflict):
    """An approval of what somebody asked for who could not ask for it any more."""


class Overtaken(Conflict):
    """An approval while something else runs or is about to."""


class NoReason(DomainError):
    """A refusal without a reason."""


def give(event: DeployEvent, by: Actor, *, plan: dict[str, Any], sha256: str, note: str = "") -> DeployEvent:
    """Let `event` take its place in the queue, bound to `plan` by `sha256`; return it as it is then.

    Raises InvalidText, SamePerson, RequesterGone, NotAwaited, Overtaken and AppRemoved.
    """
    note = line_of_text(note, gettext("The note"), MAX_NOTE)
    with transaction.atomic():
        assert event.app is not None, "what is done to the engine as a whole needs no approval"
        app = App.objects.select_for_update().get(pk=event.app.pk)
        if app.removed_at:
            raise AppRemoved(
                gettext("The app %(slug)s was removed; nothing was approved.") % {"slug": app.slug}
            )
        event = DeployEvent.objects.select_related("app", "version", "requested_by_user").get(pk=event.pk)
        require_another_person(event, by)
        if event.awaits_approval and (other := app.events.coming().first()):
            raise Overtaken(
                gettext(
                    "Event %(number)s (%(action)s) of %(slug)s is queued or runs, and changes what "
                    "this one would do. Nothing was approved; look again when it has ended."
                )
                % {"number": other.pk, "action": other.action, "slug": app.slug}
            )
        now = timezone.now()
        unexpired = _awaiting(event).filter(queued_at__gt=_expired_before(now))
        # The wait is the only step so far.
        steps = [step | {"finished_at": now.isoformat()} for step in event.steps]
        given = _decided(by, note, now) | {"approval": Approval.GIVEN, "approval_sha256": sha256}
        if not unexpired.update(plan=plan, step="", steps=steps, **given):
            raise _not_awaited(event)
        event.refresh_from_db()
        announce(event)
        _record(by, AuditAction.EVENT_APPROVED, event, sha256=sha256, note=note)
    return event


def refuse(event: DeployEvent, by: Actor, note: str) -> DeployEvent:
    """End the waiting `event` as cancelled, for the reason `note`; return it as it is then.

    Raises NoReason, InvalidText and NotAwaited.
    """
    note = line_of_text(note, gettext("The note"), MAX_NOTE)
    if not note:
        raise NoReason(gettext("Say why it is refused; whoever asked reads it. Nothing was changed."))
    with transaction.atomic():
        now = timezone.now()
        error = f"Refused by {by.name}: {note.rstrip('.')}. Nothing was changed."
        refused = _decided(by, note, now) | _ended(now, error) | {"approval": Approval.REFUSED}
        if not _awaiting(event).update(**refused):
            raise _not_awaited(event)
        event.refresh_from_db()
        announce(event)
        _record(by, AuditAction.EVENT_REFUSED, event, why=note)
    return event


def expire() -> int:
    """End what has waited for approval longer than SIMPLEDEPLOY_APPROVAL_DAYS; return how many that were."""
    now = timezone.now()
    days = settings.SIMPLEDEPLOY_APPROVAL_DAYS
    overdue = DeployEvent.objects.awaiting_approval().filter(queued_at__lte=_expired_before(now))
    return _lapse(overdue, f"Nobody approved it within {days} day(s); nothing was changed.")


def lapse_with(app: App) -> int:
    """End what waits for approval of `app`, which is removed in this transaction; return how many."""
    # All are locked before the first entry of the audit: whoever writes one should wait for no other row.
    waiting = DeployEvent.objects.awaiting_approval().filter(app=app).order_by("pk").select_for_update()
    return _lapse(waiting, "The app was removed while this waited for approval; nothing was changed.")


def require_awaited(event: DeployEvent) -> None:
    """Raise NotAwaited where `event` waits for no approval, or no longer."""
    if not event.awaits_approval or expires_at(event) <= timezone.now():
        raise _not_awaited(event)


def require_another_person(event: DeployEvent, by: Actor) -> None:
    """Raise SamePerson where `by` is whoever asked for `event`, RequesterGone where they could not ask now.

    Somebody on the machine's command line is known by the name of the operating system's user alone: a
    person of that name counts as the same.
    """
    asked = event.requested_by_user
    same_account = asked is not None and by.user is not None and asked.pk == by.user.pk
    if same_account or by.name.casefold() == event.requested_by.casefold():
        raise SamePerson(
            gettext("%(requested_by)s asked for event %(number)s; another person has to approve it.")
            % {"requested_by": event.requested_by, "number": event.pk}
        )
    if asked is not None and asked.is_machine and by.name in asked.tokens.values_list("made_by", flat=True):
        raise SamePerson(
            gettext(
                "You made a token of %(requested_by)s, which asked for event %(number)s; another "
                "person has to approve it."
            )
            % {"requested_by": event.requested_by, "number": event.pk}
        )
    had_account = event.requested_from != COMMAND_LINE
    if (asked is None and had_account) or (asked is not None and not asked.is_active):
        raise RequesterGone(
            gettext(
                "%(requested_by)s, who asked for event %(number)s, has no active account any "
                "more. Nothing was approved; refuse it, or ask for the same yourself."
            )
            % {"requested_by": event.requested_by, "number": event.pk}
        )


def expires_at(event: DeployEvent) -> datetime:
    """Return when `event` ends by itself if nobody decides."""
    return event.queued_at + timedelta(days=settings.SIMPLEDEPLOY_APPROVAL_DAYS)


def _expired_before(now: datetime) -> datetime:
    return now - timedelta(days=settings.SIMPLEDEPLOY_APPROVAL_DAYS)


def _awaiting(event: DeployEvent) -> DeployEventQuerySet:
    return DeployEvent.objects.awaiting_approval().filter(pk=event.pk)


def _decided(by: Actor, note: str, now: datetime) -> dict[str, Any]:
    return {
        "approval_by_user": by.user,
        "approval_by": by.name,
        "approval_at": now,
        "approval_note": note,
    }


def _ended(now: datetime, error: str) -> dict[str, Any]:
    return {"status": Status.CANCELLED, "finished_at": now, "error": error}


def _lapse(waiting: DeployEventQuerySet, error: str) -> int:
    """End each of `waiting` that still does; return how many did."""
    events = list(waiting)
    if not events:
        return 0
    with transaction.atomic():
        ended = {"approval": Approval.LAPSED, **_ended(timezone.now(), error)}
        # All of them before the first entry of the audit, which whoever cancels one waits for.
        lapsed = [event for event in events if _awaiting(event).update(**ended)]
        for event in lapsed:
            announce(event)
            _record(PANEL, AuditAction.EVENT_ENDED, event, outcome=Status.CANCELLED, why=error)
    return len(lapsed)


def _record(
    by: Actor, action: AuditAction, event: DeployEvent, *, outcome: str = "done", **after: str
) -> None:
    after = {"requested_by": event.requested_by, **after}
    record(by, action, f"event {event.pk}", app_slug=event.slug, after=told(event) | after, outcome=outcome)


def _not_awaited(event: DeployEvent) -> NotAwaited:
    """Return what became of `event` in the meantime."""
    event.refresh_from_db()
    if event.awaits_approval:
        return NotAwaited(
            gettext("Event %(number)s has waited too long for approval. Nothing was approved.")
            % {"number": event.pk}
        )
    if event.approval == Approval.GIVEN:
        return NotAwaited(
            gettext("%(approval_by)s has approved event %(number)s already.")
            % {"approval_by": event.approval_by, "number": event.pk}
        )
    if event.approval == Approval.REFUSED:
        return NotAwaited(
            gettext("%(approval_by)s has refused event %(number)s already.")
            % {"approval_by": event.approval_by, "number": event.pk}
        )
    if event.is_terminal:
        return NotAwaited(
            gettext("Event %(number)s has ended (%(status)s).")
            % {"number": event.pk, "status": event.get_status_display().lower()}
        )
    return NotAwaited(gettext("Event %(number)s needs no approval.") % {"number": event.pk})
