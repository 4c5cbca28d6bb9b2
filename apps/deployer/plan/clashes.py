"""What `up` cannot have: host ports and container names that something else holds."""

from collections.abc import Iterator

from apps.applications.models import PROJECT_PREFIX
from apps.core.sentences import sentence
from apps.deployer.plan.desired import Desired
from apps.deployer.plan.observed import Existing, Observed
from apps.deployer.plan.plan import Change, Clash, ServicePlan
from apps.deployer.plan.ports import Holder, Port, holders, published


def find_clashes(new: Desired, observed: Observed, services: tuple[ServicePlan, ...]) -> Iterator[Clash]:
    """Yield every port and container name of the content that is taken; what the app itself holds is not."""
    plans = {plan.service: plan for plan in services}
    others = list(_others(observed, services))
    asked: list[tuple[str, Port]] = []
    for name, service in sorted(new.services.items()):
        if not plans[name].wanted:
            continue
        for port in published(service):
            earlier = [
                Holder(taken, sentence("service %(other)s of this file", other=other))
                for other, taken in asked
            ]
            for holder in holders(port, [*earlier, *others]):
                yield Clash(name, sentence("port %(port)s", port=port), holder.name)
            asked.append((name, port))
            if plans[name].wanted > port.last - port.first + 1:
                yield Clash(
                    name,
                    sentence("port %(port)s", port=port),
                    sentence("its own containers: %(count)s are asked for", count=plans[name].wanted),
                )
    for plan in services:
        for container in plan.containers:
            namesake = next((c for c in observed.foreign if c.name == container.name), None)
            if namesake and container.action in (Change.CREATE, Change.RECREATE):
                yield Clash(
                    plan.service, sentence("container name %(name)s", name=container.name), _spoken(namesake)
                )


def _others(observed: Observed, services: tuple[ServicePlan, ...]) -> Iterator[Holder]:
    """Yield what holds ports and stays: containers of others, own ones that are left alone, programs."""
    left_alone = {
        container.name
        for plan in services
        for container in plan.containers
        if container.action == Change.KEEP and any(reason.key == "profiles" for reason in plan.reasons)
    }
    own = [c for c in observed.containers if c.name in left_alone]
    for container in (*observed.foreign, *own):
        if container.runs:
            for port in container.ports:
                yield Holder(port, _spoken(container))
    # A published port is listened on for the container, by a program of the engine.
    by_containers = {
        (port.protocol, number)
        for container in (*observed.foreign, *observed.containers)
        for port in container.ports
        for number in port.numbers()
    }
    for holder in observed.listening:
        if (holder.port.protocol, holder.port.first) not in by_containers:
            yield holder


def _spoken(container: Existing) -> str:
    if container.project.startswith(PROJECT_PREFIX):
        return sentence(
            "container %(name)s of app %(app)s",
            name=container.name,
            app=container.project.removeprefix(PROJECT_PREFIX),
        )
    if container.project:
        return sentence(
            "container %(name)s of the project %(project)s, which is not the panel's",
            name=container.name,
            project=container.project,
        )
    return sentence("container %(name)s, which is not the panel's", name=container.name)
