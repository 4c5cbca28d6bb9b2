"""An engine's feed without an engine."""

import time
from typing import Any

from apps.deployer.containers import Container

# What `docker inspect` says of `container()`, as far as it is read.
INSPECTED = (
    '{"Id":"id-web-1","Name":"/x","State":{"Status":"running","ExitCode":0},"Image":"",'
    '"Config":{"Image":"nginx","Labels":{"com.docker.compose.project":"simpledeploy-shop"}},"HostConfig":{}}'
)


def container(service: str = "web", number: int = 1, **columns: Any) -> Container:
    """Return a running container of the app `shop`."""
    return Container(
        **{
            "id": f"id-{service}-{number}",
            "name": f"simpledeploy-shop-{service}-{number}",
            "project": "simpledeploy-shop",
            "service": service,
            "state": "running",
            "health": "",
            "exit_code": 0,
            "restarts": 0,
            "restart_policy": "no",
            "image": "nginx",
            "image_id": "",
            "ports": (),
            "oom_killed": False,
            **columns,
        }
    )


class Feed:
    """Knows these containers, until it is told of others; put it in the place of `feed._running`."""

    def __init__(self, *containers: Container) -> None:
        self.generation = 1
        self._containers: list[Container] | None = list(containers)

    def become(self, *containers: Container, answers: bool = True) -> None:
        """Know these containers from now on; nothing where the engine does not answer."""
        self._containers = list(containers) if answers else None
        self.generation += 1

    def of(self, project: str) -> list[Container] | None:
        return None if self._containers is None else [c for c in self._containers if c.project == project]

    def wait(self, seen: int, timeout: float, cancel: Any = None) -> int:
        until = time.monotonic() + timeout
        while self.generation == seen and time.monotonic() < until:
            if cancel is not None and cancel.wait(0.01):
                break
        return self.generation
