"""What happens to each service: decided from what is asked and what is there, without asking anybody.

The rules are those of `docker compose up` (2.26, pkg/compose/convergence.go): a container is made anew
where the hash of its service's configuration or the id of its image is another, or where a service that it
depends on is made anew. Where Compose's own rehearsal says otherwise, that counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

from apps.core.sentences import sentence
from apps.deployer.plan.changes import Reason, differences
from apps.deployer.plan.desired import Desired, shared_with
from apps.deployer.plan.observed import Existing, Observed
from apps.deployer.plan.plan import Change, ContainerPlan, ServicePlan
from apps.deployer.plan.rehearsal import Rehearsal
from apps.deployer.plan.resources import image_of, is_built
from apps.deployer.verdict.verdict import expectations

_MOST_NAMED = 100

_OUTSIDE = Reason(
    "outside",
    sentence("changed outside the panel: its container fits neither the current version nor this one"),
)
_SCALED = Reason("scale", sentence("made by a scale, for which Compose leaves depends_on out"))
_UNKNOWN = Reason(
    "outside", sentence("not started by the panel: its container fits no version that is known")
)
_COMPOSE = Reason("compose", sentence("Compose's own dry run says so"))
_BUILT_ANYWAY = Reason("build", sentence("its image is built each time; another result makes it anew"))
_IDLE = Reason("profiles", sentence("its profile is not active; up leaves its containers alone"))


@dataclass(frozen=True)
class Situation:
    """What is asked, what runs by the current version's word, and what the engine has."""

    project: str
    new: Desired
    observed: Observed
    current: Desired | None = None
    idle: frozenset[str] = frozenset()  # services whose profiles are not active
    rehearsal: Rehearsal | None = None


def decide_services(situation: Situation) -> tuple[ServicePlan, ...]:
    """Return the plan of every service of the content, and of every other that has a container."""
    wanted = {one.service: one.replicas for one in expectations(situation.new.checked.model)}
    plans: dict[str, ServicePlan] = {}
    for name in _in_order(situation.new.services):
        plan = _asked_for(situation, name, wanted[name], plans)
        plans[name] = _as_rehearsed(plan, situation.rehearsal, True)
    for name in sorted({c.service for c in situation.observed.containers} - plans.keys()):
        plan = _not_asked_for(situation, name)
        plans[name] = _as_rehearsed(plan, situation.rehearsal, False)
    return tuple(plans[name] for name in sorted(plans))


def _asked_for(
    situation: Situation, name: str, wanted: int, before: Mapping[str, ServicePlan]
) -> ServicePlan:
    """Return the plan of a service of the content; `before` has those of all that it depends on."""
    service = situation.new.services[name]
    existing = situation.observed.of(name)
    cascade = _cascade(service, before)
    image_id = situation.observed.images.id_of(image_of(situation.project, name, service))
    stale = [c for c in existing if cascade or _is_stale(situation, c, service, image_id)]
    # Compose 2.26 keeps those that no longer fit first, to make them anew, and of the others the low numbers.
    leaving = sorted(existing, key=lambda c: (c not in stale, c.number))[wanted:]
    actions = {c.name: _action(c, leaving, stale) for c in existing}
    number = max((c.number for c in existing), default=0)
    # A file can ask for a million: so many are counted, not named.
    for offset in range(1, min(wanted - len(existing), _MOST_NAMED) + 1):
        new_name = service.get("container_name") or f"{situation.project}-{name}-{number + offset}"
        actions[new_name] = Change.CREATE
    reasons = list(cascade)
    for container in existing:
        if container in stale and container not in leaving:
            reasons += _reasons(situation, name, container, service, image_id)
    plan = ServicePlan(
        service=name,
        action=Change.KEEP,
        reasons=tuple(dict.fromkeys(reasons)),
        containers=tuple(ContainerPlan(*one) for one in actions.items()),
        now=len(existing),
        wanted=wanted,
        image=str(service.get("image") or ""),
    )
    plan = replace(plan, action=overall(plan, True))
    if image_id and plan.action == Change.KEEP and is_built(service, image_id):
        return replace(plan, reasons=(*plan.reasons, _BUILT_ANYWAY))
    return replace(plan, reasons=(*plan.reasons, *_standing(existing, plan)))


def _not_asked_for(situation: Situation, name: str) -> ServicePlan:
    existing = situation.observed.of(name)
    stays = name in situation.idle
    action = Change.KEEP if stays else Change.REMOVE
    return ServicePlan(
        service=name,
        action=action,
        reasons=(_IDLE,) if stays else (Reason("services", sentence("no longer in the file")),),
        containers=tuple(ContainerPlan(c.name, action) for c in existing),
        now=len(existing),
        wanted=len(existing) if stays else 0,
    )


