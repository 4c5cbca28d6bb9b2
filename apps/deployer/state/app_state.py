"""What an app does now: one word for it, from its containers and what its current version asks for."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from apps.deployer.containers import Container
from apps.deployer.state.baseline import Baseline
from apps.deployer.state.drift import Difference
from apps.deployer.verdict.verdict import Expectation, Verdict, judge

# By service ("": any of the app): the id of a stop event after which it was seen running again.
StopsOvercome = Mapping[str, int]

_ENDED = frozenset({"created", "exited", "dead"})
# Docker starts a container with one of these policies again, whatever it ended with, until somebody stops it
# or a start fails, which it does not repeat (moby#39559).
_ALWAYS = frozenset({"always", "unless-stopped"})


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
    id: str = ""
    image_id: str = ""
    started_at: str = ""  # in the engine's words
    restarts: int = 0
    last_exit: int | None = None  # of its last end, also where it runs again
    oom_killed: bool = False
    memory_limit: int = 0  # bytes; 0: none
    cpu_limit: float = 0.0  # processors; 0: none


@dataclass(frozen=True)
class AppState:
    """What an app does now.

    `state` is one of

        up           all that should run does, and is healthy; jobs have ended with 0
        completed    all of it has ended with 0, as it should or may
        drifted      up or completed, but not as the last deploy left it (`differences`)
        partial      some services were stopped on purpose; all others are up or completed
        degraded     something is missing, unhealthy, restarting, paused, or ended badly
        stopped      on purpose: nothing runs
        absent       there are no containers
        deploying    an event is queued or runs; `settled` is what it is apart from that
        unreachable  the engine does not answer
    """

    state: str
    services: tuple[ServiceState, ...] = ()
    differences: tuple[Difference, ...] = ()
    beneath: str = ""
    stopped: frozenset[str] = frozenset()  # services that stand still because somebody stopped them

    @property
    def settled(self) -> str:
        """The state without regard to events that are queued or run."""
        return self.beneath or self.state

    @property
    def fingerprint(self) -> str:
        """What is another text where the differences are others; empty where there are none."""
        if not self.differences:
            return ""
        said = "\n".join(one.text for one in self.differences)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    @cached_property
    def services_key(self) -> str:
        """What is another text where anything about the containers is another."""
        return hashlib.sha256(repr(self.services).encode()).hexdigest()[:12]

    def with_event(self) -> "AppState":
        """Return what it is while an event is queued or runs; of an engine that is away nobody can tell."""
        if self.state in ("deploying", "unreachable"):
            return self
        return replace(self, state="deploying", beneath=self.state, differences=())


UNREACHABLE = AppState("unreachable")
ABSENT = AppState("absent")


def state_of(
    containers: list[Container],
    baseline: Baseline | None = None,
    differences: tuple[Difference, ...] = (),
    ran_since: StopsOvercome | None = None,
) -> AppState:
    """Return the state of an app that has these containers.

    Without a `baseline` nothing is known of what should run. `differences` are those of `find_differences`.
    `ran_since` is what `stops_overcome` has told of this app so far: these stops explain nothing more.
    """
    services = tuple(_service_state(c) for c in containers)
    stopped = _stopped(containers, baseline, ran_since or {})
    state = _word(containers, baseline, stopped)
    if differences and state in ("up", "completed"):
        state = "drifted"
    return AppState(state, services, differences, stopped=stopped)


def is_running(containers: list[Container]) -> bool:
    """Tell whether anything of `containers` runs."""
    return any(c.state not in _ENDED for c in containers)


def stops_overcome(containers: list[Container], baseline: Baseline) -> dict[str, int]:
    """Return the stops of `baseline` after which something runs, as `StopsOvercome` holds them."""
    running = {c.service for c in containers if c.state not in _ENDED}
    found = {service: baseline.stop_of(service) for service in running}
    if running:
        found[""] = baseline.stop_event
    return {service: event for service, event in found.items() if event is not None}


def _word(containers: list[Container], baseline: Baseline | None, stopped: frozenset[str]) -> str:
    if not containers:
        return "absent"
    verdicts = [verdict for service, verdict in _verdicts(containers, baseline) if service not in stopped]
    if not all(verdict.is_well for verdict in verdicts):
        return "degraded"
    if stopped:
        return "partial" if is_running(containers) else "stopped"
    return "up" if Verdict.RUNNING in verdicts else "completed"


def _stopped(
    containers: list[Container], baseline: Baseline | None, ran_since: StopsOvercome
) -> frozenset[str]:
    """Return the services that stand still because somebody stopped them."""
    services = {c.service for c in containers}
    services |= {one.service for one in baseline.expected} if baseline else set()
    if not is_running(containers):
        of_all = baseline.stop_event if baseline else None
        if any(_was_stopped(c) for c in containers) or of_all not in (None, ran_since.get("")):
            # Who stops an app stops all of it, whatever each of its containers then ends with.
            return frozenset(services)
    return frozenset(s for s in services if _is_stopped(s, containers, baseline, ran_since))


def _is_stopped(
    service: str, containers: list[Container], baseline: Baseline | None, ran_since: StopsOvercome
) -> bool:
    """Tell whether `service` stands still because somebody stopped it."""
    own = [c for c in containers if c.service == service]
    if not own or is_running(own):
        return False
    jobs = {one.service for one in baseline.expected if one.one_shot} if baseline else set()
    if service in jobs and all(c.ended_well for c in own):
        # It has done its work; that is what stops it.
        return False
    if all(_was_stopped(c) for c in own):
        return True
    return baseline is not None and baseline.stop_of(service) not in (None, ran_since.get(service))


def _was_stopped(container: Container) -> bool:
    would_run = container.restart_policy in _ALWAYS and not container.start_failed
    return container.stopped_by_hand or (container.state == "exited" and would_run)


def _verdicts(containers: list[Container], baseline: Baseline | None) -> Iterator[tuple[str, Verdict]]:
    """Yield how each container stands, and each that is missing, with its service."""
    expected = [_at_least(one, containers) for one in baseline.expected] if baseline else []
    reports = judge(expected, containers)
    jobs = {one.service for one in expected if one.must_end}
    for r in reports:
        # A job that runs again is at work, as it should be.
        at_work = r.service in jobs and r.state == "running" and _is_well(r.health)
        yield r.service, Verdict.RUNNING if at_work else r.verdict
    if not reports:
        yield from ((c.service, _verdict(c)) for c in containers)


def _at_least(expectation: Expectation, containers: list[Container]) -> Expectation:
    """Return `expectation` with no fewer containers than there are: one too many is drift, no fault."""
    count = sum(c.service == expectation.service for c in containers)
    return replace(expectation, replicas=max(expectation.replicas, count))


def _verdict(container: Container) -> Verdict:
    """Return how a container stands of which only its own restart policy is known."""
    if container.state == "running" and _is_well(container.health):
        return Verdict.RUNNING
    if container.ended_well and container.restart_policy in ("no", "on-failure"):
        return Verdict.COMPLETED
    return Verdict.WAITING


def _is_well(health: str) -> bool:
    return health in ("", "healthy")


def _service_state(container: Container) -> ServiceState:
    return ServiceState(
        service=container.service,
        container=container.name,
        state=container.state,
        health=container.health,
        exit_code=container.exit_code if container.state in ("exited", "dead") else None,
        image=container.image,
        ports=container.ports,
        id=container.id,
        image_id=container.image_id,
        started_at=container.started_at,
        restarts=container.restarts,
        last_exit=container.last_exit,
        oom_killed=container.oom_killed,
        memory_limit=container.memory_limit,
        cpu_limit=container.cpu_limit,
    )
