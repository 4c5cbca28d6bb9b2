"""The time of calm: whether all stands well long enough, and which service keeps it from that."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.deployer.containers import Container
from apps.deployer.verdict.verdict import ServiceReport, Verdict, how_it_ended, restarted

_ENDED = frozenset({"exited", "restarting", "dead"})


@dataclass(frozen=True)
class _Disturbance:
    moment: float
    container: Container  # as it was found, or as it was where it is gone
    by: str  # engine, somebody, replacement


class Calm:
    """Remembers from look to look since when all stands well without a restart or another container.

    A crash loop looks well between two crashes. Moments are in seconds of one clock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, Container] | None = None
        self._ends: dict[str, str] = {}  # how each container ended last, by its id
        self._disturbances: dict[str, _Disturbance] = {}  # the last one of each service
        self._last_unwell: dict[str, str] = {}  # what was waited for when not all stood well
        self._looked = float("-inf")
        self.since: float | None = None

    @property
    def until(self) -> float:
        """When the time of calm is over, if all stands well; else never."""
        return float("inf") if self.since is None else self.since + self._seconds

    def note_ends(self, containers: Iterable[Container]) -> None:
        """Keep how those of `containers` ended that have: the next look may find them running again."""
        for container in containers:
            if container.state in _ENDED:
                self._ends[container.id] = how_it_ended(container)
            elif container.last_exit is not None:
                self._ends[container.id] = how_it_ended(replace(container, exit_code=container.last_exit))

    def see(self, now: float, containers: list[Container], reports: list[ServiceReport]) -> dict[str, str]:
        """Take in a look at `now`; return what disturbed the calm since the last one, by service."""
        self.note_ends(containers)
        disturbances = self._find(now, containers)
        self._disturbances |= disturbances
        self._known = {c.id: c for c in containers}
        self._looked = now
        unwell = {report.service: report.reason for report in reports if not report.verdict.is_well}
        if unwell:
            self.since, self._last_unwell = None, unwell
        elif self.since is None or disturbances:
            self.since = now
        return {service: self._said(one) for service, one in disturbances.items()}

    def begin_anew(self) -> None:
        """Forget the calm so far and what was waited for, as the engine did not answer."""
        self.since, self._last_unwell = None, {}

    @property
    def culprits(self) -> dict[str, str]:
        """Who broke the calm within its time before the last look, and how, by service."""
        since = self._looked - self._seconds
        lately = (item for item in self._disturbances.items() if item[1].moment >= since)
        return {service: self._said(one) for service, one in lately}

    @property
    def is_explained(self) -> bool:
        """Whether it is known how each container ended that the engine started again."""
        return all(
            one.by != "engine" or one.container.id in self._ends for one in self._disturbances.values()
        )

    @property
    def last_unwell(self) -> dict[str, str]:
        """What was waited for at the last look at which not all stood well, by service."""
        return self._last_unwell

    def concluded(self, reports: list[ServiceReport]) -> list[ServiceReport]:
        """Return `reports` with those as unstable that run well at the last look but broke the calm."""
        culprits = self.culprits
        return [
            replace(report, verdict=Verdict.UNSTABLE, reason=culprits[report.service])
            if report.verdict is Verdict.RUNNING and report.service in culprits
            else report
            for report in reports
        ]

    def _find(self, now: float, containers: list[Container]) -> dict[str, _Disturbance]:
        if self._known is None:
            return {}
        present = {c.id for c in containers}
        gone = (c for c in self._known.values() if c.id not in present)
        found = {c.service: _Disturbance(now, c, "replacement") for c in gone}
        for container in containers:
            before = self._known.get(container.id)
            if before and before.state != "created" and _starts(container) != _starts(before):
                again = container.restarts > before.restarts or before.state == "restarting"
                found[container.service] = _Disturbance(now, container, "engine" if again else "somebody")
        return found

    def _said(self, disturbance: _Disturbance) -> str:
        container, by = disturbance.container, disturbance.by
        end = self._ends.get(container.id)
        if by == "replacement":
            return "its container was replaced"
        if by == "somebody":
            return f"{end}, and was started again" if end else "was started again"
        if end is None and container.oom_killed:
            end = "ran out of memory"
        told = restarted(container.restarts)
        return f"{end}, {told}" if end else told


def _starts(container: Container) -> tuple[str, int]:
    return container.started_at, container.restarts
