"""The time of calm: whether all stands well long enough, and which service keeps it from that."""

from collections.abc import Iterable
from dataclasses import replace

from apps.deployer.containers import Container
from apps.deployer.verdict import ServiceReport, Verdict, how_it_ended, restarted

_ENDED = frozenset({"exited", "restarting", "dead"})


class Calm:
    """Remembers from look to look since when all stands well without a restart or another container.

    A crash loop looks well between two crashes. Moments are in seconds of one clock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, Container] | None = None
        self._ends: dict[str, str] = {}  # how each container ended last, by its id
        self._disturbed: dict[str, tuple[float, str]] = {}  # when and what, by service
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

    def see(self, now: float, containers: list[Container], reports: list[ServiceReport]) -> dict[str, str]:
        """Take in a look at `now`; return what disturbed the calm since the last one, by service."""
        self.note_ends(containers)
        disturbed = self._disturbances(containers)
        self._disturbed |= {service: (now, what) for service, what in disturbed.items()}
        self._known = {c.id: c for c in containers}
        if not all(report.verdict.is_well for report in reports):
            self.since = None
        elif self.since is None or disturbed:
            self.since = now
        return disturbed

    def begin_anew(self) -> None:
        """Begin anew where the engine did not answer."""
        self.since = None

    def concluded(self, now: float, reports: list[ServiceReport]) -> list[ServiceReport]:
        """Return `reports` with those as unstable that stand well now but broke the calm shortly before."""
        lately = {
            service: what
            for service, (moment, what) in self._disturbed.items()
            if now - moment <= self._seconds
        }
        return [
            replace(report, verdict=Verdict.UNSTABLE, reason=lately[report.service])
            if report.verdict is Verdict.RUNNING and report.service in lately
            else report
            for report in reports
        ]

    def _disturbances(self, containers: list[Container]) -> dict[str, str]:
        if self._known is None:
            return {}
        present = {c.id for c in containers}
        gone = (c.service for c in self._known.values() if c.id not in present)
        disturbed = dict.fromkeys(gone, "its container was replaced")
        for container in containers:
            before = self._known.get(container.id)
            if before and before.state != "created" and _starts(container) != _starts(before):
                disturbed[container.service] = self._restart(container, before)
        return disturbed

    def _restart(self, container: Container, before: Container) -> str:
        end = self._ends.get(container.id)
        if container.restarts <= before.restarts and before.state != "restarting":
            return f"{end}, and was started again" if end else "was started again"
        if end is None and container.oom_killed:
            end = "ran out of memory"
        told = restarted(container.restarts)
        return f"{end}, {told}" if end else told


def _starts(container: Container) -> tuple[str, int]:
    return container.started_at, container.restarts
