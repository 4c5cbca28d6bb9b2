"""What an app's page says of each service, from its containers and what the file asks for."""

from typing import Any

import pytest

from apps.deployer.state.app_state import AppState, ServiceState
from apps.deployments.models import DeployEvent
from apps.panel.shown.services import MAX_LISTED, ServiceRow, service_rows, summary
from tests.panel.fake_engine import container

DIGEST = "sha256:" + "d" * 64
ID = "sha256:" + "1" * 64


def asked(service: str, **fields: Any) -> dict[str, Any]:
    defaults = {"replicas": 1, "one_shot": False, "must_end": False, "may_end": False}
    return {"service": service, **defaults, **fields}


def rows(state: AppState, *expected: dict[str, Any], **images: dict[str, str]) -> list[ServiceRow]:
    return service_rows(state, DeployEvent(expected=list(expected), images=images), "panel.example.com")


def one_row(*containers: ServiceState, **fields: Any) -> ServiceRow:
    """Return the row of the service web, of which the file asks `fields`."""
    (row,) = rows(AppState("up", containers), asked("web", **fields))
    return row


def test_a_service_counts_its_containers_and_groups_them_by_what_they_do() -> None:
    well = [container("web", container=f"w-{n}", health="healthy") for n in range(48)]
    sick = [container("web", container=f"s-{n}", state="restarting", restarts=n, last_exit=3) for n in (4, 7)]

    row = one_row(*well, *sick, replicas=50)

    assert (row.running, row.wanted) == (48, 50)
    assert [(s.count, s.state, s.health) for s in row.standings] == [
        (48, "running", "healthy"),
        (2, "restarting", ""),
    ]
    assert row.troubles == ["restarted 7 times", "last ended with exit code 3"]
    # Those that need a look are named first, and not all fifty.
    assert [c.container for c in row.listed[:2]] == ["s-4", "s-7"]
    assert (len(row.listed), row.unlisted) == (MAX_LISTED, 40)
    assert (row.can_stop, row.can_start) == (True, False)


def test_an_image_is_told_by_its_digest_or_else_by_its_id() -> None:
    state = AppState("up", (container("web", image_id=ID),))
    recorded = {"image": "nginx:alpine", "id": ID, "digest": f"nginx@{DIGEST}"}

    def image(state: AppState, **images: dict[str, str]) -> tuple[str, str, bool]:
        (shown,) = rows(state, asked("web"), **images)[0].images
        return shown.name, shown.identity, shown.is_digest

    assert image(state, web=recorded) == ("nginx:alpine", DIGEST, True)
    # Another one than was recorded, or one that no registry knows.
    assert image(state, web=recorded | {"id": "sha256:2"}) == ("nginx:alpine", ID, False)
    assert image(state, web=recorded | {"digest": ""}) == ("nginx:alpine", ID, False)
    pinned = AppState("up", (container("web", image=f"nginx@{DIGEST}", image_id=ID),))
    assert image(pinned) == ("nginx", DIGEST, True)
    assert rows(state, asked("web"), web=recorded)[0].images[0].short == "d" * 12


def test_it_tells_since_when_a_service_runs() -> None:
    early, late = "2026-03-01T10:00:00.123456789Z", "2026-03-01T12:30:00Z"
    both = one_row(container("web", started_at=early), container("web", started_at=late), replicas=2)
    assert both.newest is not None
    assert both.oldest is not None
    assert (both.newest.hour, both.oldest.hour) == (12, 10)
    for ended in (
        container("web", state="exited", exit_code=1, started_at=early),
        container("web", started_at="0001-01-01T00:00:00Z"),
        container("web", started_at="never"),
    ):
        row = one_row(ended)
        assert (row.newest, row.oldest) == (None, None)


@pytest.mark.parametrize(
    ("state", "can_start", "can_stop"),
    [
        ("running", False, True),
        ("restarting", False, True),
        ("paused", False, True),
        ("exited", True, False),
        ("created", True, False),
        ("removing", False, False),
    ],
)
def test_it_offers_what_can_be_done(state: str, can_start: bool, can_stop: bool) -> None:
    row = one_row(container("web", state=state))
    assert (row.can_start, row.can_stop) == (can_start, can_stop)
    # Compose knows no service that is not in the file.
    (foreign,) = rows(AppState("up", (container("web", state=state),)))
    assert (foreign.can_start, foreign.can_stop) == (False, False)


def test_a_service_that_was_stopped_on_purpose_is_told_as_such() -> None:
    web = container("web", state="exited", exit_code=137, restarts=2, last_exit=137, oom_killed=True)
    state = AppState("partial", (web, container("db")), stopped=frozenset({"web"}))

    found = rows(state, asked("db"), asked("web"))

    assert [(s.state, s.exit_code) for s in found[1].standings] == [("stopped", None)]
    assert found[1].troubles == []
    assert summary(found) == "1 service well, 1 stopped"


def test_memory_that_ran_out_is_told() -> None:
    row = one_row(container("web", state="exited", exit_code=137, oom_killed=True))
    assert row.troubles == ["ran out of memory"]


def test_the_summary_counts_and_names() -> None:
    job = container("job", state="exited", exit_code=0)
    expected = (asked("job", one_shot=True, may_end=True), asked("off", replicas=0), asked("web", replicas=2))
    web = container("web")

    def said(*containers: ServiceState, more: tuple[dict[str, Any], ...] = ()) -> str:
        return summary(rows(AppState("up", containers), *expected, *more))

    assert said(job, web, web) == "2 services, all well"
    assert said(job, web) == "1 of 2 services well, not web"
    assert said(container("job", state="exited", exit_code=1), web, web) == "1 of 2 services well, not job"
    assert said(job, web, container("web", health="starting")) == "1 of 2 services well, not web"
    many = tuple(asked(f"s{n}") for n in range(6))
    assert said(job, web, web, more=many) == "2 of 8 services well, not s0, s1, s2 and 3 more"
    assert summary([]) == "0 services, all well"
