"""Events as a CSV file that a spreadsheet opens without running anything."""

import csv
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from io import StringIO

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from apps.deployments.models import DeployEvent

COLUMNS = (
    "id",
    "app",
    "action",
    "arguments",
    "version",
    "status",
    "step",
    "exit_code",
    "error",
    "requested_by",
    "requested_from",
    "approval",
    "approval_by",
    "approval_note",
    "cancel_requested_by",
    "queued_at",
    "started_at",
    "finished_at",
    "seconds",
    "cause",
)
_READ = [name for name in COLUMNS if name not in ("app", "seconds")] + ["slug"]
# Of one file: more is a job for the database's own tools.
MOST_ROWS = 100_000
_ROWS_AT_ONCE = 500
# Before what begins a formula (owasp.org/www-community/attacks/CSV_Injection), also in the full-width forms
# that some programs accept: at the start of a cell, and after what begins another one where a semicolon or a
# tab separates them. Where a comma is the decimal sign, a spreadsheet reads this file so.
_FORMULA = re.compile(r"^(?= *[=+\-@\t\r\n＝＋－＠])|(?<=[;\t\r\n])(?= *[=+\-@＝＋－＠])")


def safe_cell(value: object) -> str | int:
    """Return `value` as a cell; what a spreadsheet would take for a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _FORMULA.sub("'", value.isoformat() if isinstance(value, datetime) else str(value))


def csv_response(events: QuerySet[DeployEvent]) -> StreamingHttpResponse:
    """Return the answer to a browser that downloads all `events`, in their order."""
    day = timezone.localdate().isoformat()
    return StreamingHttpResponse(
        stream(events),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="simpledeploy-events-{day}.csv"',
            "Cache-Control": "no-store",
        },
    )


async def stream(events: QuerySet[DeployEvent]) -> AsyncIterator[str]:
    """Yield the CSV text of all `events`, in their order, a few hundred rows at a time.

    The selection is taken once, as ids: a slow reader holds no transaction open, and an event that comes
    in meanwhile shifts nothing.
    """
    yield _text([COLUMNS])
    ids = await sync_to_async(_ids)(events)
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        yield await sync_to_async(_chunk)(ids[start : start + _ROWS_AT_ONCE])


def _ids(events: QuerySet[DeployEvent]) -> list[int]:
    return list(events.values_list("pk", flat=True))


def _chunk(ids: Sequence[int]) -> str:
    events = DeployEvent.objects.select_related("version")
    # The other columns can be long: a plan, the end of the output.
    found = events.only(*_READ, "version__number").in_bulk(ids)
    return _text(_row(found[pk]) for pk in ids if pk in found)


def _row(event: DeployEvent) -> Iterator[str | int]:
    ran = event.finished_at - event.started_at if event.started_at and event.finished_at else None
    values = (
        event.pk,
        event.slug,
        event.action,
        json.dumps(event.arguments, ensure_ascii=False) if event.arguments else "",
        event.version.number if event.version else None,
        event.status,
        event.step,
        event.exit_code,
        event.error,
        event.requested_by,
        event.requested_from,
        event.approval,
        event.approval_by,
        event.approval_note,
        event.cancel_requested_by,
        event.queued_at,
        event.started_at,
        event.finished_at,
        f"{ran.total_seconds():.1f}" if ran else None,
        event.cause_id,
    )
    return (safe_cell(value) for value in values)


def _text(rows: Iterable[Iterable[object]]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
