"""Entries about what was refused: to people who are signed in, and to who tries to sign in too often."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.accounts.audit.recording import record

TOO_OFTEN: Final = "refused: too many attempts"

# So many within a minute of one person; a script that tries everything must not fill the audit.
MOST_A_MINUTE: Final = 10


def record_refusal(request: HttpRequest) -> None:
    """Write that `request` was refused to the person behind it, who is signed in.

    Beyond MOST_A_MINUTE nothing is written; the last entry says so.
    """
    by = Actor.from_request(request)
    assert by.user is not None, "from_request gives the person"
    lately = AuditEntry.objects.filter(
        at__gt=timezone.now() - timedelta(minutes=1), action=AuditAction.REFUSED, user_id=by.user.pk
    ).count()
    if lately < MOST_A_MINUTE:
        outcome = "refused" if lately < MOST_A_MINUTE - 1 else "refused; more within this minute is not told"
        asked = request.resolver_match
        # Not the address as it was sent: some hold what only its receiver may know.
        record(
            by,
            AuditAction.REFUSED,
            f"{request.method} {asked.view_name if asked else ''}",
            app_slug=str(asked.kwargs.get("slug", "")) if asked else "",
            after=asked.kwargs if asked else None,
            outcome=outcome,
        )


def record_too_many(request: HttpRequest) -> None:
    """Write that the address of `request` tried to sign in too often: once a minute, however often it tries.

    The password is not looked at by then, so nothing tells whose account it was.
    """
    by = Actor.stranger(request, "unknown")
    lately = AuditEntry.objects.filter(
        at__gt=timezone.now() - timedelta(minutes=1),
        action=AuditAction.SIGN_IN_FAILED,
        address=by.address,
        outcome=TOO_OFTEN,
    )
    if not lately.exists():
        record(by, AuditAction.SIGN_IN_FAILED, "sign-in", outcome=TOO_OFTEN)