def overall(plan: ServicePlan, is_asked_for: bool) -> Change:
    """Return what happens to a service as a whole, from what happens to its containers."""
    actions = [container.action for container in plan.containers]
    if not is_asked_for:
        return Change.REMOVE if Change.REMOVE in actions else Change.KEEP
    if actions and plan.now == 0:
        return Change.CREATE
    if Change.RECREATE in actions:
        return Change.RECREATE
    if Change.CREATE in actions or Change.REMOVE in actions:
        return Change.SCALE
    return Change.START if Change.START in actions else Change.KEEP


def _action(container: Existing, leaving: list[Existing], stale: list[Existing]) -> Change:
    if container in leaving:
        return Change.REMOVE
    if container in stale:
        return Change.RECREATE
    return Change.KEEP if container.runs and container.state != "paused" else Change.START


def _is_stale(situation: Situation, container: Existing, service: Mapping[str, Any], image_id: str) -> bool:
    if container.config_hash != situation.new.hashes.get(container.service):
        return True
    if image_id:
        return container.image_id != image_id
    # An image that has gone is pulled again, most likely as the one it was; one that is built is not.
    return is_built(service, "")


def _cascade(service: Mapping[str, Any], before: Mapping[str, ServicePlan]) -> list[Reason]:
    """Return which of the services that `service` depends on take it along."""
    shared = shared_with(service)
    reasons = []
    for other in sorted({*(service.get("depends_on") or {}), *shared}):
        if other in before and before[other].action == Change.RECREATE:
            text = (
                sentence(
                    "shares the %(what)s of %(service)s, which is recreated",
                    what=shared[other],
                    service=other,
                )
                if other in shared
                else sentence("depends on %(service)s, which is recreated", service=other)
            )
            reasons.append(Reason("shared" if other in shared else "depends_on", text))
    return reasons


def _reasons(
    situation: Situation, name: str, container: Existing, service: Mapping[str, Any], image_id: str
) -> Iterator[Reason]:
    """Yield why `container` no longer fits, as far as its service's own configuration and image say."""
    own = list(_configuration(situation, name, container.config_hash, service))
    yield from own
    if any(reason.key == "image" for reason in own):
        return
    if image_id and container.image_id != image_id:
        image = service.get("image") or sentence("what was built")
        yield Reason("image moved", sentence("image: %(image)s means another one by now", image=image))
    elif not image_id and is_built(service, image_id):
        yield Reason("build", sentence("its image is not on the engine and is built"))


def _configuration(
    situation: Situation, name: str, hash: str, service: Mapping[str, Any]
) -> Iterator[Reason]:
    """Yield how a container with this `hash` was configured otherwise than `service` is now."""
    current = situation.current
    if hash == situation.new.hashes.get(name):
        return
    if current is None or hash not in (current.hashes.get(name), current.scaled.get(name)):
        yield _OUTSIDE if current else _UNKNOWN
        return
    found = differences(current.services[name], service)
    if hash != current.hashes.get(name):
        found.append(_SCALED)
    yield from found or [Reason("configuration", "configuration")]


def _standing(existing: list[Existing], plan: ServicePlan) -> Iterator[Reason]:
    """Yield what to know of containers that fit and do not run."""
    started = {one.name for one in plan.containers if one.action == Change.START}
    for container in existing:
        if container.name not in started:
            continue
        if container.state == "paused":
            yield Reason(
                "state",
                sentence("%(name)s is paused: up fails until somebody unpauses it", name=container.name),
            )
        elif container.state == "exited":
            yield Reason(
                "state",
                sentence(
                    "ended with exit code %(exit_code)s, and up starts it again",
                    exit_code=container.exit_code,
                ),
            )
        else:
            yield Reason("state", sentence("is %(state)s, and up starts it", state=container.state))


def _as_rehearsed(plan: ServicePlan, rehearsal: Rehearsal | None, is_asked_for: bool) -> ServicePlan:
    """Return `plan` with what Compose's rehearsal says of its containers in place of what was expected."""
    if rehearsal is None or rehearsal.failure:
        return plan
    containers = []
    for container in plan.containers:
        # A container of a service that is gone, and of which nothing is said, is left alone.
        otherwise = container.action if is_asked_for else Change.KEEP
        said = rehearsal.containers.get(container.name)
        containers.append(replace(container, action=Change(said) if said else otherwise))
    changed = replace(plan, containers=tuple(containers))
    changed = replace(changed, action=overall(changed, is_asked_for))
    return changed if changed.action == plan.action else replace(changed, reasons=(*plan.reasons, _COMPOSE))


def _in_order(services: Mapping[str, Any]) -> list[str]:
    """Return the names of `services`, each after those that it depends on; Compose has refused cycles."""
    before = {
        name: sorted({*(service.get("depends_on") or {}), *shared_with(service)})
        for name, service in sorted(services.items())
    }
    return [name for name in TopologicalSorter(before).static_order() if name in services]
