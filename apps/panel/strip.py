"""The last events of an app as a strip of bars."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from apps.deployments.models import DeployEvent
from apps.deployments.states import TERMINAL
from apps.panel.marks import event_mark

HEIGHT = 36
WIDTH = 9  # of one bar with the gap after it
_LEAST = 5
COUNT = 20


@dataclass(frozen=True)
class Bar:
    """One event: its height stands for its duration, its kind for its verdict."""

    event: DeployEvent
    kind: str
    word: str
    seconds: float
    x: int
    y: int
    height: int


def bars(newest_first: Iterable[DeployEvent]) -> list[Bar]:
    """Return a bar for each event that has ended, the oldest first."""
    events = [e for e in newest_first if e.is_terminal and e.started_at and e.finished_at][::-1]
    longest = max((_seconds(event) for event in events), default=0.0)
    return [_bar(event, number, longest) for number, event in enumerate(events)]


def strips(apps: Sequence[int]) -> dict[int, list[Bar]]:
    """Return the bars of the last events of each of `apps` (keys), in one query."""
    number = Window(RowNumber(), partition_by=F("app"), order_by=F("pk").desc())
    events = DeployEvent.objects.filter(app__in=apps, status__in=TERMINAL)
    last = events.annotate(number=number).filter(number__lte=COUNT).order_by("-pk")
    by_app: defaultdict[int, list[DeployEvent]] = defaultdict(list)
    # These are in an index together, so that no row is read for them.
    for event in last.only("app_id", "status", "started_at", "finished_at"):
        by_app[event.app_id or 0].append(event)
    return {app: bars(events) for app, events in by_app.items()}


def _bar(event: DeployEvent, number: int, longest: float) -> Bar:
    seconds = _seconds(event)
    # By the logarithm: one slow pull must not flatten all others.
    share = math.log1p(seconds) / math.log1p(longest) if longest else 1.0
    height = round(_LEAST + (HEIGHT - _LEAST) * share)
    mark = event_mark(event.status)
    return Bar(event, mark.kind, mark.word, seconds, number * WIDTH, HEIGHT - height, height)


def _seconds(event: DeployEvent) -> float:
    assert event.started_at is not None
    assert event.finished_at is not None
    return max(0.0, (event.finished_at - event.started_at).total_seconds())
