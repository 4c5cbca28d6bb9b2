"""The judgement of an app: which service should run or end, and whether it does."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from apps.deployer.containers import Container


class Verdict(StrEnum):
    """How one service stands against what its Compose file asks for."""

    RUNNING = "running"  # runs, and is healthy where it has a healthcheck
    COMPLETED = "completed"  # ended with 0, as it was meant to or may
    WAITING = "waiting"  # may still get there
    UNSTABLE = "unstable"  # was not there in time, or did not stay there
    FAILED = "failed"  # cannot get there by itself
    UNJUDGED = ""  # nothing was asked of it (after stop, pull)

    @property
    def is_well(self) -> bool:
        """Whether this is what the Compose file asks for."""
        return self in (Verdict.RUNNING, Verdict.COMPLETED)


@dataclass(frozen=True)
class Expectation:
    """What the Compose file asks of one service."""

    service: str
    replicas: int
    one_shot: bool  # a job: somebody waits for its end, or its file says restart: "no"
    must_end: bool  # somebody waits for it: depends_on ... service_completed_successfully
    may_end: bool  # nothing starts it again when it ends with 0


@dataclass(frozen=True)
class ServiceReport:
    """How one container of a service stands; a service without any container has an empty `container`."""

    service: str
    container: str
    state: str
    health: str
    exit_code: int | None
    restarts: int
    verdict: Verdict
    reason: str  # a phrase for people, empty where all is well
    image: str = ""  # its digest (repository@sha256:...), or its id where no registry knows it
    oom: bool = False  # ran out of memory
    log: tuple[str, ...] = ()  # its last lines, where it is not well

    def with_digest(self, images: Mapping[str, Mapping[str, str]]) -> "ServiceReport":
        """Return this with the digest of its image, where `images` of the services know one for its id."""
        known = images.get(self.service, {})
        is_known = known.get("digest") and known.get("id") == self.image
        return replace(self, image=known["digest"]) if is_known else self

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": str(self.verdict), "log": list(self.log)}


def expectations(model: dict[str, Any]) -> list[Expectation]:
    """Return what the resolved Compose `model` (of `docker compose config`) asks of each service.

    A service ends by plan where another waits for it with
    service_completed_successfully (Compose specification, depends_on); it may end where its restart
    policy does not bring it back after exit code 0 (Docker: no, on-failure).
    """
    services: dict[str, dict[str, Any]] = model.get("services") or {}
    awaited = {
        name
        for service in services.values()
        for name, how in (service.get("depends_on") or {}).items()
        if how.get("condition") == "service_completed_successfully"
    }
    return [
        Expectation(
            service=name,
            replicas=_replicas(service),
            one_shot=name in awaited or service.get("restart") == "no",
            must_end=name in awaited,
            may_end=name in awaited or _restart(service) in ("no", "on-failure", "none"),
        )
        for name, service in sorted(services.items())
    ]


def judge(expected: list[Expectation], containers: list[Container]) -> list[ServiceReport]:
    """Return a report for each container of each expected service, and for each that is missing."""
    reports = []
    for expectation in expected:
        own = [c for c in containers if c.service == expectation.service]
        reports += [_report(c, *_judge_one(expectation, c)) for c in own[: expectation.replicas]]
        surplus = f"one container too many ({expectation.replicas} asked for)"
        reports += [_report(c, Verdict.WAITING, surplus) for c in own[expectation.replicas :]]
        missing = expectation.replicas - len(own)
        if missing > 0:
            reason = "no container" if not own else f"{missing} of {expectation.replicas} containers missing"
            reports.append(
                ServiceReport(expectation.service, "", "missing", "", None, 0, Verdict.WAITING, reason)
            )
    return reports


def observed(containers: list[Container]) -> list[ServiceReport]:
    """Return a report for each container without judging it."""
    return [_report(c, Verdict.UNJUDGED, "") for c in containers]


def concluded(reports: list[ServiceReport]) -> list[ServiceReport]:
    """Return `reports` as they stand when nothing is waited for any more."""
    return [replace(r, verdict=Verdict.UNSTABLE) if r.verdict is Verdict.WAITING else r for r in reports]


def asks_for_nothing(expected: list[Expectation]) -> bool:
    """Tell whether not a single container is asked for: such an app cannot be well."""
    return not any(expectation.replicas for expectation in expected)


def how_it_ended(container: Container) -> str:
    """Say with which exit code a container ended, and whether for lack of memory."""
    # The engine keeps the mark of an earlier end, also over a good one.
    memory = " (out of memory)" if container.oom_killed and container.exit_code else ""
    return f"exited with {container.exit_code}{memory}"


def restarted(times: int) -> str:
    """Say how often something was restarted."""
    return "restarted once" if times == 1 else f"restarted {times} times"


def _report(container: Container, verdict: Verdict, reason: str) -> ServiceReport:
    return ServiceReport(
        service=container.service,
        container=container.name,
        state=container.state,
        health=container.health,
        exit_code=container.exit_code if container.state in ("exited", "dead", "restarting") else None,
        restarts=container.restarts,
        verdict=verdict,
        reason=reason,
        image=container.image_id,
        oom=container.oom_killed,
    )


def _judge_one(expectation: Expectation, container: Container) -> tuple[Verdict, str]:
    match container.state:
        case "running" if expectation.must_end:
            return Verdict.WAITING, "still runs, should end"
        case "running" if container.health in ("starting", "unhealthy"):
            return Verdict.WAITING, f"health: {container.health}"
        case "running":
            return Verdict.RUNNING, ""
        case "exited" if expectation.may_end and container.exit_code == 0:
            return Verdict.COMPLETED, ""
        case "exited" if expectation.may_end:
            return Verdict.FAILED, _ended(container)
        case "exited" | "restarting":
            return Verdict.WAITING, _ended(container)
        case "dead":
            return Verdict.FAILED, "dead"
        case state:
            return Verdict.WAITING, state


def _ended(container: Container) -> str:
    """Say how a container ended, and how often it was started again."""
    said = how_it_ended(container)
    return f"{said}, {restarted(container.restarts)}" if container.restarts else said


def _replicas(service: dict[str, Any]) -> int:
    # Compose goes by the number whatever deploy.mode says (checked with 2.26: global, replicated-job).
    deploy = service.get("deploy") or {}
    replicas = deploy.get("replicas", service.get("scale"))
    return 1 if replicas is None else int(replicas)


def _restart(service: dict[str, Any]) -> str:
    policy = (service.get("deploy") or {}).get("restart_policy")
    # Where there is one it counts alone; without a condition nothing restarts (checked with Compose 2.26).
    restart = service.get("restart") if policy is None else policy.get("condition")
    return str(restart or "no").partition(":")[0]
