"""Rollbacks: deploys of an earlier version, with the images that it ran or those that its file names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.applications.host_rules.allowances import host_rules_of
from apps.applications.host_rules.rules import HostRights
from apps.applications.models import App, ComposeVersion
from apps.applications.services import content_of, get_version
from apps.core.errors import Conflict, DomainError
from apps.deployer import pins
from apps.deployer.inquiry import accepted, columns, needs_plan, plan_of, queue_version, require_planned
from apps.deployer.plan.observed import list_images
from apps.deployer.plan.plan import Plan
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action

# What a rollback brings back of the images, as the event's arguments name it.
SAME_IMAGES, SAME_FILE = "same", "file"


@dataclass(frozen=True)
class RecordedImage:
    """The image that a service ran, and whether the engine still has it."""

    service: str
    image: Mapping[str, str]  # image, id, digest
    is_here: bool

    @property
    def short(self) -> str:
        """The digest, or the engine's id where it has none, as people compare them."""
        return (self.image["digest"] or self.image["id"]).rpartition(":")[2][:12]


class UnknownChoice(DomainError):
    """A word that says nothing about the images of a rollback."""


class NothingRecorded(Conflict):
    """A rollback to the images of a version that never ran well."""


def same_images_of(version: ComposeVersion, asked: str) -> bool:
    """Tell whether a rollback to `version` is to bring back the images that ran.

    `asked` is SAME_IMAGES, SAME_FILE, or empty: then it is, where they are recorded.
    Raises UnknownChoice, and NothingRecorded where they were asked for and are not.
    """
    if asked not in (SAME_IMAGES, SAME_FILE, ""):
        raise UnknownChoice(
            gettext("%(asked)r is no choice of images: %(same_images)s or %(same_file)s.")
            % {"asked": asked[:50], "same_images": SAME_IMAGES, "same_file": SAME_FILE}
        )
    known = asked != SAME_FILE and bool(pins.recorded(version))
    if asked == SAME_IMAGES and not known:
        raise NothingRecorded(
            gettext(
                "Version %(number)s never ran well, so no images of it are recorded. Nothing was "
                "changed. Roll back with the same file instead."
            )
            % {"number": version.number}
        )
    return known


def recorded_images(version: ComposeVersion) -> list[RecordedImage]:
    """Return the images that `version` ran, and whether the engine has each now. Raises EngineProblem."""
    known = pins.recorded(version)
    here = list_images(default_runner()).ids if known else {}
    return [
        RecordedImage(service, image, image["digest"] in here or image["id"] in here)
        for service, image in sorted(known.items())
    ]


def plan_rollback(app: App, number: int, by: Actor, *, same_images: bool) -> Plan:
    """Return what `submit_rollback` would do now; nothing is changed. Raises as that does, and ImageGone."""
    version = get_version(app, number)
    return _planned(app, version, host_rules_of(by, app.slug), same_images=same_images)[0]


def submit_rollback(
    app: App,
    number: int,
    by: Actor,
    *,
    same_images: bool = True,
    planned: str = "",
    without_approval: str = "",
) -> DeployEvent:
    """Queue a deploy of the earlier version `number` of `app`.

    With `same_images` each service is held to the image that it ran when the version last ran well, by
    what `pins.recorded` knows; where that is nothing, or without `same_images`, its file alone counts.
    `planned` is as in `submit_deploy`. Raises NotFound and as a deploy does.
    """
    version, host_rules, plan = get_version(app, number), host_rules_of(by, app.slug), None
    if needs_plan(app, planned):
        plan, asked = _planned(app, version, host_rules, same_images=same_images)
        require_planned(plan, planned)
    else:
        asked = rollback_columns(version, same_images=same_images, host_rules=host_rules)
    return queue_version(
        version, Action.ROLLBACK, by, plan, planned=planned, without_approval=without_approval, asked=asked
    )


def rollback_columns(
    version: ComposeVersion,
    *,
    same_images: bool,
    host_rules: HostRights,
    runner: CommandRunner | None = None,
) -> dict[str, Any]:
    """Return the columns of an event that rolls back to `version`, which could be deployed now.

    `host_rules` is what it may ask of the host. Raises as `submit_rollback` does.
    """
    asked = accepted(content_of(version), version.app.slug, host_rules, runner)
    services = {one["service"] for one in asked["expected"]}
    known = pins.recorded(version).items() if same_images else ()
    wanted = {service: image for service, image in known if service in services}
    arguments = {"images": SAME_IMAGES, "pins": wanted} if wanted else {"images": SAME_FILE}
    return {"arguments": arguments, **asked}


def _planned(
    app: App, version: ComposeVersion, host_rules: HostRights, *, same_images: bool
) -> tuple[Plan, dict[str, Any]]:
    """Return what a rollback to `version` would do now, and the columns of its event."""
    content = content_of(version)
    if not same_images:
        plan = plan_of(app, app.slug, content, host_rules)
        return plan, {"arguments": {"images": SAME_FILE}, **columns(plan.checked)}
    # Of the pinned content Compose tells neither how the file names its images nor what it builds.
    asked = rollback_columns(version, same_images=True, host_rules=host_rules)
    wanted = asked["arguments"].get("pins")
    override = pins.override(pins.choose(wanted, list_images(default_runner()).ids)) if wanted else ""
    return plan_of(app, app.slug, content, host_rules, override), asked
