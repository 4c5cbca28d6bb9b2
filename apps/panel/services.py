"""The services of an app as its page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.deployer.state.app_state import AppState, ServiceState
from apps.deployer.verdict.verdict import Expectation


@dataclass(frozen=True)
class ServiceRow:
    """One service with its containers; `wanted` is the number that its Compose file asks for, if known."""

    name: str
    wanted: int | None = None
    containers: list[ServiceState] = field(default_factory=list)

    @property
    def images(self) -> list[str]:
        return sorted({container.image for container in self.containers})

    @property
    def ports(self) -> list[str]:
        return sorted({port for container in self.containers for port in container.ports})


def service_rows(state: AppState, expected: Iterable[Expectation]) -> list[ServiceRow]:
    """Return every service that the file asks for or that has a container, by name."""
    rows = {one.service: ServiceRow(one.service, one.replicas) for one in expected}
    for container in state.services:
        rows.setdefault(container.service, ServiceRow(container.service)).containers.append(container)
    return sorted(rows.values(), key=lambda row: row.name)
