"""How long the output of events is kept: for ever, unless somebody says otherwise."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.deployments.logs import PANEL_STREAM
from apps.deployments.models import DeployLog

# Events in one transaction, so that no other writer waits long.
_AT_ONCE = 200
_NOTE = "The output was deleted: it was older than {days} days. How the event ended stays."
PANEL = Actor("panel", "retention")


def prune_logs(older_than: timedelta, by: Actor, *, once: bool = False) -> int:
    """Delete the output of events that ended longer ago than that; return of how many.

    With `once` no more of them than fit into one short transaction. In its place stands a line that says so.
    The events themselves stay, with the last lines of each.
    """
    ended = timezone.now() - older_than
    days = older_than.days
    # What is but one line of the panel's own stays: most of them are such notes.
    whole = Q(last_seq__gt=1) | ~Q(lines__0__1=PANEL_STREAM)
    count = 0
    while pks := _some(DeployLog.objects.filter(whole, event__finished_at__lt=ended)):
        with transaction.atomic():
            DeployLog.objects.filter(event__in=pks).delete()
            note = [
                [timezone.now().isoformat(timespec="milliseconds"), PANEL_STREAM, _NOTE.format(days=days)]
            ]
            DeployLog.objects.bulk_create(
                DeployLog(event_id=pk, first_seq=1, last_seq=1, lines=note) for pk in pks
            )
            # With each part: what was deleted is in the audit, whatever becomes of the rest.
            told = {"events": len(pks), "days": days}
            record(by, AuditAction.LOGS_PRUNED, "output of events", after=told)
        count += len(pks)
        if once:
            break
    return count


def sweep() -> bool:
    """Delete some of what SIMPLEDEPLOY_KEEP_LOG_DAYS (0: for ever) says is too old; tell whether any was."""
    days = settings.SIMPLEDEPLOY_KEEP_LOG_DAYS
    return bool(days and prune_logs(timedelta(days=days), PANEL, once=True))


def _some(chunks: QuerySet[DeployLog]) -> list[int]:
    found = chunks.order_by("event").values_list("event", flat=True).distinct()
    return list(found[:_AT_ONCE])
