"""The one word for an app, from its containers and what its version asks for."""

from dataclasses import replace
from typing import Any

import pytest

from apps.deployer.state.app_state import UNREACHABLE, state_of
from apps.deployer.state.baseline import Baseline
from apps.deployer.state.drift import Difference, Kind
from tests.deployer.test_verdict import JOB, MAY_END, RUNNING, SERVICE

MIGRATE = replace(JOB, service="migrate")
WEB = Baseline("shop", version=1, expected=(SERVICE,))
WITH_JOB = replace(WEB, expected=(SERVICE, MIGRATE))
OTHER = replace(RUNNING, service="migrate", name="p-migrate-1")
ENDED = {"state": "exited", "exit_code": 0}
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
        (STOPPED, [RUNNING, replace(OTHER, **ENDED)], "up"),  # somebody started it by hand
    ],
)
def test_the_state_follows_from_what_is_asked_for(
    baseline: Baseline, containers: list[Any], state: str
) -> None:
    assert state_of(containers, baseline).state == state


def test_a_stop_explains_nothing_after_something_ran_again() -> None:
    crashed = [replace(RUNNING, state="exited", exit_code=1), replace(OTHER, **ENDED)]

    assert state_of(crashed, STOPPED, ran_since=7).state == "degraded"
    assert state_of(crashed, STOPPED, ran_since=6).state == "stopped"


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
