"""What every page and WebSocket shows of each app: its state, what it is doing, and what tells a change.

Reading it for all apps costs some queries however many there are; `SharedLook` lets everybody who asks
at the same time share one reading. It holds all apps: whoever shows it to a person asks `seen_by`.
"""

import hashlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from apps.accounts import policy
from apps.accounts.policy import Permission
from apps.applications.models import App, AppTag
from apps.deployer.state import states
from apps.deployer.state.app_state import AppState
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.panel.shown.event_lists import BRIEF

# By which states are counted and filtered. What the engine does not tell is trouble, too.
RUNNING, TROUBLED, STOPPED, DEPLOYING = "running", "troubled", "stopped", "deploying"
_GROUPS = {
    "up": RUNNING,
    "completed": RUNNING,
    "stopped": STOPPED,
    "partial": STOPPED,
    "absent": STOPPED,
    "deploying": DEPLOYING,
}


@dataclass(frozen=True)
class Glance:
    """One app: who it is, its state, and its queued and running events, the foremost first."""

    pk: int
    slug: str
    name: str
    tags: tuple[str, ...]
    version_id: int | None
    last_event_id: int | None
    state: AppState
    events: tuple[DeployEvent, ...]
    positions: tuple[int, ...]  # in the queue, of each of `events`; 0: none

    @property
    def deploying(self) -> DeployEvent | None:
        """The event that runs, is next, or waits for approval."""
        return self.events[0] if self.events else None

    @property
    def position(self) -> int:
        return self.positions[0] if self.events else 0

    @property
    def group(self) -> str:
        """What its state counts as: running, troubled, stopped or deploying."""
        return _GROUPS.get(self.state.state, TROUBLED)

    @cached_property
    def key(self) -> str:
        """What is another text where anything that is shown of the app changed."""
        shown = [self.pk, self.state.state, self.state.fingerprint, self.name, self.tags, self.version_id]
        doing = [event_key(event, place) for event, place in zip(self.events, self.positions, strict=True)]
        told = json.dumps([*shown, self.last_event_id, doing])
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    @cached_property
    def text(self) -> str:
        """What `/ws/apps/` says of it, as JSON."""
        event = self.deploying
        told = {
            "slug": self.slug,
            "state": self.state.state,
            "differences": self.state.fingerprint,
            "deploying": event and _doing(event, self.position),
            "key": self.key,
        }
        return json.dumps(told, separators=(",", ":"))


def event_key(event: DeployEvent, position: int) -> str:
    """Return what is another text where what a list shows of an active `event` changed."""
    return f"{event.pk} {event.status} {event.step} {event.approval} {position} {event.cancel_requested_at}"


def _doing(event: DeployEvent, position: int) -> dict[str, Any]:
    return {
        "event": event.pk,
        "action": event.action,
        "status": event.status,
        "step": event.step,
        "position": position,
    }


def read_glances(apps: "QuerySet[App]") -> dict[str, Glance]:
    """Return a glance at each of `apps` by slug, in four queries however many they are."""
    return _read(apps)[0]


