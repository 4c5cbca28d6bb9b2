"""The steps of each action, in order. A new action is a state, a line in STEPS, a view and its tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.applications.content import Content
from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.database import patient
from apps.core.errors import DomainError
from apps.core.secret import UndecryptableError
from apps.deployer import compose, pins
from apps.deployer.adopt import steps as adopt_steps
from apps.deployer.approval.compare import compare
from apps.deployer.containers import Container, leftovers, list_containers, named_image
from apps.deployer.docker_config import docker_config
from apps.deployer.host_policy import require_allowed, rules_of_what_runs
from apps.deployer.plan.observed import list_images
from apps.deployer.plan.plan_ahead import PlanAhead
from apps.deployer.prune.steps import look, measure, prune, wait
from apps.deployer.run import Run, StepFailed
from apps.deployer.verdict.last_lines import with_last_lines
from apps.deployer.verdict.verdict import concluded, judge, observed
from apps.deployer.verdict.verify import verify
from apps.deployments import approvals, claims
from apps.deployments.models import DeployEvent
from apps.deployments.states import BEFORE_UP as BEFORE_UP
from apps.deployments.states import CHANGING, Action, Approval, Status
from apps.registries.services import credentials_for

Step = Callable[[Run], None]

_STOPPED = frozenset({"created", "exited", "dead"})
# What Compose says, beside its errors, where it could not pull images whose services have `build`.
_CAN_BE_BUILT = "must be built from source"
_BROUGHT_UP = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.ADOPT, Action.SCALE})


class VersionDamaged(DomainError):
    """A stored version whose content is not the one its SHA-256 names."""

    http_status = 500


def version(run: Run) -> None:
    """Make sure that the stored content is the one that was asked for and checked."""
    wanted = run.event.version
    assert wanted is not None
    assert run.content is not None
    if run.content.sha256 != wanted.sha256:
        raise VersionDamaged(f"Version {wanted.number} was changed in the database; it is not deployed.")
    # The event may have waited long: for whom it is, and what lies in the folder, can be another by now.
    require_allowed(run)
    run.log.say(f"Version {wanted.number}, SHA-256 {wanted.sha256[:12]}")


def write(run: Run) -> None:
    """Put the Compose file and the environment into the app's folder, and what pins the images if asked."""
    assert run.content is not None
    wanted = run.event.arguments.get("pins")
    if wanted:
        _pin(run, wanted)
    override = pins.override(run.pins)
    run.planning = PlanAhead(
        run.content,
        run.app.slug,
        run.runner,
        current=_current_content(run),
        pins=override,
        host_rules=run.host_rules,
        current_rules=rules_of_what_runs(run.app),
        current_pins=run.folder.pins,
        cancel=run.cancel,
    )
    run.folder.write(run.content, override)


def _pin(run: Run, wanted: dict[str, dict[str, str]]) -> None:
    """Choose how to name the `wanted` images by what the engine has now: the event may have waited long."""
    run.pins = pins.choose(wanted, list_images(run.runner, run.cancel).ids)
    images = dict(run.event.images)
    for service, pin in run.pins.items():
        # The file's own reference stays the image's name.
        images[service] = wanted[service] | images.get(service, {}) | {"pinned": pin.reference}
        where = "" if pin.is_here else ", which has to be pulled"
        run.log.say(f"{service} runs the image it ran, {pin.reference}{where}")
    claims.advance(run.event, images=images)


def _current_content(run: Run) -> Content | None:
    """Return what runs now, None where nothing does or its key is gone: that is no reason not to deploy."""
    version = run.app.current_version
    try:
        return content_of(version) if version else None
    except UndecryptableError:
        return None


def credentials(run: Run) -> None:
    """Make a Docker configuration with the credentials of just the registries that are needed."""
    usable = credentials_for(run.image_references, run.event.slug)
    run.docker_config = run.credentials.enter_context(docker_config(usable))
    hosts = ", ".join(c.host for c in usable)
    run.log.say(f"Signing in to {hosts}" if hosts else "No registry credentials are needed or stored")


def pull(run: Run) -> None:
    """Pull the images, look once more whether the content may be brought up, and keep the plan for that."""
    try:
        _pull(run)
    except StepFailed as failure:
        absent = sorted(service for service, pin in run.pins.items() if not pin.is_here)
        if not absent:
            raise
        raise StepFailed(
            f"The engine no longer has the image that ran for {', '.join(absent)}, and the pull failed. "
            f"{failure} Roll back with the same file instead."
        ) from None
    if run.event.action in CHANGING:
        # A pull can take long, and containers that run may have changed what lies in the folder.
        patient(require_allowed)(run)
    # Here and not in *up*: who cancels while it is waited for has changed nothing.
    # What was approved stays in the event as it was shown.
    if run.planning and run.event.approval != Approval.GIVEN:
        claims.advance(run.event, plan=run.planning.told())


def _pull(run: Run) -> None:
    """Pull what a registry has; an image that none has and that the file builds is left to *up*."""
    try:
        run.command(compose.pull(run.project))
    except StepFailed:
        # Only then: where a registry has images that could be built as well, the newest one is wanted.
        if not any(_CAN_BE_BUILT in line for line in run.log.tail()):
            raise
        run.command(compose.pull_unbuilt(run.project))


def drop_credentials(run: Run) -> None:
    """Remove the Docker configuration with its credentials."""
    run.docker_config = None
    run.credentials.close()


def up(run: Run) -> None:
    """Make the new content the current one and start it."""
    patient(App.objects.filter(pk=run.app.pk).update)(current_version=run.event.version)
    run.folder.keep()
    run.command(compose.up(run.project))
    drop_credentials(run)


