"""The last events of an app as a strip of bars."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from apps.deployments.models import DeployEvent
from apps.panel.shown.marks import event_mark

HEIGHT = 36
WIDTH = 9  # of one bar with the gap after it
_LEAST = 5
COUNT = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """One event: its height stands for its duration, its kind for its verdict."""

    event: DeployEvent | None  # None in the strip of a list, which leads to none
    status: str
    seconds: float
    x: int
    y: int
    height: int

    @property
    def kind(self) -> str:
        return event_mark(self.status).kind

    @property
    def word(self) -> str:
        return str(event_mark(self.status).word)


def bars(newest_first: Iterable[DeployEvent]) -> list[Bar]:
    """Return a bar for each event that has ended, the oldest first."""
    ran = [(e, e.status, e.started_at, e.finished_at) for e in newest_first]
    return _bars(ran[::-1])


def strips(apps: Sequence[int]) -> dict[int, list[Bar]]:
    """Return the bars of the last events of each of `apps` (keys), in one query."""
    number = Window(RowNumber(), partition_by=F("app"), order_by=F("pk").desc())
    # By app alone, and no other columns: so an index answers it, and no row is read.
    last = DeployEvent.objects.filter(app__in=apps).annotate(number=number).filter(number__lte=COUNT)
    by_app: defaultdict[int, list[_Ran]] = defaultdict(list)
    columns = ("app_id", "status", "started_at", "finished_at")
    for app, status, start, end in last.order_by("pk").values_list(*columns):
        by_app[app or 0].append((None, status, start, end))
    return {app: _bars(ran) for app, ran in by_app.items()}


_Ran = tuple[DeployEvent | None, str, datetime | None, datetime | None]


def _bars(oldest_first: Iterable[_Ran]) -> list[Bar]:
    ended = [
        (event, status, max(0.0, (end - start).total_seconds()))
        for event, status, start, end in oldest_first
        if start and end
    ]
    longest = max((seconds for _event, _status, seconds in ended), default=0.0)
    return [_bar(*one, number, longest) for number, one in enumerate(ended)]


def _bar(event: DeployEvent | None, status: str, seconds: float, number: int, longest: float) -> Bar:
    # By the logarithm: one slow pull must not flatten all others.
    share = math.log1p(seconds) / math.log1p(longest) if longest else 1.0
    height = round(_LEAST + (HEIGHT - _LEAST) * share)
    return Bar(event, status, seconds, number * WIDTH, HEIGHT - height, height)
