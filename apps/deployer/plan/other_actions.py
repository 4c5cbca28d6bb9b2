"""The plans of actions that bring no content: a scale and a removal."""

from collections.abc import Mapping

from apps.applications.models import App
from apps.core.threads import Helpers
from apps.deployer.plan.observed import list_existing, list_images, observe
from apps.deployer.plan.plan import (
    Change,
    ContainerPlan,
    Image,
    ImagePlan,
    Plan,
    Resource,
    ResourcePlan,
    ServicePlan,
)
from apps.deployer.runner.interface import CommandRunner
from apps.deployments.models import DeployEvent

_AT_ONCE = 3


def plan_scale(app: App, scale: Mapping[str, int], runner: CommandRunner) -> Plan:
    """Return what a scale of `app` to {service: containers} would do now. Raises EngineUnreachable."""
    shaped = DeployEvent.objects.that_shaped(app)
    own = [c for c in list_existing(runner) if c.project == app.project and not c.one_off]
    here = list_images(runner)
    services, users = [], dict[str, list[str]]()
    for service, wanted in sorted(scale.items()):
        now = sum(container.service == service for container in own)
        action = Change.KEEP if now == wanted else Change.SCALE
        services.append(ServicePlan(service, action, now=now, wanted=wanted))
        image = (shaped.images if shaped else {}).get(service, {})
        if reference := image.get("pinned", image.get("image", "")):
            users.setdefault(reference, []).append(service)
    images = [ImagePlan(name, Image.HERE, tuple(users[name]), here.id_of(name)) for name in sorted(users)]
    return _plan(app, services=tuple(services), images=tuple(images))


def plan_removal(app: App, runner: CommandRunner, *, volumes: bool) -> Plan:
    """Return what a removal of `app` would take, its volumes with `volumes`. Raises EngineUnreachable."""
    with Helpers(_AT_ONCE) as pool:
        seen = observe(runner, app.project, pool, thorough=False)
    services = []
    for name in sorted({container.service for container in seen.containers}):
        own = seen.of(name)
        gone = tuple(ContainerPlan(container.name, Change.REMOVE) for container in own)
        services.append(ServicePlan(name, Change.REMOVE, containers=gone, now=len(own)))
    return _plan(
        app,
        services=tuple(services),
        networks=_resources(seen.networks, app, Resource.REMOVE),
        volumes=_resources(seen.volumes, app, Resource.REMOVE if volumes else Resource.KEEP),
    )


def _resources(present: Mapping[str, str], app: App, action: Resource) -> tuple[ResourcePlan, ...]:
    return tuple(ResourcePlan(name, action) for name in sorted(present) if present[name] == app.project)


def _plan(
    app: App,
    services: tuple[ServicePlan, ...],
    networks: tuple[ResourcePlan, ...] = (),
    volumes: tuple[ResourcePlan, ...] = (),
    images: tuple[ImagePlan, ...] = (),
) -> Plan:
    """Return the plan of an action on what runs now."""
    sha256 = app.current_version.sha256 if app.current_version else ""
    return Plan(app.slug, sha256, sha256, "", services, networks, volumes, images)
