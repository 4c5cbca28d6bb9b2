"""What a person can ask of the deployer: every page and every command comes through here.

Each function checks the request as a whole and then queues one event; a refusal is a DomainError and
leaves nothing behind.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.actor import Actor
from apps.applications.content import Content, InvalidContent
from apps.applications.host_rules.allowances import host_rules_of
from apps.applications.host_rules.rules import NOTHING, HostRights
from apps.applications.models import PROJECT_PREFIX, App, ComposeVersion
from apps.applications.services import SlugTaken, content_of, create_app, get_version, store_version
from apps.applications.slugs import validate_slug
from apps.core.errors import Conflict, DomainError
from apps.core.threads import Helpers
from apps.deployer import pins
from apps.deployer.app_folder import AppFolder
from apps.deployer.check import Checked, check_content
from apps.deployer.containers import require_engine
from apps.deployer.host_policy import rules_of_what_runs
from apps.deployer.overtaking import Seen, require_seen
from apps.deployer.plan import recent_checks
from apps.deployer.plan.observed import list_images
from apps.deployer.plan.other_actions import plan_removal, plan_scale
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import make_plan
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.verdict.verdict import Expectation, expectations
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action

MAX_SCALE = 100
NO_SLUG = "check"  # is reserved: no app has it
# What a rollback brings back of the images, as the event's arguments name it.
SAME_IMAGES, SAME_FILE = "same", "file"
LIFECYCLE = frozenset({Action.STOP, Action.START, Action.RESTART, Action.PULL})
# Of these, the ones that can be done to single services.
OF_SERVICES = LIFECYCLE - {Action.PULL}
# Services that a refusal names; a file may have thousands.
_NAMED = 20


# What runs or waits comes first, and then a plan is another one.
_OTHERWISE = gettext_lazy("What the deploy would do is no longer what was shown.")
_OVERTAKEN = gettext_lazy("Something else is queued or runs for it.")


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


class NotDeployed(Conflict):
    """An action on an app that no deploy has brought up yet."""


class InvalidScale(DomainError):
    """A scale of an unknown service, or to a number that is out of bounds."""


class UnknownService(DomainError):
    """An action on a service that the app does not have, or that is not for single services."""


class PlanOutdated(Conflict):
    """A deploy from a plan that no longer tells what it would do; `plan` is what it would do now."""

    def __init__(self, plan: Plan, why: Any = _OTHERWISE) -> None:
        super().__init__(
            gettext("%(why)s Nothing was deployed. Read the new plan, and deploy again if you agree.")
            % {"why": why}
        )
        self.plan = plan


def check(content: Content, by: Actor, slug: str = "") -> Checked:
    """Have Compose read `content` as `by` would deploy it as the app `slug`; nothing is changed.

    Raises ComposeMissing and ComposeTooOld; what is wrong with the content is in the result.
    """
    return check_content(
        content,
        default_runner(),
        host_rules=host_rules_of(by, slug),
        project=_project(slug or NO_SLUG),
        folder=AppFolder(validate_slug(slug)).path if slug else None,
    )


def check_current(app: App) -> Checked | None:
    """Have Compose read what runs of `app`, with what it was allowed; None where nothing was deployed."""
    if app.current_version is None:
        return None
    return check_content(
        content_of(app.current_version),
        default_runner(),
        host_rules=rules_of_what_runs(app),
        project=app.project,
        folder=AppFolder(app.slug).path,
    )


def plan_deploy(slug: str, content: Content, by: Actor, *, new: bool = False) -> Plan:
    """Return what a deploy of `content` as app `slug` would do now; nothing is changed or stored.

    The app need not exist; with `new` it must not. Without a slug it is planned as an app that has none
    yet. Raises InvalidSlug, SlugTaken, InvalidContent and EngineProblem.
    """
    app = _free_or_existing(slug, new) if slug else None
    return _plan(app, slug or NO_SLUG, content, host_rules_of(by, slug))


def _plan(app: App | None, slug: str, content: Content, host_rules: HostRights, override: str = "") -> Plan:
    current = app.current_version if app else None
    return make_plan(
        content,
        slug,
        default_runner(),
        host_rules=host_rules,
        current=content_of(current) if current else None,
        current_rules=rules_of_what_runs(app) if app else NOTHING,
        pins=override,
    )


def submit_deploy(
    slug: str,
    content: Content,
    by: Actor,
    *,
    note: str = "",
    name: str = "",
    new: bool = False,
    planned: str = "",
    without_approval: str = "",
    seen: Seen | None = None,
) -> DeployEvent:
    """Queue a deploy of `content` as app `slug`, which is made where there is none, and return its event.

    With `new` the app must not exist yet. `planned` is the fingerprint of the plan that the person was
    shown: where the same deploy would do something else by now, nothing is queued. `without_approval` is
    the reason why a protected app's event does not wait for another person, as in every request here. With
    `seen` the app must exist, and others must not have done more to it than that says.
    Raises InvalidSlug, SlugTaken, InvalidContent, InvalidText, PlanOutdated, Overtaken, AppRemoved and
    EngineProblem.
    """
    app = _free_or_existing(slug, new)
    if seen:
        require_seen(app, slug, seen)
    plan = None
    if planned or (app and app.protected):
        plan = plan_deploy(slug, content, by, new=new)
        if planned and plan.fingerprint != planned:
            raise PlanOutdated(plan)
        asked = _columns(plan.checked)
    else:
        asked = _accepted(content, slug, host_rules_of(by, slug))
    with transaction.atomic():
        app = None if new else App.objects.live().select_for_update().filter(slug=slug).first()
        if seen:
            # Once more, now that nobody else can come between.
            require_seen(app, slug, seen)
        if planned and plan and app and app.events.coming().exists():
            raise PlanOutdated(plan, _OVERTAKEN)
        app = app or create_app(slug, name, by)
        version, _is_new = store_version(app, content, by, note)
        waiting: dict[str, Any] = {"plan": _shown(app, plan), "without_approval": without_approval}
        return enqueue(app, Action.DEPLOY, by, version=version, **asked, **waiting)


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
    host_rules = host_rules_of(by, app.slug)
    asked = _accepted(content_of(version), app.slug, host_rules)
    return _plan_pinned(app, version, _wanted(version, asked) if same_images else {}, host_rules)


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
    version = get_version(app, number)
    host_rules = host_rules_of(by, app.slug)
    columns = rollback_columns(version, same_images=same_images, host_rules=host_rules)
    plan = None
    if planned or app.protected:
        plan = _plan_pinned(app, version, columns["arguments"].get("pins", {}), host_rules)
        if planned and plan.fingerprint != planned:
            raise PlanOutdated(plan)
        if planned and app.events.coming().exists():
            raise PlanOutdated(plan, _OVERTAKEN)
    waiting: dict[str, Any] = {"plan": _shown(app, plan), "without_approval": without_approval}
    return enqueue(app, Action.ROLLBACK, by, version=version, **columns, **waiting)


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
    asked = _accepted(content_of(version), version.app.slug, host_rules, runner)
    wanted = _wanted(version, asked) if same_images else {}
    arguments = {"images": SAME_IMAGES, "pins": wanted} if wanted else {"images": SAME_FILE}
    return {"arguments": arguments, **asked}


def _wanted(version: ComposeVersion, asked: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the images to bring back, of the services that the file of `version` has."""
    services = {one["service"] for one in asked["expected"]}
    return {service: image for service, image in pins.recorded(version).items() if service in services}


