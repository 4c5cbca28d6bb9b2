"""What a person can ask of the deployer: every page and every command comes through here.

Each function checks the request as a whole and then queues one event; a refusal is a DomainError and
leaves nothing behind.
"""

from collections.abc import Collection, Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.applications.content import Content
from apps.applications.host_rules.allowances import host_rules_of
from apps.applications.models import PROJECT_PREFIX, App, ComposeVersion
from apps.applications.services import SlugTaken, content_of, create_app, store_version
from apps.applications.slugs import validate_slug
from apps.core.errors import Conflict, DomainError
from apps.deployer.app_folder import AppFolder
from apps.deployer.check import Checked, check_content
from apps.deployer.containers import require_engine
from apps.deployer.host_policy import rules_of_what_runs
from apps.deployer.inquiry import (
    accepted,
    columns,
    needs_plan,
    plan_of,
    queue_version,
    require_planned,
    shown,
)
from apps.deployer.overtaking import Seen, require_seen
from apps.deployer.plan.other_actions import plan_removal, plan_scale
from apps.deployer.plan.plan import Plan
from apps.deployer.runner import default_runner
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.models import DeployEvent
from apps.deployments.queue import AppRemoved, enqueue
from apps.deployments.states import Action

MAX_SCALE = 100
NO_SLUG = "check"  # is reserved: no app has it
LIFECYCLE = frozenset({Action.STOP, Action.START, Action.RESTART, Action.PULL})
# Of these, the ones that can be done to single services.
OF_SERVICES = LIFECYCLE - {Action.PULL}
# Services that a refusal names; a file may have thousands.
_NAMED = 20


class NotDeployed(Conflict):
    """An action on an app that no deploy has brought up yet."""


class InvalidScale(DomainError):
    """A scale of an unknown service, or to a number that is out of bounds."""


class UnknownService(DomainError):
    """An action on a service that the app does not have, or that is not for single services."""


def check(content: Content, by: Actor, slug: str = "") -> Checked:
    """Have Compose read `content` as `by` would deploy it as the app `slug`; nothing is changed.

    Raises ComposeMissing and ComposeTooOld; what is wrong with the content is in the result.
    """
    return check_content(
        content,
        default_runner(),
        host_rules=host_rules_of(by, slug),
        project=PROJECT_PREFIX + (slug or NO_SLUG),
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
    return plan_of(app, slug or NO_SLUG, content, host_rules_of(by, slug))


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
    EngineProblem, and NotAllowed where somebody with an account may not deploy that app.
    """
    begun = _free_or_existing(slug, new)
    if seen:
        require_seen(begun, slug, seen)
    host_rules, plan = host_rules_of(by, slug), None
    if needs_plan(begun, planned):
        plan = plan_of(begun, slug, content, host_rules)
        require_planned(plan, planned)
    asked = columns(plan.checked) if plan else accepted(content, slug, host_rules)
    with transaction.atomic():
        app = None if new else App.objects.live().select_for_update().filter(slug=slug).first()
        if begun and (app is None or app.pk != begun.pk):
            raise AppRemoved(gettext("The app %(slug)s was removed; nothing was started.") % {"slug": slug})
        if by.user is not None:
            # What was allowed to somebody was so on an app that may be gone by now.
            policy.require(by.user, Permission.DEPLOY, app)
        if seen:
            # Once more, now that nobody else can come between.
            require_seen(app, slug, seen)
        app = app or create_app(slug, name, by)
        version, _is_new = store_version(app, content, by, note)
        return queue_version(
            version, Action.DEPLOY, by, plan, planned=planned, without_approval=without_approval, asked=asked
        )


def plan_redeploy(app: App, version: ComposeVersion, by: Actor) -> Plan:
    """Return what `submit_redeploy` would do now; nothing is changed. Raises as a deploy does."""
    return plan_of(app, app.slug, content_of(version), host_rules_of(by, app.slug))


def submit_redeploy(
    app: App, version: ComposeVersion, by: Actor, *, planned: str = "", without_approval: str = ""
) -> DeployEvent:
    """Queue one more deploy of `version` of `app`, as it is; `planned` is as in `submit_deploy`.

    Raises InvalidContent, PlanOutdated, AppRemoved and EngineProblem.
    """
    plan = None
    if needs_plan(app, planned):
        plan = plan_redeploy(app, version, by)
        require_planned(plan, planned)
        asked = columns(plan.checked)
    else:
        asked = accepted(content_of(version), app.slug, host_rules_of(by, app.slug))
    return queue_version(
        version, Action.DEPLOY, by, plan, planned=planned, without_approval=without_approval, asked=asked
    )


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
        plan=shown(app, plan_scale(app, scale, default_runner()) if app.protected else None),
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
        plan=shown(app, plan),
        without_approval=without_approval,
    )


def expected_services(app: App) -> list[Expectation]:
    """Return what the current version of `app`, and scaling since, asks for; nothing before a deploy."""
    event = DeployEvent.objects.that_shaped(app)
    return [Expectation(**one) for one in event.expected] if event else []


def _free_or_existing(slug: str, new: bool) -> App | None:
    """Return the app `slug`, None where there is none. Raises InvalidSlug, and with `new` SlugTaken."""
    validate_slug(slug)
    app = App.objects.live().filter(slug=slug).select_related("current_version").first()
    if new and app is not None:
        raise SlugTaken(
            gettext("There is already an app named %(slug)s. Choose another name.") % {"slug": slug}
        )
    return app


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
            names = ", ".join(known[:_NAMED])
            if more := len(known[_NAMED:]):
                names = gettext("%(names)s and %(count)d more") % {"names": names, "count": more}
            raise UnknownService(
                gettext("%(slug)s has no service %(service)r. Its services: %(names)s. Nothing was changed.")
                % {"slug": app.slug, "service": service[:100], "names": names}
            )
