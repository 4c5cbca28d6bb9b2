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


def read_baselines(slugs: Collection[str] | None = None) -> dict[str, Baseline]:
    """Return the baseline of each app of `slugs` (default: of all) by slug, in three queries."""
    apps = App.objects.live()
    if slugs is not None:
        apps = apps.filter(slug__in=slugs)
    mine = DeployEvent.objects.filter(app=OuterRef("pk"))
    shaped = mine.that_shape().filter(version=OuterRef("current_version")).order_by("-pk")
    last = mine.that_moved().of_whole_apps().order_by("-pk")
    apps = apps.annotate(
        shaped=Subquery(shaped.values("pk")[:1]),
        last_event=Subquery(last.values("pk")[:1]),
        last_action=Subquery(last.values("action")[:1]),
        busy=Exists(mine.coming()),
    )
    columns = ("pk", "expected", "images", "config_hashes")
    events = {e.pk: e for e in DeployEvent.objects.filter(pk__in=apps.values("shaped")).only(*columns)}
    stops = _service_stops(apps)
    rows = apps.order_by().values_list(
        "slug", "current_version__number", "shaped", "last_event", "last_action", "busy"
    )
    return {
        slug: Baseline(
            slug=slug,
            version=version,
            busy=busy,
            stop_event=last_event if last_action == Action.STOP else None,
            service_stops=stops.get(slug, {}),
            **_left_by(events.get(shaped)),
        )
        for slug, version, shaped, last_event, last_action, busy in rows
    }


def _service_stops(apps: "QuerySet[App]") -> dict[str, dict[str, int | None]]:
    """Return `Baseline.service_stops` of each of `apps` that has some, by slug."""
    of_all = DeployEvent.objects.filter(app=OuterRef("app")).that_moved().of_whole_apps().order_by("-pk")
    events = DeployEvent.objects.filter(app__in=apps.values("pk")).that_moved().of_services()
    events = (
        events.annotate(since=Coalesce(Subquery(of_all.values("pk")[:1]), 0))
        .filter(pk__gt=F("since"))
        .order_by("pk")
    )
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
