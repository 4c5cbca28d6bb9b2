"""What the panel's rows say of each app: what its current version asks for, and what its last up left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef, Subquery

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
    stop_event: int | None = None  # the last thing done to it, where that was a stop


def read_baselines(slugs: Collection[str] | None = None) -> dict[str, Baseline]:
    """Return the baseline of each app of `slugs` (default: of all) by slug, in two queries."""
    apps = App.objects.live()
    if slugs is not None:
        apps = apps.filter(slug__in=slugs)
    mine = DeployEvent.objects.filter(app=OuterRef("pk"))
    shaped = mine.that_shape().filter(version=OuterRef("current_version")).order_by("-pk")
    last = mine.that_moved().order_by("-pk")
    apps = apps.annotate(
        shaped=Subquery(shaped.values("pk")[:1]),
        last_event=Subquery(last.values("pk")[:1]),
        last_action=Subquery(last.values("action")[:1]),
        busy=Exists(mine.coming()),
    )
    columns = ("pk", "expected", "images", "config_hashes")
    events = {e.pk: e for e in DeployEvent.objects.filter(pk__in=apps.values("shaped")).only(*columns)}
    rows = apps.order_by().values_list(
        "slug", "current_version__number", "shaped", "last_event", "last_action", "busy"
    )
    return {
        slug: Baseline(
            slug=slug,
            version=version,
            busy=busy,
            stop_event=last_event if last_action == Action.STOP else None,
            **_left_by(events.get(shaped)),
        )
        for slug, version, shaped, last_event, last_action, busy in rows
    }


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
