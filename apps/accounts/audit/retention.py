"""Cutting off old entries in such a way that the rest can still be checked."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from apps.accounts.audit.recording import record


def prune(older_than: timedelta, by: Actor) -> AuditCheckpoint | None:
    """Cut off the beginning of the audit up to what is not `older_than` that, and return where it ends.

    None: there was nothing to cut off. A new entry tells of it, with the hash of the last one cut off:
    that is what vouches for the checkpoint, from which the chain goes on.
    """
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().get()
        oldest_kept = (
            AuditEntry.objects.filter(at__gte=timezone.now() - older_than).order_by("number").first()
        )
        through = head.number if oldest_kept is None else oldest_kept.number - 1
        # Not the model's own, which refuses; the database refuses all but what a checkpoint covers.
        gone: QuerySet[AuditEntry] = QuerySet(AuditEntry).filter(number__lte=through)
        last = gone.order_by("number").last()
        if last is None:
            return None
        cut = AuditCheckpoint(through=last.number, hash=last.hash, count=gone.count(), at=timezone.now())
        record(
            by,
            AuditAction.AUDIT_PRUNED,
            f"entries up to {cut.through}",
            after={"through": cut.through, "hash": cut.hash, "count": cut.count},
        )
        cut.save(force_insert=True)
        gone.delete()
    return cut
