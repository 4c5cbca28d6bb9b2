"""The step that waits until every service stands as its Compose file asks, or time is up."""

import time
from collections.abc import Iterable
from contextlib import suppress

from apps.deployer.containers import Container, list_containers
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.run import Run, RunCancelled, StepFailed
from apps.deployer.state.feed import EngineFeed, engine_feed
from apps.deployer.verdict.calm import Calm
from apps.deployer.verdict.verdict import ServiceReport, Verdict, asks_for_nothing, concluded, judge
from apps.deployments import claims
from apps.deployments.states import Action, Status

_LOOK_AGAIN = 1.0  # seconds between looks at an engine that does not answer
_EXPLANATION = 1.0  # seconds at most for the engine to tell how a container ended
_KILLED = 137  # exit code after SIGKILL, which is also how lack of memory ends a program


def verify(run: Run) -> None:
    """Wait until all services run or have ended as asked, for `App.verify_timeout` seconds at most.

    What stood well within that time gets `App.calm_seconds` to prove it. Where the engine was away, both
    begin anew, the first only once. `Run.reports` then holds how the services stand. Raises StepFailed:
    status failed where a job did not end with 0 or the engine stays away, else unstable; and RunCancelled.
    """
    if asks_for_nothing(run.expected) and run.event.action != Action.SCALE:
        raise StepFailed("No container is asked for, so nothing of the app runs", status=Status.UNSTABLE)
    with engine_feed(run.runner) as feed:
        _Vigil(run, feed).keep()


