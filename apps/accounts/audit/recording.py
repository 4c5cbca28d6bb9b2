"""The one way into the audit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.audit import chain
from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.harmless import harmless, line
from apps.accounts.audit.models import AuditEntry, AuditHead
from apps.core.errors import DomainError

if TYPE_CHECKING:
    from apps.accounts.actor import Actor


class AuditUnusable(DomainError):
    """A database that takes no entry at the end of the audit: somebody has changed it by other means."""

    http_status = 503

    def __init__(self) -> None:
        super().__init__(
            gettext(
                "The audit takes no entries, so nothing was changed. Run manage.py verify_audit, "
                "which says why."
            )
        )


def record(
    by: "Actor",
    action: AuditAction,
    on: str,
    *,
    app_slug: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    outcome: str = "done",
) -> None:
    """Write an entry: `by` did `action` to `on` (a person, an app, "event 12" ...).

    To be called inside the transaction of the change, so that both are stored or neither, and as its last
    step: until it ends, every other writer of an entry waits. Of `before` and `after` (the changed fields
    alone) secrets become a mask; long texts are cut. Raises AuditUnusable.
    """
    key = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS[0]
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().first()
        if head is None:
            raise AuditUnusable
        entry = AuditEntry(
            number=head.number + 1,
            at=timezone.now(),
            actor=line(by.name, 150),
            user_id=by.user.pk if by.user else None,
            origin=line(by.origin, 100),
            address=line(by.address, 64),
            agent=line(by.agent, 200),
            token=line(by.token, 100),
            action=action,
            on=line(on, 200),
            app_slug=line(app_slug, 50),
            before=chain.canonical(harmless(before)),
            after=chain.canonical(harmless(after)),
            outcome=line(outcome, 200),
            previous=head.hash,
            key=chain.key_id(key),
        )
        entry.hash = chain.hash_of(entry.record())
        entry.seal = chain.seal(key, entry.hash)
        try:
            entry.save()
        except IntegrityError:
            raise AuditUnusable from None
