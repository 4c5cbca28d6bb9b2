"""The one word for an app, from its containers and what its version asks for."""

from dataclasses import replace
from typing import Any

import pytest

from apps.deployer.state.app_state import UNREACHABLE, state_of, stops_overcome
from apps.deployer.state.baseline import Baseline
from apps.deployer.state.drift import Difference, Kind
from tests.deployer.test_verdict import JOB, MAY_END, RUNNING, SERVICE

MIGRATE = replace(JOB, service="migrate")
WEB = Baseline("shop", version=1, expected=(SERVICE,))
WITH_JOB = replace(WEB, expected=(SERVICE, MIGRATE))
OTHER = replace(RUNNING, service="migrate", name="p-migrate-1")
ENDED = {"state": "exited", "exit_code": 0}
NOT_STARTED = {"state": "exited", "exit_code": 128, "restart_policy": "always", "start_failed": True}
STOPPED = replace(WITH_JOB, stop_event=7)
DIFFERENCE = Difference("web", Kind.CONFIGURATION, "web was made from another configuration.")


@pytest.mark.parametrize(
    ("baseline", "containers", "state"),
    [
        (WEB, [], "absent"),
        (WEB, [RUNNING], "up"),
        (WITH_JOB, [RUNNING, replace(OTHER, **ENDED)], "up"),
        (WITH_JOB, [RUNNING, OTHER], "up"),  # the job is run again
        (replace(WEB, expected=(MIGRATE,)), [replace(OTHER, **ENDED)], "completed"),
        (replace(WEB, expected=(MAY_END,)), [replace(RUNNING, **ENDED)], "completed"),
        # Something is missing, sick, or has ended as it should not.
        (WITH_JOB, [RUNNING], "degraded"),
        (replace(WEB, expected=(replace(SERVICE, replicas=2),)), [RUNNING], "degraded"),
        (WEB, [replace(RUNNING, health="unhealthy")], "degraded"),
        (WITH_JOB, [RUNNING, replace(OTHER, health="unhealthy")], "degraded"),
        (WEB, [replace(RUNNING, state="restarting")], "degraded"),
        (WITH_JOB, [RUNNING, replace(OTHER, state="exited", exit_code=3)], "degraded"),
        (WEB, [replace(RUNNING, state="exited", exit_code=1)], "degraded"),
        (WEB, [replace(RUNNING, state="created")], "degraded"),
        # One too many is drift, and what belongs to nobody counts for nothing.
        (WEB, [RUNNING, replace(RUNNING, name="p-web-2")], "up"),
        (WEB, [RUNNING, replace(OTHER, state="exited", exit_code=3)], "up"),
        # Stopped on purpose: by the panel, by hand, or it would run again.
        (STOPPED, [replace(RUNNING, **ENDED), replace(OTHER, **ENDED)], "stopped"),
        (STOPPED, [replace(RUNNING, state="exited", exit_code=137), replace(OTHER, **ENDED)], "stopped"),
        (WITH_JOB, [replace(RUNNING, stopped_by_hand=True, **ENDED), replace(OTHER, **ENDED)], "stopped"),
        (WEB, [replace(RUNNING, restart_policy="unless-stopped", **ENDED)], "stopped"),
        # It would not run again: its last start failed. Who is seen to stop it has stopped it nevertheless.
        (WEB, [replace(RUNNING, **NOT_STARTED)], "degraded"),
        (WEB, [replace(RUNNING, stopped_by_hand=True, **NOT_STARTED)], "stopped"),
        (STOPPED, [replace(RUNNING, **NOT_STARTED), replace(OTHER, **ENDED)], "stopped"),
        (WITH_JOB, [OTHER, replace(RUNNING, **NOT_STARTED)], "degraded"),
        (STOPPED, [RUNNING, replace(OTHER, **ENDED)], "up"),  # somebody started it by hand
    ],
)
def test_the_state_follows_from_what_is_asked_for(
    baseline: Baseline, containers: list[Any], state: str
) -> None:
    assert state_of(containers, baseline).state == state


