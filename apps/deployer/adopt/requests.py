"""What a person can ask about projects beside the panel's apps: which there are, and to adopt one."""

from dataclasses import asdict

from django.db import transaction
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.applications.host_rules.allowances import host_rules_of
from apps.applications.models import PROJECT_PREFIX, App
from apps.applications.services import SlugTaken, create_app, store_version
from apps.applications.slugs import MAX_LENGTH, RESERVED, validate_slug
from apps.core.errors import Conflict
from apps.deployer.adopt.adoption import make_adoption_plan
from apps.deployer.adopt.foreign import ForeignProject, foreign_projects
from apps.deployer.adopt.plan import AdoptionPlan
from apps.deployer.containers import list_containers
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.runner import default_runner
from apps.deployer.state import feed
from apps.deployer.verdict.verdict import expectations
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action

_NOT_IN_PLAN = ("yaml", "fingerprint", "sha256")  # the version of the event has them


class AdoptionOutdated(Conflict):
    """An adoption by a plan that no longer tells what it would do; `plan` is what it would do now."""

    def __init__(self, plan: AdoptionPlan) -> None:
        super().__init__(
            gettext(
                "%(project)s has changed since the plan was shown. Nothing was changed. Read the "
                "new plan, and take it over if you agree."
            )
            % {"project": plan.project}
        )
        self.plan = plan


def list_projects() -> list[ForeignProject]:
    """Return the Compose projects on the engine that are no live app's. Raises EngineUnreachable.

    In the server they are those that the engine's feed knows; a command looks at the engine once.
    """
    running = feed.running_feed()
    if running is None:
        return foreign_projects(list_containers(default_runner()))
    known = running.containers()
    if known is None:
        raise EngineUnreachable
    return foreign_projects(container for project in known.values() for container in project)


def proposed_slug(project: str) -> str:
    """Return a name for the app that `project` may become."""
    slug = project.removeprefix(PROJECT_PREFIX).lstrip("-_")[:MAX_LENGTH]
    return f"{slug}-app".lstrip("-") if slug in RESERVED or not slug else slug


def plan_adoption(project: str, slug: str, by: Actor) -> AdoptionPlan:
    """Return what taking over the foreign `project` as app `slug` would do now; nothing is changed or stored.

    Raises NotFound, InvalidSlug, SlugTaken, InvalidContent, NotAdoptable and EngineProblem.
    """
    _free(validate_slug(slug))
    return make_adoption_plan(project, slug, default_runner(), host_rules=host_rules_of(by, slug))


def submit_adopt(
    project: str, slug: str, by: Actor, *, planned: str = "", name: str = "", note: str = ""
) -> DeployEvent:
    """Queue the adoption of the foreign `project` as app `slug` and return its event.

    `planned` is the fingerprint of the plan that the person was shown. Raises AdoptionOutdated where it
    would do something else by now, and as `plan_adoption` does.
    """
    plan = plan_adoption(project, slug, by)
    if planned and plan.fingerprint != planned:
        raise AdoptionOutdated(plan)
    services = plan.model["services"]
    with transaction.atomic():
        if _is_being_adopted(project):
            raise Conflict(
                gettext("Somebody is taking %(project)s over at this moment. Nothing was changed.")
                % {"project": project}
            )
        app = _free(slug) or create_app(slug, name, by)
        note = note or f"Taken over from the project {project} in {plan.folder}"[:500]
        version, _is_new = store_version(app, plan.content, by, note)
        return enqueue(
            app,
            Action.ADOPT,
            by,
            version=version,
            arguments={
                "project": project,
                "containers": [c.id for c in plan.old.containers],
                # As they are, not as they are shown: these names must be free for the new containers.
                "names": sorted(_new_names(plan)),
            },
            expected=[asdict(one) for one in expectations(plan.model)],
            images={name: {"image": s["image"]} for name, s in services.items() if s.get("image")},
            plan={key: value for key, value in plan.as_dict().items() if key not in _NOT_IN_PLAN},
            host_rules=[list(asked) for asked in plan.asks],
        )


def _free(slug: str) -> App | None:
    """Return the app `slug` where nothing was ever brought up as it, None where there is none.

    Raises SlugTaken where something was, or may be soon.
    """
    app = App.objects.live().filter(slug=slug).first()
    if app is not None and (app.current_version_id or app.events.active().exists()):
        raise SlugTaken(
            gettext("There is already an app named %(slug)s. Choose another name.") % {"slug": slug}
        )
    if app is not None and app.protected:
        raise SlugTaken(
            gettext("The app %(slug)s is protected: what runs as it is deployed. Choose another name.")
            % {"slug": slug}
        )
    return app


def _is_being_adopted(project: str) -> bool:
    adoptions = DeployEvent.objects.active().filter(action=Action.ADOPT)
    return any(event.arguments.get("project") == project for event in adoptions)


def _new_names(plan: AdoptionPlan) -> set[str]:
    """Return the names that the new containers will have."""
    prefix = f"{PROJECT_PREFIX}{plan.slug}"
    return {
        service.get("container_name") or f"{prefix}-{one.service}-{number}"
        for one in expectations(plan.model)
        for service in (plan.model["services"][one.service],)
        for number in range(1, one.replicas + 1)
    }
