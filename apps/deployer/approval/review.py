"""What an event that waits for approval would do now, and what an approval of it is bound to."""

from dataclasses import dataclass, replace

from apps.applications.services import content_of
from apps.deployer import pins
from apps.deployer.host_policy import rules_of, rules_of_what_runs
from apps.deployer.plan.bond import bond
from apps.deployer.plan.observed import list_images
from apps.deployer.plan.other_actions import plan_removal, plan_scale
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import build_plan, find_situation
from apps.deployer.runner.interface import CommandRunner
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action


@dataclass(frozen=True)
class Review:
    """A plan, and the SHA-256 of all that is approved with it."""

    plan: Plan
    sha256: str


def review(event: DeployEvent, runner: CommandRunner) -> Review:
    """Return what `event`, one of those that need approval, would do at this moment; nothing is changed.

    Raises InvalidContent where Compose refuses its content by now, ImageGone, and EngineProblem.
    """
    app = event.app
    assert app is not None, "what is done to the engine as a whole needs no approval"
    if event.action == Action.SCALE:
        return _without_content(plan_scale(app, event.arguments["scale"], runner))
    if event.action == Action.REMOVE:
        volumes = bool(event.arguments.get("volumes"))
        return _without_content(plan_removal(app, runner, volumes=volumes))
    assert event.version is not None, "a deploy or rollback has a version"
    content = content_of(event.version)
    current = content_of(app.current_version) if app.current_version else None
    wanted = event.arguments.get("pins") or {}
    override = pins.override(pins.choose(wanted, list_images(runner).ids)) if wanted else ""
    situation = find_situation(
        content,
        app.slug,
        runner,
        host_rules=rules_of(event),
        current=current,
        current_rules=rules_of_what_runs(app),
        pins=override,
    )
    # What is compared before *up* is not rehearsed: the images are pulled only then.
    by_rules = replace(situation, rehearsal=None)
    sha256 = bond(build_plan(by_rules, app.slug, content, current, override), by_rules)
    return Review(build_plan(situation, app.slug, content, current, override), sha256)


def _without_content(plan: Plan) -> Review:
    return Review(plan, bond(plan, None))