def test_a_stop_explains_nothing_after_something_ran_again() -> None:
    crashed = [replace(RUNNING, state="exited", exit_code=1), replace(OTHER, **ENDED)]

    ran = stops_overcome([RUNNING, OTHER], STOPPED)
    assert ran == {"": 7, "web": 7, "migrate": 7}
    assert state_of(crashed, STOPPED, ran_since=ran).state == "degraded"
    assert state_of(crashed, STOPPED, ran_since=dict.fromkeys(ran, 6)).state == "stopped"


DB = replace(RUNNING, service="db", name="p-db-1")
TWO = replace(WEB, expected=(SERVICE, replace(SERVICE, service="db")))
WEB_STOPPED = replace(TWO, service_stops={"web": 8})
KILLED = {"state": "exited", "exit_code": 137}


@pytest.mark.parametrize(
    ("baseline", "containers", "state"),
    [
        (WEB_STOPPED, [replace(RUNNING, **KILLED), DB], "partial"),
        (WEB_STOPPED, [RUNNING, DB], "up"),  # somebody started it by hand
        (WEB_STOPPED, [replace(RUNNING, **KILLED), replace(DB, **KILLED)], "degraded"),
        (WEB_STOPPED, [replace(RUNNING, **KILLED), replace(DB, health="unhealthy")], "degraded"),
        (WEB_STOPPED, [replace(RUNNING, **KILLED)], "degraded"),  # the other one is missing
        # By hand, or because it would run again.
        (TWO, [replace(RUNNING, stopped_by_hand=True, **KILLED), DB], "partial"),
        (TWO, [replace(RUNNING, restart_policy="always", **KILLED), DB], "partial"),
        # One of two containers is no stopped service.
        (WEB_STOPPED, [RUNNING, replace(RUNNING, name="p-web-2", **KILLED), DB], "degraded"),
        # What ends by itself with 0 was stopped nevertheless; a job has done its work.
        (
            replace(TWO, expected=(MAY_END, TWO.expected[1]), service_stops={MAY_END.service: 8}),
            [replace(RUNNING, **ENDED), DB],
            "partial",
        ),
        (
            replace(TWO, expected=(SERVICE, MIGRATE), service_stops={"migrate": 8}),
            [RUNNING, replace(OTHER, **ENDED)],
            "up",
        ),
        # All was stopped, then one of them started.
        (
            replace(TWO, stop_event=7, service_stops={"web": None}),
            [RUNNING, replace(DB, **KILLED)],
            "partial",
        ),
        # One after the other.
        (
            replace(TWO, service_stops={"web": 8, "db": 9}),
            [replace(RUNNING, **KILLED), replace(DB, **KILLED)],
            "stopped",
        ),
    ],
)
def test_a_service_that_was_stopped_is_no_fault(
    baseline: Baseline, containers: list[Any], state: str
) -> None:
    assert state_of(containers, baseline).state == state


def test_a_stop_of_a_service_explains_nothing_after_it_ran_again() -> None:
    crashed = [replace(RUNNING, **KILLED), DB]
    ran = stops_overcome([RUNNING, DB], WEB_STOPPED)

    assert ran == {"web": 8}
    assert state_of(crashed, WEB_STOPPED, ran_since=ran).state == "degraded"


def test_differences_make_what_is_well_drifted_and_nothing_else() -> None:
    def state(*containers: Any) -> str:
        return state_of(list(containers), WEB, (DIFFERENCE,)).state

    assert state(RUNNING) == "drifted"
    assert state(replace(RUNNING, health="unhealthy")) == "degraded"
    assert state(replace(RUNNING, stopped_by_hand=True, **ENDED)) == "stopped"
    assert state() == "absent"
    assert state_of([RUNNING], WEB, (DIFFERENCE,)).fingerprint


def test_an_event_comes_first_but_for_an_engine_that_is_away() -> None:
    busy = state_of([RUNNING], WEB, (DIFFERENCE,)).with_event()

    assert (busy.state, busy.settled, busy.differences) == ("deploying", "drifted", ())
    assert UNREACHABLE.with_event() == UNREACHABLE