class _Vigil:
    """One wait for the services of an app. The feed says when to look; each look asks the engine itself.

    What the feed holds may be older than the `up` that has just ended.
    """

    def __init__(self, run: Run, feed: EngineFeed) -> None:
        self._run, self._feed, self._expected = run, feed, run.expected
        self._deadline = time.monotonic() + run.app.verify_timeout
        self._was_away = False  # the engine, at any look
        self._calm = Calm(run.app.calm_seconds)
        self._in_time = False  # whether the calm, if all stands well, began before the deadline
        self._said = ""

    def keep(self) -> None:
        """Look, and sleep until something changes or a time is over, until the verdict is clear."""
        while True:
            # Not when the answer is there: that may take longer than the time of calm.
            looked = time.monotonic()
            seen, fed = self._feed.generation, self._feed.of(self._run.project.name)
            reports = self._look(fed or [], looked)
            if self._run.cancel.cancelled:
                raise RunCancelled
            if reports and _failed(reports):
                if failed := _failed(self._explained(seen, reports)):
                    raise self._ended_badly(failed)
                continue  # somebody has started it again
            # What stood well in time gets the time to prove it.
            is_well = self._calm.since is not None and self._in_time
            end = self._calm.until if is_well else self._deadline
            if looked >= end and is_well:
                return
            if looked >= end:
                raise self._timed_out(seen)
            self._sleep(seen, fed, end if reports is not None else min(end, looked + _LOOK_AGAIN))

    def _look(self, fed: list[Container], asked: float) -> list[ServiceReport] | None:
        """Ask the engine, as of `asked`, how the services stand, and tell; None while it does not answer."""
        run = self._run
        try:
            run.containers = list_containers(run.runner, run.project.name, run.cancel)
        except EngineUnreachable:
            run.containers = run.reports = None
            self._calm.begin_anew()
            # An engine that restarts brings containers back by their restart policies, which takes its time.
            if not self._was_away:
                self._was_away, self._deadline = True, time.monotonic() + run.app.verify_timeout
            self._say("The Docker engine does not answer; waiting for it")
            return None
        run.reports = judge(self._expected, run.containers)
        # Between two looks a container may end and start again; the feed may have seen the end.
        self._calm.note_ends(fed)
        since = self._calm.since
        disturbed = self._calm.see(time.monotonic(), run.containers, run.reports)
        if self._calm.since != since:
            self._in_time = asked < self._deadline
        self._tell(run.reports, disturbed)
        if self._calm.since is not None and since is None:
            # What is recorded at the end is asked for now, when there is time to wait out anyway.
            with suppress(EngineUnreachable):
                run.digests(run.containers)
        return run.reports

    def _sleep(self, seen: int, fed: list[Container] | None, until: float) -> None:
        """Wait until the feed holds something else of the app than `fed`, or `until`."""
        while (left := until - time.monotonic()) > 0:
            seen = self._feed.wait(seen, left, self._run.cancel)
            if self._run.cancel.cancelled:
                raise RunCancelled
            if self._feed.of(self._run.project.name) != fed:
                return

    def _tell(self, reports: list[ServiceReport], disturbed: dict[str, str]) -> None:
        """Write the reports into the event where they changed, and what is waited for into the log."""
        told = [report.as_dict() for report in reports]
        if told != self._run.event.services:
            claims.advance(self._run.event, services=told)
        waiting = dict.fromkeys(f"{r.service} ({r.reason})" for r in reports if not r.verdict.is_well)
        calm = f"{self._run.app.calm_seconds} s"
        if waiting:
            self._say("Waiting for " + ", ".join(waiting))
        elif disturbed:
            self._say(f"{_listed(disturbed.items())}; watching for {calm} anew")
        else:
            self._say(f"All services stand as the file asks; watching for {calm} that they stay so")

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._run.log.say(sentence)

    def _explained(self, seen: int, reports: list[ServiceReport]) -> list[ServiceReport]:
        """Return how the services stand when it is told why one was killed, or `reports` where nothing comes.

        The engine may tell that memory ran out after the end by it (containerd#12260).
        """
        patience = time.monotonic() + _EXPLANATION
        while any(one.exit_code == _KILLED and not one.oom for one in _failed(reports)):
            left = patience - time.monotonic()
            if left <= 0:
                break
            seen = self._feed.wait(seen, left, self._run.cancel)
            if self._run.cancel.cancelled:
                raise RunCancelled
            fed = self._feed.of(self._run.project.name) or []
            reports = self._look(fed, time.monotonic()) or reports
        self._run.reports = reports
        return reports

    def _ended_badly(self, bad: list[ServiceReport]) -> StepFailed:
        jobs = {e.service for e in self._expected if e.one_shot}
        is_job = any(report.service in jobs for report in bad)
        return StepFailed(_reasons(bad), status=Status.FAILED if is_job else Status.UNSTABLE)

    def _timed_out(self, seen: int) -> StepFailed:
        run, calm = self._run, self._calm
        if run.reports is None:
            return StepFailed("The Docker engine does not answer.")
        # How a container ended is on its way: the engine tells it before it starts it again.
        patience = time.monotonic() + _EXPLANATION
        while not calm.is_explained and (left := patience - time.monotonic()) > 0:
            seen = self._feed.wait(seen, left, run.cancel)
            if run.cancel.cancelled:
                raise RunCancelled
            calm.note_ends(self._feed.of(run.project.name) or [])
        stood_well = all(report.verdict.is_well for report in run.reports)
        run.reports = concluded(calm.concluded(run.reports))
        said = _reasons([report for report in run.reports if not report.verdict.is_well])
        if not stood_well:
            return StepFailed(f"Not well after {run.app.verify_timeout} s: {said}", Status.UNSTABLE)
        if said:
            return StepFailed(f"Not calm for {run.app.calm_seconds} s: {said}", Status.UNSTABLE)
        last = _listed(calm.last_unwell.items()) or "the Docker engine did not answer"
        return StepFailed(f"Well only after {run.app.verify_timeout} s; before that {last}", Status.UNSTABLE)


def _failed(reports: Iterable[ServiceReport]) -> list[ServiceReport]:
    return [report for report in reports if report.verdict is Verdict.FAILED]


def _reasons(reports: list[ServiceReport]) -> str:
    return _listed((report.service, report.reason) for report in reports)


def _listed(reasons: Iterable[tuple[str, str]]) -> str:
    """Return each service with its reason, those that are alike only once."""
    return "; ".join(dict.fromkeys(f"{service}: {reason}" for service, reason in reasons))