def _read(apps: "QuerySet[App]") -> tuple[dict[str, Glance], list[DeployEvent]]:
    """Return the glances, and the active events of the engine as a whole."""
    newest = DeployEvent.objects.filter(app=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    rows = list(
        apps.order_by("slug").values_list("pk", "slug", "name", "current_version_id", Subquery(newest))
    )
    active = list(DeployEvent.objects.active().only(*BRIEF))
    places = queue.positions_of(active)
    by_app: defaultdict[int | None, list[DeployEvent]] = defaultdict(list)
    for event in sorted(active, key=queue.foremost_first):
        by_app[event.app_id].append(event)
    tags: defaultdict[int, list[str]] = defaultdict(list)
    # By the apps' own condition: their keys may be more than a database takes as parameters.
    for app_id, name in AppTag.objects.filter(app__in=apps.order_by()).values_list("app_id", "name"):
        tags[app_id].append(name)
    by_slug = states.app_states([slug for _pk, slug, *_ in rows])
    glances = {}
    for pk, slug, name, version_id, last_event_id in rows:
        events = tuple(by_app.get(pk, ()))
        state = by_slug[slug]
        if events and events[0].is_coming:
            state = state.with_event()
        positions = tuple(places.get(event.pk, 0) for event in events)
        glances[slug] = Glance(
            pk, slug, name, tuple(tags.get(pk, ())), version_id, last_event_id, state, events, positions
        )
    return glances, by_app.get(None, [])


@dataclass(frozen=True)
class Seen:
    """What one person sees of a look: `known` is another text where any of it changed."""

    apps: Mapping[str, Glance]
    engine: tuple[DeployEvent, ...] = ()

    @cached_property
    def known(self) -> str:
        keys = [f"{slug} {glance.key}" for slug, glance in self.apps.items()]
        keys += [event_key(event, 0) for event in self.engine]
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]

    @cached_property
    def busy(self) -> int:
        """On how many apps, and on the engine, something runs or is about to."""
        coming = (one.deploying for one in self.apps.values())
        return sum(1 for event in (*coming, *self.engine[:1]) if event is not None and event.is_coming)

    def frame(self, before: "Seen | None" = None) -> str:
        """Return the frame of `/ws/apps/` that tells what changed since `before` (None: tell all)."""
        then = before.apps if before else {}
        told = [one.text for slug, one in self.apps.items() if then.get(slug) is not one]
        told += [_REMOVED % json.dumps(slug) for slug in then if slug not in self.apps]
        whole = "true" if before is None else "false"
        facts = f'"whole":{whole},"known":"{self.known}","busy":{self.busy}'
        return f'{{"type":"apps",{facts},"apps":[{",".join(told)}]}}'

    @cached_property
    def whole_frame(self) -> str:
        return self.frame()


_REMOVED = '{"slug":%s,"state":"removed","differences":"","deploying":null,"key":""}'


class Look:
    """All apps as they were at one moment, and what is being done to the engine as a whole."""

    def __init__(self, apps: dict[str, Glance], engine: Iterable[DeployEvent], began: float) -> None:
        self.began = began
        self.all = Seen(apps, tuple(engine))

    def seen_by(self, user: Any) -> Seen:
        """Return what `user` may see of it; whoever may see all shares one object."""
        if policy.allows(user, Permission.VIEW):
            return self.all
        apps = self.all.apps
        return Seen({slug: one for slug, one in apps.items() if policy.allows(user, Permission.VIEW, one)})

    def after(self, before: "Look | None") -> "Look":
        """Return this look with the very objects of `before` for what has not changed since."""
        if before is None:
            return self
        old, new = before.all, self.all
        apps = {slug: _same(old.apps.get(slug), one) for slug, one in new.apps.items()}
        same = len(apps) == len(old.apps) and all(old.apps.get(slug) is one for slug, one in apps.items())
        if same and old.known == new.known:
            self.all = old
        else:
            self.all = Seen(apps, new.engine)
        return self


def _same(old: Glance | None, new: Glance) -> Glance:
    return old if old is not None and old.key == new.key else new


# Seconds between looks that hints ask for: this long, and so many times what the last one took of a core.
_LEAST_REST = 0.05
_REST = 4


class SharedLook:
    """Keeps the last look for all threads; each says how old it may be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: Look | None = None
        self._took = 0.0

    def rest(self) -> float:
        """Return the seconds after which a look that may wait is due, so that a burst of hints makes few."""
        if self._last is None:
            return 0.0
        return max(0.0, self._last.began + max(_LEAST_REST, _REST * self._took) - self._clock())

    def recent(self, since: float) -> Look | None:
        """Return the last look where it was begun at `since` (time.monotonic()) or later, without reading."""
        look = self._last
        return look if look is not None and look.began >= since else None

    def get(self, since: float) -> Look:
        """Return a look that was begun at `since` or later; those who ask at once get the same."""
        with self._lock:
            if (look := self.recent(since)) is not None:
                return look
            began, busy = self._clock(), time.thread_time()
            look = Look(*_read(App.objects.live()), began).after(self._last)
            self._last, self._took = look, time.thread_time() - busy
            return look

    def now(self) -> Look:
        """Return a look that shows whatever was stored before this call."""
        return self.get(self._clock())


shared_look = SharedLook()
