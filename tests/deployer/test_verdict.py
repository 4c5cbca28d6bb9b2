"""The judgement of services: every state that a container can have, against what its file asks."""

from dataclasses import replace

import pytest

from apps.deployer.containers import Container
from apps.deployer.state.app_state import state_of
from apps.deployer.verdict.verdict import Expectation, Verdict, expectations, judge

RUNNING = Container(
    id="1", name="p-web-1", project="p", service="web", state="running", health="", exit_code=0, restarts=0,
    restart_policy="no", image="web:1", image_id="sha256:1", ports=(), oom_killed=False,
)  # fmt: skip
SERVICE = Expectation("web", 1, one_shot=False, must_end=False, may_end=False)
MAY_END = replace(SERVICE, may_end=True)
JOB = Expectation("web", 1, one_shot=True, must_end=True, may_end=True)


@pytest.mark.parametrize(
    ("expectation", "state", "verdict", "reason"),
    [
        (SERVICE, {}, Verdict.RUNNING, ""),
        (SERVICE, {"health": "healthy"}, Verdict.RUNNING, ""),
        (SERVICE, {"health": "starting"}, Verdict.WAITING, "health: starting"),
        (SERVICE, {"health": "unhealthy"}, Verdict.WAITING, "health: unhealthy"),
        (SERVICE, {"state": "created"}, Verdict.WAITING, "created"),
        (SERVICE, {"state": "paused"}, Verdict.WAITING, "paused"),
        (SERVICE, {"state": "dead", "exit_code": 1}, Verdict.FAILED, "dead"),
        (
            SERVICE,
            {"state": "restarting", "exit_code": 7, "restarts": 3},
            Verdict.WAITING,
            "exited with 7, restarted 3 times",
        ),
        (SERVICE, {"state": "exited"}, Verdict.WAITING, "exited with 0"),
        (MAY_END, {}, Verdict.RUNNING, ""),
        (MAY_END, {"state": "exited"}, Verdict.COMPLETED, ""),
        (MAY_END, {"state": "exited", "exit_code": 2}, Verdict.FAILED, "exited with 2"),
        (
            MAY_END,
            {"state": "exited", "exit_code": 137, "oom_killed": True},
            Verdict.FAILED,
            "exited with 137 (out of memory)",
        ),
        (JOB, {}, Verdict.WAITING, "still runs, should end"),
        (JOB, {"state": "exited"}, Verdict.COMPLETED, ""),
        (JOB, {"state": "exited", "exit_code": 3}, Verdict.FAILED, "exited with 3"),
    ],
)
def test_a_container_is_judged_by_its_state(
    expectation: Expectation, state: dict, verdict: Verdict, reason: str
) -> None:
    (report,) = judge([expectation], [replace(RUNNING, **state)])

    assert (report.verdict, report.reason) == (verdict, reason)


def test_a_service_without_containers_is_missing() -> None:
    (report,) = judge([SERVICE], [])

    assert (report.container, report.state, report.verdict) == ("", "missing", Verdict.WAITING)


def test_every_replica_counts() -> None:
    reports = judge([replace(SERVICE, replicas=3)], [RUNNING, replace(RUNNING, name="p-web-2")])

    assert [r.verdict for r in reports] == [Verdict.RUNNING, Verdict.RUNNING, Verdict.WAITING]
    assert reports[-1].reason == "1 of 3 containers missing"


def test_a_service_scaled_to_zero_asks_for_nothing() -> None:
    assert judge([replace(SERVICE, replicas=0)], []) == []


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({}, Expectation("s", 1, False, False, True)),
        ({"restart": "no"}, Expectation("s", 1, True, False, True)),
        ({"restart": "on-failure:3"}, Expectation("s", 1, False, False, True)),
        ({"restart": "always"}, Expectation("s", 1, False, False, False)),
        ({"restart": "unless-stopped"}, Expectation("s", 1, False, False, False)),
        ({"deploy": {"replicas": 4}}, Expectation("s", 4, False, False, True)),
        ({"scale": 2, "restart": "always"}, Expectation("s", 2, False, False, False)),
        ({"deploy": {"replicas": 0}}, Expectation("s", 0, False, False, True)),
        ({"deploy": {"restart_policy": {"condition": "any"}}}, Expectation("s", 1, False, False, False)),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, Expectation("s", 1, False, False, True)),
        # Compose goes by the number also in mode global, and by the whole policy where there is one.
        ({"deploy": {"mode": "global", "replicas": 0}}, Expectation("s", 0, False, False, True)),
        ({"deploy": {"mode": "global", "replicas": 2}}, Expectation("s", 2, False, False, True)),
        (
            {"restart": "always", "deploy": {"restart_policy": {"max_attempts": 3}}},
            Expectation("s", 1, False, False, True),
        ),
    ],
)
def test_what_a_file_asks_of_a_service(service: dict, expected: Expectation) -> None:
    assert expectations({"services": {"s": service}}) == [expected]


def test_a_service_whose_end_others_await_is_a_job() -> None:
    model = {
        "services": {
            "migrate": {"restart": "on-failure"},
            "web": {
                "restart": "always",
                "depends_on": {
                    "migrate": {"condition": "service_completed_successfully"},
                    "db": {"condition": "service_started"},
                },
            },
            "db": {"restart": "always"},
        }
    }

    assert expectations(model) == [
        Expectation("db", 1, False, False, False),
        Expectation("migrate", 1, True, True, True),
        Expectation("web", 1, False, False, False),
    ]


@pytest.mark.parametrize(
    ("containers", "state"),
    [
        ([], "absent"),
        ([{}], "up"),
        ([{}, {"state": "exited"}], "up"),
        ([{"state": "exited"}], "completed"),
        ([{"state": "exited", "restart_policy": "always"}], "stopped"),
        ([{"state": "exited", "exit_code": 137}], "degraded"),
        ([{"state": "exited", "exit_code": 137, "stopped_by_hand": True}], "stopped"),
        ([{"state": "exited", "stopped_by_hand": True}], "stopped"),
        ([{}, {"state": "exited", "exit_code": 1}], "degraded"),
        ([{"health": "unhealthy"}], "degraded"),
        ([{"health": "starting"}], "degraded"),
        ([{"state": "restarting"}], "degraded"),
        ([{"state": "paused"}], "degraded"),
        ([{"state": "created"}], "degraded"),
    ],
)
def test_the_state_of_an_app_follows_from_its_containers(containers: list[dict], state: str) -> None:
    assert state_of([replace(RUNNING, **changes) for changes in containers]).state == state
