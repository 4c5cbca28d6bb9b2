"""The audit as JSON lines, which can be checked without the panel."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext

from apps.accounts.audit import chain
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
        raise InvalidTime(
            gettext("%(text)r is no day like 2026-11-24 and no time like 2026-11-24T18:00.")
            % {"text": text[:50]}
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def selected(since: datetime | None = None, until: datetime | None = None) -> QuerySet[AuditEntry]:
    """Return the entries from `since` on and before `until`."""
    entries = AuditEntry.objects.all()
    if since is not None:
        entries = entries.filter(at__gte=since)
    return entries if until is None else entries.filter(at__lt=until)


def lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield JSON lines of all `entries`, in the order of the chain and a few hundred at a time.

    In each, `hash` is the SHA-256 of the other fields but `seal`, written as JSON with sorted keys and no
    spaces.
    """
    after = 0
    while some := _next(entries, after):
        yield _text(some)
        after = some[-1].number


async def stream(entries: QuerySet[AuditEntry]) -> AsyncIterator[str]:
    """Yield what `lines` does, for an answer to a browser."""
    after = 0
    while some := await sync_to_async(_next)(entries, after):
        yield _text(some)
        after = some[-1].number


def _next(entries: QuerySet[AuditEntry], after: int) -> list[AuditEntry]:
    # By numbers and not by one long selection: a slow reader holds no transaction open.
    return list(entries.filter(number__gt=after).order_by("number")[:_AT_ONCE])


def _text(entries: Iterable[AuditEntry]) -> str:
    return "".join(
        chain.canonical(entry.record() | {"hash": entry.hash, "seal": entry.seal}) + "\n" for entry in entries
    )
