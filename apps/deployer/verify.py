"""The step that waits until every service stands as its Compose file asks, or time is up."""

import time
from contextlib import suppress
from itertools import chain, repeat

from apps.deployer.containers import list_containers
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.run import Run, RunCancelled, StepFailed
from apps.deployer.verdict import Expectation, ServiceReport, Verdict, judge
from apps.deployments import queue
from apps.deployments.states import Status

_LOOK_EVERY = (0.1, 0.2, 0.4, 0.8, 1.0)  # seconds between looks, the last for all that follow

_SETTLED = frozenset({Verdict.RUNNING, Verdict.COMPLETED})


def verify(run: Run) -> None:
    """Wait until all services run or have ended as asked, for `App.verify_timeout` seconds at most.

    Raises StepFailed: status failed where a job did not end with 0 or the engine stays away, else
    unstable; and RunCancelled.
    """
    expected = [Expectation(**one) for one in run.event.expected]
    deadline = time.monotonic() + run.app.verify_timeout
    # A crash loop looks well between two crashes.
    calm = run.app.calm_seconds
    calm_since: float | None = None
    calm_restarts = -1
    away = False
    for pause in chain(_LOOK_EVERY, repeat(_LOOK_EVERY[-1])):
        reports = _look(run, expected)
        now = time.monotonic()
        if reports is None:
            # An engine that restarts brings containers back by their restart policies.
            if not away:
                run.log.say("The Docker engine does not answer; waiting for it")
            away, calm_since = True, None
            failure = StepFailed("The Docker engine does not answer.")
        else:
            away = False
            _tell(run, reports)
            failure = _failure(expected, reports, run.app.verify_timeout)
            if any(r.verdict is Verdict.FAILED for r in reports):
                raise failure
            restarts = sum(r.restarts for r in reports)
            if not all(r.verdict in _SETTLED for r in reports):
                calm_since = None
            elif calm_since is None or restarts != calm_restarts:
                calm_since, calm_restarts = now, restarts
                # What is recorded at the end is asked for now, when there is time to wait out anyway.
                with suppress(EngineUnreachable):
                    run.digests(run.containers or [])
            elif now - calm_since >= calm:
                return
        # What stood well in time gets the time to prove it.
        if now >= deadline and (calm_since is None or calm_since >= deadline):
            raise failure
        if calm_since is not None:
            pause = min(pause, max(calm_since + calm - now, 0.0))
        if run.cancel.wait(pause):
            raise RunCancelled


def _look(run: Run, expected: list[Expectation]) -> list[ServiceReport] | None:
    """Return how the services stand now; None while the engine does not answer."""
    try:
        run.containers = list_containers(run.runner, run.project.name, run.cancel)
        return judge(expected, run.containers)
    except EngineUnreachable:
        run.containers = None
        return None


def _tell(run: Run, reports: list[ServiceReport]) -> None:
    """Write the reports into the event, and a line into the log, when they changed."""
    told = [report.as_dict() for report in reports]
    if told != run.event.services:
        queue.advance(run.event, services=told)
        waiting = [f"{r.service} ({r.reason})" for r in reports if r.verdict not in _SETTLED]
        run.log.say("Waiting for " + ", ".join(waiting) if waiting else "All services stand as the file asks")


def _failure(expected: list[Expectation], reports: list[ServiceReport], timeout: int) -> StepFailed:
    jobs = {e.service for e in expected if e.one_shot}
    bad = [r for r in reports if r.verdict not in _SETTLED]
    failed_job = any(r.service in jobs and r.verdict is Verdict.FAILED for r in bad)
    said = "; ".join(f"{r.service}: {r.reason}" for r in bad) or "a service keeps restarting"
    if any(r.verdict is Verdict.FAILED for r in bad):
        return StepFailed(f"{said}.", status=Status.FAILED if failed_job else Status.UNSTABLE)
    return StepFailed(f"Not well after {timeout} seconds: {said}.", status=Status.UNSTABLE)
