"""What an app does now: one word for it, from its containers and what its current version asks for."""

import hashlib
from dataclasses import dataclass, replace

from apps.deployer.containers import Container
from apps.deployer.state.baseline import Baseline
from apps.deployer.state.drift import Difference
from apps.deployer.verdict.verdict import Expectation, Verdict, judge

_ENDED = frozenset({"created", "exited", "dead"})
# Docker starts a container with one of these policies again, whatever it ended with, until somebody stops it.
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


@dataclass(frozen=True)
class AppState:
    """What an app does now.

    `state` is one of

        up           all that should run does, and is healthy; jobs have ended with 0
        completed    all of it has ended with 0, as it should or may
        drifted      up or completed, but not as the last deploy left it (`differences`)
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
    ran_since: int | None = None,
) -> AppState:
    """Return the state of an app that has these containers.

    Without a `baseline` nothing is known of what should run. `differences` are those of `find_differences`.
    `ran_since` is the id of a stop event after which something was seen running: it explains nothing more.
    """
    services = tuple(_service_state(c) for c in containers)
    state = _word(containers, baseline, ran_since)
    if differences and state in ("up", "completed"):
        state = "drifted"
    return AppState(state, services, differences)


def is_running(containers: list[Container]) -> bool:
    """Tell whether anything of `containers` runs."""
    return any(c.state not in _ENDED for c in containers)


def _word(containers: list[Container], baseline: Baseline | None, ran_since: int | None) -> str:
    if not containers:
        return "absent"
    if not is_running(containers):
        if any(_was_stopped(c) for c in containers):
            return "stopped"
        if baseline is not None and baseline.stop_event not in (None, ran_since):
            return "stopped"
    verdicts = _verdicts(containers, baseline)
    if not all(verdict.is_well for verdict in verdicts):
        return "degraded"
    return "up" if Verdict.RUNNING in verdicts else "completed"


def _was_stopped(container: Container) -> bool:
    return container.stopped_by_hand or (container.state == "exited" and container.restart_policy in _ALWAYS)


def _verdicts(containers: list[Container], baseline: Baseline | None) -> list[Verdict]:
    """Return how each container stands, and each that is missing."""
    expected = [_at_least(one, containers) for one in baseline.expected] if baseline else []
    reports = judge(expected, containers)
    jobs = {one.service for one in expected if one.must_end}
    verdicts = [
        # A job that runs again is at work, as it should be.
        Verdict.RUNNING if r.service in jobs and r.state == "running" and _is_well(r.health) else r.verdict
        for r in reports
    ]
    return verdicts or [_verdict(c) for c in containers]


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
    )
