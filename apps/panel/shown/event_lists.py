"""Lists of events: what they read, and the pages they come in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.deployments.models import DeployEvent

# What a list shows of an event; the rest (plan, output ...) can be long.
BRIEF = (
    "app_id",
    "slug",
    "action",
    "arguments",
    "status",
    "step",
    "approval",
    "cause_id",
    "version_id",
    "cancel_requested_at",
    "requested_by",
    "queued_at",
    "started_at",
    "finished_at",
)
PER_PAGE = 25
MOST_NEW = 100  # that are counted
_NUMBER = re.compile(r"[0-9]{1,18}")


def read_some(keys: "QuerySet[DeployEvent]", count: int) -> list[DeployEvent]:
    """Return the first `count` of the events `keys`, in their order.

    At first just their keys, which the indexes hold: the rows that are passed over may be large.
    """
    found = list(keys.values_list("pk", flat=True)[:count])
    rows = DeployEvent.objects.select_related("version").only(*BRIEF, "version__number").in_bulk(found)
    return [rows[pk] for pk in found if pk in rows]


@dataclass(frozen=True)
class EventPage:
    """Some events, newest first. Where it is in the list says an event, not a number: nothing is counted,
    and what comes in meanwhile shifts nothing.
    """

    events: list[DeployEvent]
    before: int | None = None  # what is older than this event is on the page after it
    after: int | None = None  # what is newer than this event is on the page before it
    at: str = ""  # the event that this page begins after; "": it is the first one
    seen: int = 0  # the newest event when somebody came to this page
    new: int = 0  # what has come in since, up to MOST_NEW

    @property
    def is_first(self) -> bool:
        return not self.at


def event_page(events: "QuerySet[DeployEvent]", given: Mapping[str, str]) -> EventPage:
    """Return the page of `events` that an address asks for: the first, or by `before` or `after` an event."""
    newest_first = events.order_by("-pk")
    if after := _number(given.get("after")):
        newer = read_some(events.filter(pk__gt=after).order_by("pk"), PER_PAGE + 1)
        if len(newer) > PER_PAGE:
            return _inside(events, newer[PER_PAGE - 1 :: -1], newer[-2].pk + 1, given, has_older=True)
    elif before := _number(given.get("before")):
        older = read_some(newest_first.filter(pk__lt=before), PER_PAGE + 1)
        return _inside(events, older[:PER_PAGE], before, given, has_older=len(older) > PER_PAGE)
    first = read_some(newest_first, PER_PAGE + 1)
    return EventPage(first[:PER_PAGE], before=first[PER_PAGE - 1].pk if len(first) > PER_PAGE else None)


def _inside(
    events: "QuerySet[DeployEvent]",
    page: list[DeployEvent],
    before: int,
    given: Mapping[str, str],
    *,
    has_older: bool,
) -> EventPage:
    """Return a page that is not the first one: those before the event `before`."""
    newest = events.order_by("-pk").values_list("pk", flat=True)
    seen = _number(given.get("seen")) or newest.first() or 0
    return EventPage(
        page,
        before=page[-1].pk if has_older else None,
        after=page[0].pk if page else before - 1,
        at=str(before),
        seen=seen,
        new=len(newest.filter(pk__gt=seen)[:MOST_NEW]),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and _NUMBER.fullmatch(text) else None
