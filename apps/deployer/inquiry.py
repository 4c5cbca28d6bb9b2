"""What is asked of Compose and the engine before an event that deploys is queued."""

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.actor import Actor
from apps.applications.content import Content, InvalidContent
from apps.applications.host_rules.rules import NOTHING, HostRights
from apps.applications.models import PROJECT_PREFIX, App, ComposeVersion
from apps.applications.services import content_of
from apps.core.errors import Conflict
from apps.core.threads import Helpers
from apps.deployer.app_folder import AppFolder
from apps.deployer.check import Checked, check_content
from apps.deployer.containers import require_engine
from apps.deployer.host_policy import rules_of_what_runs
from apps.deployer.plan import recent_checks
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import make_plan
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.verdict.verdict import expectations
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action

# What runs or waits comes first, and then a plan is another one.
_OTHERWISE = gettext_lazy("What the deploy would do is no longer what was shown.")
_OVERTAKEN = gettext_lazy("Something else is queued or runs for it.")


class PlanOutdated(Conflict):
    """A deploy from a plan that no longer tells what it would do; `plan` is what it would do now."""

    def __init__(self, plan: Plan, why: Any = _OTHERWISE) -> None:
        super().__init__(
            gettext("%(why)s Nothing was deployed. Read the new plan, and deploy again if you agree.")
            % {"why": why}
        )
        self.plan = plan


def plan_of(app: App | None, slug: str, content: Content, host_rules: HostRights, pins: str = "") -> Plan:
    """Return what a deploy of `content`, with the override `pins`, as `app` would do now.

    Without an app it is planned as a new one named `slug`. Raises InvalidContent and EngineProblem.
    """
    current = app.current_version if app else None
    return make_plan(
        content,
        slug,
        default_runner(),
        host_rules=host_rules,
        current=content_of(current) if current else None,
        current_rules=rules_of_what_runs(app) if app else NOTHING,
        pins=pins,
    )


def needs_plan(app: App | None, planned: str) -> bool:
    """Tell whether a deploy is planned before it is queued: to compare it, or to show it for approval."""
    return bool(planned) or (app is not None and app.protected)


def require_planned(plan: Plan, planned: str) -> None:
    """Raise PlanOutdated where `plan` has another fingerprint than `planned`; empty means any."""
    if planned and plan.fingerprint != planned:
        raise PlanOutdated(plan)


def accepted(
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
            content, runner, host_rules=host_rules, project=PROJECT_PREFIX + slug, folder=AppFolder(slug).path
        )
        engine.result()
    if not checked.valid:
        raise InvalidContent(checked.problems)
    recent_checks.keep(slug, content, checked, host_rules)
    return columns(checked)


def columns(checked: Checked) -> dict[str, Any]:
    """Return the columns of an event that deploys what was checked, as far as they are about its content."""
    services = checked.model.get("services") or {}
    return {
        "expected": [asdict(one) for one in expectations(checked.model)],
        "images": {name: {"image": s["image"]} for name, s in services.items() if s.get("image")},
        "host_rules": [list(asked) for asked in checked.asks],
    }


def queue_version(
    version: ComposeVersion,
    action: Action,
    by: Actor,
    plan: Plan | None,
    *,
    planned: str,
    without_approval: str,
    asked: dict[str, Any],
) -> DeployEvent:
    """Queue `action`, which brings up `version`, with the columns `asked` and the `plan` that was made.

    Raises PlanOutdated where it is to be as `planned` and something else is queued or runs, and AppRemoved.
    """
    with transaction.atomic():
        # Two that hold the same plan are told apart here.
        app = App.objects.select_for_update().get(pk=version.app_id)
        if planned and plan and app.events.coming().exists():
            raise PlanOutdated(plan, _OVERTAKEN)
        return enqueue(
            app,
            action,
            by,
            version=version,
            plan=shown(app, plan),
            without_approval=without_approval,
            **asked,
        )


def shown(app: App, plan: Plan | None) -> dict[str, Any]:
    """Return `plan` as an event of the protected `app` keeps it for whoever approves."""
    return plan.as_dict() if plan and app.protected else {}
