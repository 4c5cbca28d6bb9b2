"""What the pages say of apps at a glance: their state, what is being done now, what changed last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.accounts import policy
from apps.accounts.policy import Permission
from apps.applications.models import App
from apps.deployer.state.app_state import AppState
from apps.deployer.steps import steps_of
from apps.deployments.models import DeployEvent
from apps.deployments.states import APPROVAL_STEP, TERMINAL
from apps.panel.shown.event_lists import BRIEF, read_some
from apps.panel.shown.glances import DEPLOYING, RUNNING, STOPPED, TROUBLED, Glance, Seen
from apps.panel.shown.strip import Bar, strips

_NOW = 4  # events that are shown as running or waiting
_LAST = 3  # of what ended

GROUPS = (TROUBLED, DEPLOYING, STOPPED, RUNNING)


@dataclass(frozen=True)
class AppRow:
    """One app as lists and its page show it."""

    app: App
    glance: Glance
    last_event: DeployEvent | None = None
    bars: Sequence[Bar] = ()

    @property
    def state(self) -> AppState:
        return self.glance.state

    @property
    def deploying(self) -> DeployEvent | None:
        """The event that runs, is next, or waits for approval."""
        return self.glance.deploying

    @property
    def position(self) -> int:
        return self.glance.position

    @property
    def live_key(self) -> str:
        """What apps-live.js compares with a frame of /ws/apps/ to see whether this is out of date."""
        return self.glance.key


def app_rows(glances: Iterable[Glance]) -> list[AppRow]:
    """Return a row for each of `glances`, in three queries however many they are."""
    glances = list(glances)
    apps = App.objects.select_related("current_version")
    apps = apps.defer("current_version__yaml", "current_version__environment")
    by_key = apps.in_bulk([one.pk for one in glances])
    events = DeployEvent.objects.only(*BRIEF).in_bulk(
        [one.last_event_id for one in glances if one.last_event_id]
    )
    bars = strips([one.pk for one in glances])
    return [
        AppRow(by_key[one.pk], one, events.get(one.last_event_id or 0), bars.get(one.pk, ()))
        for one in glances
        if one.pk in by_key
    ]


@dataclass(frozen=True)
class Now:
    """An event that runs or waits, with how far it is: `done` of `steps` steps."""

    event: DeployEvent
    position: int
    done: int
    steps: int


@dataclass(frozen=True)
class Head:
    """What the overview answers first: is everything up, what runs now, what changed last."""

    known: str
    count: int
    groups: dict[str, int]
    now: list[Now]
    more: int
    last: list[DeployEvent]
    to_approve: int


def head(user: Any, seen: Seen) -> Head:
    """Return what `user` sees of everything at once, in three queries."""
    groups = dict.fromkeys(GROUPS, 0)
    active = [(event, 0) for event in seen.engine]
    for one in seen.apps.values():
        groups[one.group] += 1
        active += zip(one.events, one.positions, strict=True)
    active.sort(key=_first_to_last)
    ended = policy.visible(user, DeployEvent.objects.filter(status__in=TERMINAL)).order_by("-pk")
    waiting = policy.visible(user, DeployEvent.objects.awaiting_approval(), Permission.APPROVE)
    return Head(
        seen.known,
        len(seen.apps),
        groups,
        [_now(event, position) for event, position in active[:_NOW]],
        max(0, len(active) - _NOW),
        read_some(ended, _LAST),
        waiting.exclude(requested_by_user=user.pk).count(),
    )


def _first_to_last(active: tuple[DeployEvent, int]) -> tuple[bool, bool, int]:
    event, position = active
    return event.started_at is None, event.awaits_approval, position or event.pk


def _now(event: DeployEvent, position: int) -> Now:
    names = [step.__name__ for step in steps_of(event) if step.__name__ != APPROVAL_STEP]
    done = names.index(event.step) if event.step in names else 0
    return Now(event, position, done, len(names))
