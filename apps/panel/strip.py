"""The last events of an app as a strip of bars."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from apps.deployments.models import DeployEvent
from apps.panel.marks import event_mark

HEIGHT = 36
WIDTH = 9  # of one bar with the gap after it
_LEAST = 5


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
