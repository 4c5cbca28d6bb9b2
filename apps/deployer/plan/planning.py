"""Make the plan of a deploy: ask Compose and the engine side by side, then decide. Nothing is changed."""

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass

from apps.applications import environment
from apps.applications.content import Content, InvalidContent
from apps.applications.host_rules.rules import NOTHING, HostRights
from apps.applications.models import PROJECT_PREFIX
from apps.core.threads import Helpers
from apps.deployer.app_folder import AppFolder
from apps.deployer.check import Checked, check_content, require_compose
from apps.deployer.compose import Project
from apps.deployer.plan import recent_checks
from apps.deployer.plan.clashes import find_clashes
from apps.deployer.plan.decision import Situation, decide_services
from apps.deployer.plan.desired import Desired, all_services, hashed
from apps.deployer.plan.observed import Observed, observe
from apps.deployer.plan.plan import Image, Plan, masked
from apps.deployer.plan.rehearsal import Rehearsal, rehearse
from apps.deployer.plan.resources import plan_images, plan_resources
from apps.deployer.redaction import Redactor
from apps.deployer.refusals import unset_variables
from apps.deployer.runner.interface import CancelToken, CommandRunner

_AT_ONCE = 6  # commands that run side by side


def make_plan(
    content: Content,
    slug: str,
    runner: CommandRunner,
    *,
    host_rules: HostRights,
    current: Content | None,
    current_rules: HostRights = NOTHING,
    pins: str = "",
    cancel: CancelToken | None = None,
) -> Plan:
    """Return what a deploy of `content` as app `slug` would do at this moment; nothing is changed.

    `host_rules` is what the deploy may ask of the host. `current` is the content of the app's current
    version, None where nothing was deployed yet, and `current_rules` what that was allowed. `pins` is the
    text of an override with pinned images that the deploy would use; empty means none. The files beside the
    Compose file are the app's own.
    Raises InvalidContent where Compose or the policy refuses `content`, EngineProblem and NoMemoryFolder.
    """
    situation = find_situation(
        content,
        slug,
        runner,
        host_rules=host_rules,
        current=current,
        current_rules=current_rules,
        pins=pins,
        cancel=cancel,
    )
    return build_plan(situation, slug, content, current, pins)


def find_situation(
    content: Content,
    slug: str,
    runner: CommandRunner,
    *,
    host_rules: HostRights,
    current: Content | None,
    current_rules: HostRights = NOTHING,
    pins: str = "",
    current_pins: str | None = None,
    thorough: bool = True,
    cancel: CancelToken | None = None,
) -> Situation:
    """Return all that a plan follows from; see `make_plan`.

    `current_pins` is the override that `current` was deployed with, by default the one in the app's
    folder. Without `thorough` neither images nor programs of this machine are looked at, and Compose's dry
    run is not asked, and what Compose said a moment ago is not asked again: for an event's plan, whose
    images are known only after the pull.
    """
    asking = Asking(slug, runner, cancel)
    if current_pins is None:
        current_pins = AppFolder(slug).pins
    require_compose(runner)
    same = current is not None and (current, current_pins) == (content, pins)
    with Helpers(_AT_ONCE) as pool:
        check = asking.check if thorough else asking.recent_check
        checking = pool.submit(check, content, host_rules, pins)
        checking_current = (
            pool.submit(check, current, current_rules, current_pins)
            if current is not None and not same
            else None
        )
        observed = observe(runner, asking.project.name, pool, cancel, thorough=thorough)
        checked = checking.result()
        if not checked.valid:
            raise InvalidContent(checked.problems)
        hashing = pool.submit(asking.desired, checked, observed)
        profiles = pool.submit(asking.idle, content, pins, checked, observed)
        rehearsing = pool.submit(asking.rehearse, checked, observed, profiles) if thorough else None
        before = None
        if checking_current is not None:
            before = asking.desired(checking_current.result(), observed)
        new = hashing.result()
        idle = profiles.result()
        rehearsal = rehearsing.result() if rehearsing else None
    return Situation(asking.project.name, new, observed, new if same else before, idle, rehearsal)


@dataclass(frozen=True)
class Asking:
    """The questions that a plan asks Compose for one app."""

    slug: str
    runner: CommandRunner
    cancel: CancelToken | None = None

    @property
    def project(self) -> Project:
        return Project(PROJECT_PREFIX + self.slug, AppFolder(self.slug).path)

    def check(self, content: Content, host_rules: HostRights, pins: str) -> Checked:
        """Return what Compose makes of `content` with the override `pins`, and what `host_rules` refuse."""
        checked = check_content(
            content,
            self.runner,
            host_rules=host_rules,
            project=self.project.name,
            folder=self.project.folder,
            pins=pins,
            cancel=self.cancel,
        )
        recent_checks.keep(self.slug, content, checked, host_rules, pins)
        return checked

    def recent_check(self, content: Content, host_rules: HostRights, pins: str) -> Checked:
        """Return what Compose said of it a moment ago, or what it says now."""
        recent = recent_checks.find(self.slug, content, host_rules, pins)
        return recent or self.check(content, host_rules, pins)

    def desired(self, checked: Checked, observed: Observed) -> Desired:
        """Return `checked` with hashes, for which a service may share something of a container."""
        if not checked.valid:
            return Desired(checked)
        return hashed(self.runner, self.project, checked, observed.first_container, self.cancel)

    def idle(self, content: Content, pins: str, checked: Checked, observed: Observed) -> frozenset[str]:
        """Return the services whose profiles are not active, where one of them may have a container."""
        services = (checked.model.get("services") or {}).keys()
        if all(container.service in services for container in observed.containers):
            return frozenset()
        return frozenset(all_services(content, self.runner, self.project, pins) - services)

    def rehearse(
        self, checked: Checked, observed: Observed, idle: Future[frozenset[str]]
    ) -> Rehearsal | None:
        """Return Compose's dry run; None where an image is missing: it would ask registries, or build."""
        images = plan_images(self.project.name, Desired(checked), observed.images)
        if any(one.action not in (Image.CHECK, Image.HERE) for one in images):
            return None
        return rehearse(self.runner, self.project, checked.model, idle.result(), self.cancel)


def build_plan(
    situation: Situation, slug: str, content: Content, current: Content | None, pins: str = ""
) -> Plan:
    """Return the plan that follows from `situation`, with what may be a value of an environment masked."""
    new, observed, rehearsal = situation.new, situation.observed, situation.rehearsal
    model = new.checked.model
    services = decide_services(situation)
    warnings = dict.fromkeys((*new.checked.warnings, *(rehearsal.warnings if rehearsal else ())))
    plan = Plan(
        slug=slug,
        sha256=content.sha256,
        current_sha256=current.sha256 if current else "",
        pins_sha256=hashlib.sha256(pins.encode()).hexdigest() if pins else "",
        services=services,
        networks=plan_resources(model.get("networks") or {}, observed.networks, situation.project, rehearsal),
        volumes=plan_resources(model.get("volumes") or {}, observed.volumes, situation.project, rehearsal),
        images=plan_images(situation.project, new, observed.images),
        clashes=tuple(find_clashes(new, observed, services)),
        unset=tuple(unset_variables(warnings)),
        warnings=tuple(warning for warning in warnings if not unset_variables([warning])),
        rehearsed=rehearsal is not None and not rehearsal.failure,
        failure=rehearsal.failure if rehearsal else "",
        checked=new.checked,
    )
    texts = [content.environment, current.environment if current else ""]
    return masked(plan, Redactor(value for text in texts for value in environment.values(text).values()))
