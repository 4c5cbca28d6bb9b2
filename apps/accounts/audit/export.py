"""The audit as JSON lines, which can be checked without the panel."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from django.utils.dateparse import parse_date, parse_datetime

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, chain, record
from apps.accounts.audit.models import AuditEntry
from apps.core.errors import DomainError

_AT_ONCE = 500


class InvalidTime(DomainError):
    """A text that is no day and no time."""


def read_time(text: str, *, ends: bool = False) -> datetime:
    """Return the time that `text` names: a day (2026-11-24) or a time (2026-11-24T18:00), UTC without a zone.

    Of a day the beginning, or with `ends` the beginning of the next. Raises InvalidTime.
    """
    try:
        day = parse_date(text)
        if day is not None:
            return datetime.combine(day, time(), UTC) + timedelta(days=1 if ends else 0)
        moment = parse_datetime(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise InvalidTime(f"{text[:50]!r} is no day like 2026-11-24 and no time like 2026-11-24T18:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def recorded_lines(by: Actor, since: datetime | None = None, until: datetime | None = None) -> Iterator[str]:
    """Write into the audit that `by` exports it, and return its `lines`."""
    asked = {"since": since, "until": until}
    record(by, AuditAction.AUDIT_EXPORTED, "audit", after={k: v for k, v in asked.items() if v})
    return lines(since, until)


def lines(since: datetime | None = None, until: datetime | None = None) -> Iterator[str]:
    """Yield a line of JSON for each entry from `since` on and before `until`, in the order of the chain.

    `hash` is the SHA-256 of the other fields but `seal`, written as JSON with sorted keys and no spaces.
    """
    after = 0
    while True:
        entries = AuditEntry.objects.filter(number__gt=after).order_by("number")
        if since is not None:
            entries = entries.filter(at__gte=since)
        if until is not None:
            entries = entries.filter(at__lt=until)
        some = list(entries[:_AT_ONCE])
        if not some:
            return
        for entry in some:
            yield chain.canonical(entry.record() | {"hash": entry.hash, "seal": entry.seal}) + "\n"
        after = some[-1].number