def stop(run: Run) -> None:
    """Stop the services."""
    asked = run.event.asked_services
    run.command(compose.stop(run.project, asked))
    found = list_containers(run.runner, run.project.name)
    left = [c for c in found if c.state not in _STOPPED and (not asked or c.service in asked)]
    if left:
        told = ", ".join(f"{c.name} ({c.state})" for c in left)
        raise StepFailed(f"Not stopped: {told}.", status=Status.UNSTABLE)


def start(run: Run) -> None:
    """Start the services."""
    run.command(compose.start(run.project, run.event.asked_services))


def restart(run: Run) -> None:
    """Restart the services."""
    run.command(compose.restart(run.project, run.event.asked_services))


def scale(run: Run) -> None:
    """Set the number of containers of services."""
    run.command(compose.scale(run.project, run.event.arguments["scale"]))


def down(run: Run) -> None:
    """Remove containers and network, and volumes where asked; then free the slug."""
    run.command(compose.down(run.project, bool(run.event.arguments.get("volumes"))), cwd=Path("/"))
    left = leftovers(run.runner, run.project.name)
    if left:
        raise StepFailed(
            f"Still there: {', '.join(left)}. Something else may use them; remove the app again."
        )
    kept = run.folder.remove()
    if kept:
        run.log.say(f"Kept in {run.folder.path}, as the panel did not make it: {', '.join(kept)}")
    _free_slug(run.app)


@patient
def _free_slug(app: App) -> None:
    with transaction.atomic():
        App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
        approvals.lapse_with(app)


def record(run: Run) -> None:
    """Note what stands now: images, configurations, and the containers with their verdict."""
    drop_credentials(run)
    if run.containers is None:
        run.containers = list_containers(run.runner, run.project.name)
    columns: dict[str, Any] = {"images": _images(run, run.containers)}
    columns |= _config_hashes(run, run.containers)
    asked = run.event.asked_services
    concerned = [c for c in run.containers if not asked or c.service in asked]
    reports = observed(concerned) if run.reports is None else run.reports
    columns["services"] = [report.with_digest(columns["images"]).as_dict() for report in reports]
    claims.advance(run.event, **columns)


def record_failure(run: Run) -> None:
    """Note what stands now as `record` does, and what the services that are not well printed last."""
    if run.containers is None:
        run.containers = list_containers(run.runner, run.project.name)
    if run.reports is None and verify in STEPS[run.event.action]:
        run.reports = concluded(judge(run.expected, run.containers))
    if run.reports is not None:
        run.reports = with_last_lines(run.runner, run.reports, run.redactor)
    record(run)


def _images(run: Run, found: list[Container]) -> dict[str, dict[str, Any]]:
    """Return the images that the event is about with what the containers `found` run of them."""
    images = dict(run.event.images)
    running = run.digests(found)
    for service, image in running.items():
        asked = images.get(service, image)
        # A container that is left from another version says nothing about the images of this one.
        if asked.get("pinned", asked["image"]) == image["image"]:
            # By its id alone an image does not tell what it was pulled by; whoever pinned it knew.
            known = asked.get("digest", "") if asked.get("id") == image["id"] else ""
            images[service] = asked | {"id": image["id"], "digest": image["digest"] or known}
            # After a pull, a scale adds containers of the newer image to those of the older one.
            images[service].pop("also", None)
            if others := {c.image_id for c in found if c.service == service} - {image["id"]}:
                images[service]["also"] = sorted(others)
    for service in images.keys() - running.keys():
        # It runs no container as yet (replicas: 0): what would run is what its name means now.
        if "id" not in images[service]:
            images[service] = images[service] | named_image(run.runner, images[service]["image"])
    return images


def _config_hashes(run: Run, found: list[Container]) -> dict[str, Any]:
    """Return the column with the configurations of `found`, where an `up` of the event went well."""
    if run.event.action not in _BROUGHT_UP or run.event.step in _CALLS_UP:
        return {}
    # A scale leaves alone what is there already; it was recorded when it was made.
    return {"config_hashes": {c.service: c.config_hash for c in found} | run.event.config_hashes}


_DEPLOY = (version, write, credentials, pull, up, verify, record)
_ADOPT = (
    version,
    adopt_steps.write,
    credentials,
    adopt_steps.pull,
    adopt_steps.hand_over,
    up,
    verify,
    adopt_steps.retire,
    record,
)

STEPS: dict[str, tuple[Step, ...]] = {
    Action.DEPLOY: _DEPLOY,
    Action.ROLLBACK: _DEPLOY,
    Action.ADOPT: _ADOPT,
    Action.STOP: (stop, record),
    Action.START: (start, verify, record),
    Action.RESTART: (restart, verify, record),
    Action.PULL: (credentials, pull, record),
    Action.SCALE: (scale, verify, record),
    Action.REMOVE: (down,),
    Action.PRUNE: (wait, look, prune, measure),
}

# Before one of these nothing was changed.
_ACTING = (up, scale, down)


def steps_of(event: DeployEvent) -> tuple[Step, ...]:
    """Return the steps of `event`: those of its action, and one more where another person approves it."""
    steps = STEPS[event.action]
    if event.approval in (Approval.NONE, Approval.OVERRIDDEN):
        return steps
    place = next((number for number, step in enumerate(steps) if step in _ACTING), len(steps))
    return (*steps[:place], compare, *steps[place:])


# What stands when one of these has failed is partly this event's and partly that of one before it.
_CALLS_UP = frozenset({up.__name__, scale.__name__})