def _plan_pinned(
    app: App, version: ComposeVersion, wanted: dict[str, dict[str, str]], host_rules: HostRights
) -> Plan:
    runner = default_runner()
    override = pins.override(pins.choose(wanted, list_images(runner).ids)) if wanted else ""
    return _plan(app, app.slug, content_of(version), host_rules, override)


def submit_lifecycle(app: App, action: Action, by: Actor, *, services: Iterable[str] = ()) -> DeployEvent:
    """Queue stop, start, restart or pull of `app`, or of some of its `services` alone.

    To start a service starts what it depends on, too. Raises UnknownService, NotDeployed and EngineProblem.
    """
    assert action in LIFECYCLE, action
    wanted = sorted(set(services))
    if wanted and action not in OF_SERVICES:
        raise UnknownService(
            gettext("%(label)s is for the whole app; name no service. Nothing was changed.")
            % {"label": action.label}
        )
    _require_deployed(app)
    _require_services(app, wanted)
    arguments = {"services": wanted} if wanted else {}
    return enqueue(app, action, by, version=app.current_version, arguments=arguments)


def submit_scale(app: App, scale: Mapping[str, int], by: Actor, *, without_approval: str = "") -> DeployEvent:
    """Queue a change of the number of containers: {service: 0 to MAX_SCALE}.

    It holds until the next deploy, which goes by the file again.
    Raises InvalidScale, UnknownService, NotDeployed and EngineProblem.
    """
    if not scale:
        raise InvalidScale(gettext("Name at least one service and its number of containers, like web=3."))
    for service, number in scale.items():
        if not 0 <= number <= MAX_SCALE:
            raise InvalidScale(
                gettext("%(service)s: a number of containers from 0 to %(most)s, not %(number)s.")
                % {"service": service, "most": MAX_SCALE, "number": number}
            )
    _require_deployed(app)
    _require_services(app, scale)
    return enqueue(
        app,
        Action.SCALE,
        by,
        version=app.current_version,
        arguments={"scale": dict(scale)},
        plan=_shown(app, plan_scale(app, scale, default_runner()) if app.protected else None),
        without_approval=without_approval,
    )


