"""The output of an event: numbered lines, written and read in chunks."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.deployments.models import DeployLog

# One page of lines stays below this many characters (or is one chunk), however long its lines are.
PAGE_CHARACTERS = 256 * 1024
_CHUNKS_PER_QUERY = 16
# The stream of the panel's own words.
PANEL_STREAM = "panel"


class LogLine(NamedTuple):
    """One line of output; `at` is ISO 8601, `stream` is stdout, stderr or panel (the panel's own words)."""

    seq: int
    at: str
    stream: str
    text: str


def append_lines(event_id: int, first_seq: int, lines: Sequence[tuple[datetime, str, str]]) -> None:
    """Write one chunk: `lines` as (at, stream, text), numbered from `first_seq`.

    Writing the same chunk again, after an error that left its fate unknown, changes nothing. Raises
    IntegrityError where other lines already have these numbers.
    """
    last = first_seq + len(lines) - 1
    rows = [[at.isoformat(timespec="milliseconds"), stream, text] for at, stream, text in lines]
    try:
        with transaction.atomic():
            DeployLog.objects.create(event_id=event_id, first_seq=first_seq, last_seq=last, lines=rows)
    except IntegrityError:
        stored = DeployLog.objects.filter(event_id=event_id, first_seq=first_seq, last_seq=last).first()
        if stored is None or stored.lines != rows:
            raise


def read_lines(event_id: int, after: int = 0, limit: int = 1000) -> list[LogLine]:
    """Return the lines numbered above `after`, in order: at most `limit`, and no more than one page.

    A short answer is no sign of the end; an empty one is.
    """
    found: list[LogLine] = []
    size = 0
    while True:
        last = found[-1].seq if found else after
        chunks = DeployLog.objects.filter(event_id=event_id, last_seq__gt=last).order_by("first_seq")
        batch = list(chunks.values_list("first_seq", "lines")[:_CHUNKS_PER_QUERY])
        for first_seq, lines in batch:
            for seq, (at, stream, text) in enumerate(lines, start=first_seq):
                if seq > last:
                    found.append(LogLine(seq, at, stream, text))
                    size += len(text)
                    if len(found) == limit or size >= PAGE_CHARACTERS:
                        return found
        if len(batch) < _CHUNKS_PER_QUERY:
            return found


def last_lines(event_id: int, limit: int) -> list[LogLine]:
    """Return the last lines, in order: at most `limit`, and of long ones no more than one page."""
    found: list[LogLine] = []
    size = 0
    chunks = DeployLog.objects.filter(event_id=event_id).order_by("-first_seq")
    for last, lines in chunks.values_list("last_seq", "lines").iterator(chunk_size=_CHUNKS_PER_QUERY):
        for back, (at, stream, text) in enumerate(reversed(lines)):
            found.append(LogLine(last - back, at, stream, text))
            size += len(text)
            if len(found) == limit or size >= PAGE_CHARACTERS:
                return found[::-1]
    return found[::-1]


def last_seq(event_id: int) -> int:
    """Return the number of the event's last stored line, 0 where there is none."""
    return DeployLog.objects.filter(event_id=event_id).aggregate(last=Max("last_seq"))["last"] or 0


def as_text(event_id: int) -> Iterator[str]:
    """Yield the whole output as text, page by page, each line with its time before it."""
    after = 0
    while page := read_lines(event_id, after):
        yield _text(page)
        after = page[-1].seq


async def as_text_async(event_id: int) -> AsyncIterator[str]:
    """Yield what `as_text` yields, without blocking the event loop: the form a streamed response takes."""
    after = 0
    while page := await sync_to_async(read_lines)(event_id, after):
        yield _text(page)
        after = page[-1].seq


def _text(lines: Iterable[LogLine]) -> str:
    return "".join(f"{line.at} {line.text}\n" for line in lines)
