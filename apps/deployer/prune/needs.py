"""What the apps need of the engine, as the database knows it; a few queries, however many apps there are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Q

from apps.applications.models import PROJECT_PREFIX, App, ComposeVersion
from apps.core.sentences import sentence
from apps.deployments.models import DeployEvent
from apps.deployments.states import ACTIVE, CHANGING, Status
from apps.registries.references import InvalidRegistryHost, familiar_name


@dataclass
class Needs:
    """What must stay, and what the panel's own apps have used."""

    # {reference: {app: why}}; an image goes by its id, by repository@sha256:... and by repository:tag.
    images: dict[str, dict[str, str]] = field(default_factory=dict)
    # The names of images that any app has ever used or tried to pull.
    used_names: set[str] = field(default_factory=set)
    live_projects: frozenset[str] = frozenset()
    removed_projects: frozenset[str] = frozenset()

    @property
    def projects(self) -> frozenset[str]:
        """The Compose projects that are or were the panel's."""
        return self.live_projects | self.removed_projects

    def need(self, references: Iterable[str], slug: str, why: str) -> None:
        """Note that app `slug` needs the images with these references; the first reason stays."""
        for reference in references:
            self.images.setdefault(reference, {}).setdefault(slug, why)


def find_needs() -> Needs:
    """Return what the live apps and the events that have not ended need, and what all apps have used.

    A live app needs the images of its current version, also by name, and those that a rollback to one of
    its last SIMPLEDEPLOY_KEEP_VERSIONS other versions that ran well would bring back.
    """
    slugs = dict(App.objects.live().values_list("pk", "slug"))
    current = dict(App.objects.live().values_list("pk", "current_version"))
    gone = set(App.objects.values_list("slug", flat=True)) - set(slugs.values())
    needs = Needs(
        live_projects=frozenset(PROJECT_PREFIX + slug for slug in slugs.values()),
        removed_projects=frozenset(PROJECT_PREFIX + slug for slug in gone),
    )
    numbers = dict(ComposeVersion.objects.filter(app__in=slugs).values_list("pk", "number"))
    seen_current: set[int] = set()
    ran_well: dict[int, set[int]] = {pk: set() for pk in slugs}
    columns = ("app_id", "slug", "version_id", "action", "status", "images", "arguments")
    telling = DeployEvent.objects.filter(~Q(images={}) | Q(status__in=ACTIVE))
    for app, slug, version, action, status, images, arguments in (
        telling.order_by("-pk").values_list(*columns).iterator()
    ):
        needs.used_names.update(_names(images))
        if status in ACTIVE:
            for asked in (images, arguments.get("pins", {})):
                needs.need((*_names(asked), *_exactly(asked)), slug, sentence("what is queued or runs"))
        if app not in slugs or version is None:
            continue
        is_current = version == current[app]
        why = (
            sentence("current version %(number)s", number=numbers[version])
            if is_current
            else sentence("version %(number)s", number=numbers[version])
        )
        if is_current and app not in seen_current:
            seen_current.add(app)
            needs.need((*_names(images), *_exactly(images)), slug, why)
        if action in CHANGING and status == Status.SUCCEEDED and version not in ran_well[app]:
            # The newest such event of a version is the one that a rollback to it goes by.
            others = len(ran_well[app] - {current[app]})
            if is_current or others < settings.SIMPLEDEPLOY_KEEP_VERSIONS:
                ran_well[app].add(version)
                needs.need(_exactly(images), slug, why)
    return needs


def _names(images: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for image in images.values():
        try:
            yield familiar_name(image["image"])
        except InvalidRegistryHost:
            continue


def _exactly(images: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for image in images.values():
        yield from filter(None, (image.get("id"), image.get("digest"), image.get("pinned")))