def submit_remove(app: App, by: Actor, *, volumes: bool = False, without_approval: str = "") -> DeployEvent:
    """Queue the end of `app`: its containers and network go, and its volumes where `volumes` says so.

    Raises EngineProblem.
    """
    runner = default_runner()
    require_engine(runner)
    plan = plan_removal(app, runner, volumes=volumes) if app.protected else None
    return enqueue(
        app,
        Action.REMOVE,
        by,
        arguments={"volumes": volumes},
        plan=_shown(app, plan),
        without_approval=without_approval,
    )


def expected_services(app: App) -> list[Expectation]:
    """Return what the current version of `app`, and scaling since, asks for; nothing before a deploy."""
    event = DeployEvent.objects.that_shaped(app)
    return [Expectation(**one) for one in event.expected] if event else []


def _shown(app: App, plan: Plan | None) -> dict[str, Any]:
    """Return `plan` as an event of the protected `app` keeps it for whoever approves."""
    return plan.as_dict() if plan and app.protected else {}


def _free_or_existing(slug: str, new: bool) -> App | None:
    """Return the app `slug`, None where there is none. Raises InvalidSlug, and with `new` SlugTaken."""
    validate_slug(slug)
    app = App.objects.live().filter(slug=slug).select_related("current_version").first()
    if new and app is not None:
        raise SlugTaken(
            gettext("There is already an app named %(slug)s. Choose another name.") % {"slug": slug}
        )
    return app


def _project(slug: str) -> str:
    return PROJECT_PREFIX + slug


def _require_deployed(app: App) -> None:
    if app.current_version is None:
        raise NotDeployed(
            gettext("%(slug)s has not been deployed yet. Deploy it first.") % {"slug": app.slug}
        )
    require_engine(default_runner())


def _require_services(app: App, services: Collection[str]) -> None:
    """Raise UnknownService unless the current version of `app` has all of `services`."""
    if not services:
        return
    known = [one.service for one in expected_services(app)]
    for service in services:
        if service not in known:
            names = ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if known[_NAMED:] else "")
            raise UnknownService(
                gettext("%(slug)s has no service %(service)r. Its services: %(names)s. Nothing was changed.")
                % {"slug": app.slug, "service": service[:100], "names": names}
            )


def _accepted(
    content: Content, slug: str, host_rules: HostRights, runner: CommandRunner | None = None
) -> dict[str, Any]:
    """Return the event's columns about `content`, asking by `runner` where one is given.

    Raises InvalidContent where Compose or the policy refuses it, and EngineProblem where nothing could be
    deployed now.
    """
    runner = runner or default_runner()
    # Two programs that do not wait for each other: the engine's answer costs no time of its own.
    with Helpers(1) as pool:
        engine = pool.submit(require_engine, runner)
        checked = check_content(
            content, runner, host_rules=host_rules, project=_project(slug), folder=AppFolder(slug).path
        )
        engine.result()
    if not checked.valid:
        raise InvalidContent(checked.problems)
    recent_checks.keep(slug, content, checked, host_rules)
    return _columns(checked)


def _columns(checked: Checked) -> dict[str, Any]:
    """Return the columns of an event that deploys what was checked, as far as they are about its content."""
    services = checked.model.get("services") or {}
    return {
        "expected": [asdict(one) for one in expectations(checked.model)],
        "images": {name: {"image": s["image"]} for name, s in services.items() if s.get("image")},
        "host_rules": [list(asked) for asked in checked.asks],
    }
