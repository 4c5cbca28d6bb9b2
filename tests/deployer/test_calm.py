"""The time of calm: what begins it, what breaks it, and whom it names."""

from dataclasses import replace

import pytest

from apps.deployer.containers import Container
from apps.deployer.verdict.calm import Calm
from apps.deployer.verdict.verdict import Expectation, ServiceReport, Verdict, judge
from tests.deployer.test_verdict import RUNNING

WEB = replace(RUNNING, started_at="1")
DB = replace(RUNNING, id="2", name="p-db-1", service="db", started_at="1")
EXPECTED = [Expectation("web", 1, False, False, False), Expectation("db", 1, False, False, False)]


def look(calm: Calm, now: float, *containers: Container) -> tuple[dict[str, str], list[ServiceReport]]:
    """Let `calm` see `containers`; return what disturbed it, and the reports that it saw."""
    reports = judge(EXPECTED, list(containers))
    return calm.see(now, list(containers), reports), reports


def test_it_begins_when_all_stand_well_and_lasts_its_seconds() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, replace(DB, health="starting"))
    assert calm.since is None
    assert calm.until == float("inf")

    look(calm, 2, WEB, DB)
    look(calm, 4, WEB, DB)

    assert (calm.since, calm.until) == (2, 7)


def test_it_ends_when_a_service_is_no_longer_well() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)

    disturbed, _ = look(calm, 3, replace(WEB, health="unhealthy"), DB)

    assert disturbed == {}
    assert calm.since is None


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"restarts": 1, "started_at": "2"}, "restarted once"),
        ({"restarts": 3, "started_at": "2"}, "restarted 3 times"),
        ({"restarts": 2, "oom_killed": True}, "ran out of memory, restarted 2 times"),
        ({"started_at": "2"}, "was started again"),
        ({"id": "9", "started_at": "2"}, "its container was replaced"),
    ],
)
def test_a_service_that_runs_at_every_look_still_breaks_it(changed: dict, what: str) -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)

    disturbed, _ = look(calm, 3, replace(WEB, **changed), DB)

    assert disturbed == {"web": what}
    assert (calm.since, calm.until) == (3, 8)


@pytest.mark.parametrize("fed", [True, False])
def test_how_it_ended_is_remembered_when_it_runs_again(fed: bool) -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)
    ended = replace(WEB, state="restarting", exit_code=7, restarts=1)
    if fed:
        calm.note_ends([ended])
    else:
        look(calm, 2, ended, DB)

    disturbed, reports = look(calm, 3, replace(WEB, restarts=1, started_at="2"), DB)

    assert disturbed == {"web": "exited with 7, restarted once"}
    web = next(r for r in calm.concluded(reports) if r.service == "web")
    assert (web.verdict, web.reason) == (Verdict.UNSTABLE, "exited with 7, restarted once")


def test_an_end_that_is_told_later_explains_a_restart_that_was_seen() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)
    disturbed, reports = look(calm, 2, replace(WEB, restarts=1, started_at="2"), DB)
    assert disturbed == {"web": "restarted once"}
    assert not calm.is_explained

    calm.note_ends([replace(WEB, restarts=1, started_at="2", last_exit=7)])

    assert calm.is_explained
    assert calm.culprits == {"web": "exited with 7, restarted once"}
    assert calm.concluded(reports)[0].reason == "exited with 7, restarted once"


def test_somebody_who_starts_a_container_again_is_told_apart_from_a_restart() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)
    look(calm, 2, replace(WEB, state="exited", exit_code=137), DB)

    disturbed, _ = look(calm, 3, replace(WEB, started_at="2"), DB)

    assert disturbed == {"web": "exited with 137, and was started again"}


def test_what_was_waited_for_last_is_remembered() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, replace(DB, health="starting"))
    look(calm, 2, WEB, DB)

    assert calm.last_unwell == {"db": "health: starting"}


def test_only_who_broke_it_lately_is_named() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)
    look(calm, 2, replace(WEB, restarts=1), DB)
    _, reports = look(calm, 10, replace(WEB, restarts=1), replace(DB, restarts=1))

    assert {r.service: r.reason for r in calm.concluded(reports)} == {"web": "", "db": "restarted once"}


def test_a_first_start_and_a_finished_job_disturb_nobody() -> None:
    calm = Calm(5)
    look(calm, 1, replace(WEB, state="created", started_at=""), DB)
    assert look(calm, 2, WEB, DB)[0] == {}

    job = [Expectation("web", 1, True, True, True)]
    ended = [replace(WEB, state="exited")]
    assert calm.see(3, [*ended, DB], judge(job, ended)) == {}
    assert calm.since == 2


def test_it_begins_anew_where_the_engine_did_not_answer() -> None:
    calm = Calm(5)
    look(calm, 1, WEB, DB)
    calm.begin_anew()
    look(calm, 4, WEB, DB)

    assert calm.since == 4
