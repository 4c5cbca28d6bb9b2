"""The state of all apps, kept up to date from one stream of the engine's events."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from apps.applications.models import PROJECT_PREFIX, App
from apps.deployer.containers import Container, list_containers
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.engine_feed import EngineFeed, start_feed, stop_feed
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployments import live


@dataclass(frozen=True)
class ServiceState:
    """One container of an app, as the panel shows it."""

    service: str
    container: str
    state: str
    health: str
    exit_code: int | None
    image: str
    ports: tuple[str, ...]


@dataclass(frozen=True)
class AppState:
    """What an app does now.

    `state` is up, degraded, completed, stopped, absent (no containers) or unreachable (engine).
    """

    state: str
    services: tuple[ServiceState, ...] = ()


UNREACHABLE = AppState("unreachable")
ABSENT = AppState("absent")


def state_of(containers: list[Container]) -> AppState:
    """Return the state of an app that has these containers."""
    services = tuple(
        ServiceState(
            service=c.service,
            container=c.name,
            state=c.state,
            health=c.health,
            exit_code=c.exit_code if c.state in ("exited", "dead") else None,
            image=c.image,
            ports=c.ports,
        )
        for c in containers
    )
    running = [c for c in containers if c.state == "running"]
    well = [c for c in running if c.health in ("", "healthy")]
    completed = [c for c in containers if c.ended_well and c.restart_policy in ("no", "on-failure")]
    if not containers:
        return ABSENT
    if len(well) + len(completed) == len(containers):
        return AppState("up" if well else "completed", services)
    if all(c.state in ("created", "exited", "dead") for c in containers):
        return AppState("stopped", services)
    return AppState("degraded", services)


class EngineWatcher:
    """Keeps the state of every Compose project from the engine's feed."""

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._states: dict[str, AppState] | None = None

    def start(self) -> None:
        """Begin to watch; the first state is there within moments."""
        start_feed(self._runner, self._refresh)

    def stop(self) -> None:
        """End the stream and the threads."""
        stop_feed()

    def states(self) -> dict[str, AppState] | None:
        """Return the state of each Compose project by name; None while the engine does not answer."""
        with self._lock:
            return self._states

    def _refresh(self, feed: EngineFeed, projects: set[str] | None) -> None:
        containers = feed.containers()
        fresh = None if containers is None else {p: state_of(own) for p, own in containers.items()}
        with self._lock:
            before, self._states = self._states, fresh
        if before != fresh:
            live.apps_changed(_changed_slugs(before, fresh))


def _changed_slugs(before: dict[str, AppState] | None, after: dict[str, AppState] | None) -> list[str]:
    """Return the slugs whose state differs; all that are known where the engine came or went."""
    old, new = before or {}, after or {}
    projects = {
        p for p in old.keys() | new.keys() if before is None or after is None or old.get(p) != new.get(p)
    }
    return sorted(p.removeprefix(PROJECT_PREFIX) for p in projects if p.startswith(PROJECT_PREFIX))


_watcher: EngineWatcher | None = None


def start_watcher() -> EngineWatcher:
    """Watch the engine from this process on, so that `app_states` needs no look of its own."""
    global _watcher
    _watcher = EngineWatcher(default_runner())
    _watcher.start()
    return _watcher


def app_states(slugs: Iterable[str] | None = None) -> dict[str, AppState]:
    """Return the state of each app of `slugs` (default: of all apps).

    In the server this is what the watcher knows; a command looks at the engine once.
    """
    if slugs is None:
        slugs = App.objects.live().values_list("slug", flat=True)
    projects = _watcher.states() if _watcher else _look_or_none()
    if projects is None:
        return dict.fromkeys(slugs, UNREACHABLE)
    return {slug: projects.get(PROJECT_PREFIX + slug, ABSENT) for slug in slugs}


def _look_or_none() -> dict[str, AppState] | None:
    try:
        return _look_once(default_runner())
    except EngineProblem:
        return None


def _look_once(runner: CommandRunner) -> dict[str, AppState]:
    by_project: dict[str, list[Container]] = {}
    for container in list_containers(runner):
        by_project.setdefault(container.project, []).append(container)
    return {project: state_of(own) for project, own in by_project.items()}
