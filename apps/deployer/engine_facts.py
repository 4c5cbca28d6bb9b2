"""What the engine says of itself: its version, its machine, and how much room things take."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.deployer import compose
from apps.deployer.containers import ask_engine
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.prune.inventory import bytes_of, disk_usage
from apps.deployer.runner.interface import CommandRunner, collect

# Seconds. An engine that is well answers at once; counting the files of every volume takes longer.
_TIMEOUT = 10.0
_DISK_TIMEOUT = 60.0


@dataclass(frozen=True)
class EngineFacts:
    """The engine and the machine that it runs on, as `docker info` tells them; sizes in bytes."""

    version: str
    name: str
    system: str
    kernel: str
    architecture: str
    cpus: int
    memory: int
    root: str
    storage: str
    log_driver: str
    security: tuple[str, ...]
    containers: int
    running: int
    paused: int
    stopped: int
    images: int
    time: datetime | None
    compose: str = ""  # "" where Compose is missing
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiskUse:
    """How much room the things of one kind (in Docker's words) take; sizes in bytes."""

    kind: str
    count: int
    active: int
    size: int
    reclaimable: int


def read_facts(runner: CommandRunner) -> EngineFacts:
    """Ask the engine and Compose, side by side. Raises EngineUnreachable."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(collect, runner, compose.version(), timeout=_TIMEOUT)
        told = _info(runner)
        answer = asked.result()
    return EngineFacts(
        version=told.get("ServerVersion") or "",
        name=told.get("Name") or "",
        system=told.get("OperatingSystem") or "",
        kernel=told.get("KernelVersion") or "",
        architecture=told.get("Architecture") or "",
        cpus=told.get("NCPU") or 0,
        memory=told.get("MemTotal") or 0,
        root=told.get("DockerRootDir") or "",
        storage=told.get("Driver") or "",
        log_driver=told.get("LoggingDriver") or "",
        security=tuple(
            one.removeprefix("name=").partition(",")[0] for one in told.get("SecurityOptions") or ()
        ),
        containers=told.get("Containers") or 0,
        running=told.get("ContainersRunning") or 0,
        paused=told.get("ContainersPaused") or 0,
        stopped=told.get("ContainersStopped") or 0,
        images=told.get("Images") or 0,
        time=_time(told.get("SystemTime") or ""),
        compose=answer.stdout.strip() if answer.ok else "",
        warnings=tuple(told.get("Warnings") or ()),
    )


def read_disk_use(runner: CommandRunner) -> list[DiskUse]:
    """Return how much room images, containers, volumes and build cache take. Raises EngineUnreachable."""
    return [
        DiskUse(
            row["Type"],
            _number(row["TotalCount"]),
            _number(row["Active"]),
            bytes_of(row["Size"]),
            bytes_of(row["Reclaimable"]),
        )
        for row in disk_usage(runner, timeout=_DISK_TIMEOUT)
    ]


def _info(runner: CommandRunner) -> dict[str, Any]:
    answer = ask_engine(runner, "info", "--format", "{{json .}}", timeout=_TIMEOUT)
    told: dict[str, Any] = json.loads(answer.stdout)
    # The command itself ends well where only the engine is away.
    if told.get("ServerErrors"):
        raise EngineUnreachable(" ".join(told["ServerErrors"])[-300:])
    return told


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _number(text: object) -> int:
    return int(text) if str(text).isdecimal() else 0  # type: ignore[call-overload]
