"""What the panel's rows say of each app: what its current version asks for, and what its last up left."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.applications.models import App
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action


@dataclass(frozen=True)
class Baseline:
    """What the containers and files of one app are held against."""

    slug: str
    version: int | None = None  # number of the current one; None: never deployed
    expected: tuple[Expectation, ...] = ()
    config_hashes: Mapping[str, str] = field(default_factory=dict)  # by service; empty: not recorded
    image_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by service
    pins: Mapping[str, str] = field(default_factory=dict)  # by service: the image that it is held to
    busy: bool = False  # an event is queued or runs
    stop_event: int | None = None  # the last thing done to all of it, where that was a stop
    # By service: the stop that was the last thing done to it alone; None where that was something else.
    service_stops: Mapping[str, int | None] = field(default_factory=dict)

    def stop_of(self, service: str) -> int | None:
        """Return the event that stopped `service`, None where the last thing done to it was no stop."""
        return self.service_stops.get(service, self.stop_event)


# Built once: they are asked often while something runs, and building them is a third of that.
_MINE = DeployEvent.objects.filter(app=OuterRef("pk")).order_by("-pk")
_SHAPED = Subquery(_MINE.that_shape().filter(version=OuterRef("current_version")).values("pk")[:1])
_LAST = Subquery(_MINE.that_moved().of_whole_apps().values("pk")[:1])
_BUSY = Exists(_MINE.coming())
_LAST_OF_ALL = DeployEvent.objects.filter(app=OuterRef("app")).that_moved().of_whole_apps().order_by("-pk")
_OF_SERVICES = (
    DeployEvent.objects.that_moved()
    .of_services()
    .annotate(since=Coalesce(Subquery(_LAST_OF_ALL.values("pk")[:1]), 0))
    .filter(pk__gt=F("since"))
    .order_by("pk")
)


def read_baselines(slugs: Collection[str] | None = None) -> dict[str, Baseline]:
    """Return the baseline of each app of `slugs` (default: of all) by slug, in three queries."""
    apps = App.objects.live()
    if slugs is not None:
        apps = apps.filter(slug__in=slugs)
    rows = list(
        apps.annotate(shaped=_SHAPED, last=_LAST, busy=_BUSY)
        .order_by()
        .values_list("slug", "current_version__number", "shaped", "last", "busy")
    )
    if not rows:
        # The engine has containers of other panels, too.
        return {}
    wanted = {pk for _slug, _version, shaped, last, _busy in rows for pk in (shaped, last) if pk}
    columns = ("action", "expected", "images", "config_hashes")
    events = DeployEvent.objects.only(*columns).in_bulk(wanted)
    stops = _service_stops(apps)
    return {
        slug: Baseline(
            slug=slug,
            version=version,
            busy=busy,
            stop_event=last if last and events[last].action == Action.STOP else None,
            service_stops=stops.get(slug, {}),
            **_left_by(events.get(shaped)),
        )
        for slug, version, shaped, last, busy in rows
    }


def _service_stops(apps: "QuerySet[App]") -> dict[str, dict[str, int | None]]:
    """Return `Baseline.service_stops` of each of `apps` that has some, by slug."""
    events = _OF_SERVICES.filter(app__in=apps.values("pk"))
    found: defaultdict[str, dict[str, int | None]] = defaultdict(dict)
    for pk, slug, action, arguments in events.values_list("pk", "slug", "action", "arguments"):
        for service in (*arguments.get("services", ()), *arguments.get("scale", ())):
            found[slug][service] = pk if action == Action.STOP else None
    return found


def _left_by(event: DeployEvent | None) -> dict[str, Any]:
    if event is None:
        return {}
    images = event.images.items()
    return {
        "expected": tuple(Expectation(**one) for one in event.expected),
        "config_hashes": event.config_hashes,
        "image_ids": {
            service: frozenset({image["id"], *image.get("also", ())})
            for service, image in images
            if image.get("id")
        },
        "pins": {service: image["pinned"] for service, image in images if image.get("pinned")},
    }
