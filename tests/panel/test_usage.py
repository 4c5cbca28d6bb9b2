"""The frames about what an app's services use."""

import json
from typing import Any

import pytest

from apps.deployer.state.app_state import AppState
from apps.deployer.state.readings import Reading, Round
from apps.panel.shown import usage as frames
from apps.panel.shown.usage import MAX_SERVICES, usage, usage_frame
from tests.panel.fake_engine import container

MEBIBYTE = 1024 * 1024
MACHINE = {"processors": 4, "memory": 1000 * MEBIBYTE}


def measured(**by_id: tuple[float, int]) -> Round:
    return Round({id_: Reading(cpu, memory) for id_, (cpu, memory) in by_id.items()}, **MACHINE)


def test_services_are_summed_up_with_their_limits() -> None:
    limited = {"memory_limit": 64 * MEBIBYTE, "cpu_limit": 0.5}
    state = AppState(
        "up",
        (
            container("web", id="w1", **limited),
            container("web", id="w2", **limited),
            container("db", id="d1"),
            container("job", id="j1", state="exited", exit_code=0),
        ),
    )

    told = usage(state, measured(w1=(12.34, 10), w2=(0.02, 20), d1=(100.0, 30), other=(50.0, 1000)))

    of_machine = {"cpu_of": 400, "memory_of": 1000 * MEBIBYTE}
    assert told["services"] == {
        "db": {"cpu": 100.0, "cpu_limit": None, "memory": 30, "memory_limit": None, **of_machine},
        "web": {"cpu": 12.4, "cpu_limit": 100.0, "memory": 30, "memory_limit": 128 * MEBIBYTE, **of_machine},
    }
    assert (told["total"]["cpu"], told["total"]["memory"], told["total"]["memory_limit"]) == (112.4, 60, None)
    assert told["key"] == state.services_key


def test_nothing_measured_is_not_nothing_used() -> None:
    state = AppState("up", (container("web", id="w1"),))
    assert usage(state, None) == {"key": state.services_key, "services": None, "total": None}
    # An engine that stalls is measured, but of nothing that runs.
    assert usage(state, measured()) == usage(state, measured(other=(1.0, 1))) == usage(state, None)
    stopped = AppState("stopped", (container("web", id="w1", state="exited"),))
    assert usage(stopped, measured()) == {"key": stopped.services_key, "services": {}, "total": None}


def test_the_key_is_another_one_for_other_containers_alone() -> None:
    web = container("web", id="w1")
    assert AppState("up", (web,)).services_key == AppState("degraded", (web,)).services_key
    assert AppState("up", (web,)).services_key != AppState("up", (container("web", id="w2"),)).services_key


def test_a_frame_is_bounded_however_large_the_app_is(monkeypatch: pytest.MonkeyPatch) -> None:
    containers = tuple(
        container(f"service-{s:04}", id=f"{s}-{n}") for s in range(2 * MAX_SERVICES) for n in range(5)
    )
    state = AppState("up", containers)
    one = measured(**{c.id: (1.0, MEBIBYTE) for c in containers})
    told: dict[str, Any] = usage(state, one)
    assert len(told["services"]) == MAX_SERVICES
    assert told["total"]["memory"] == 10 * MAX_SERVICES * MEBIBYTE
    assert len(json.dumps(told)) < 100_000

    # It is made once for all viewers, and anew for another round or state.
    made: list[str] = []
    stream = type("Stream", (), {"last": one})
    monkeypatch.setattr(frames, "_frames", {})
    monkeypatch.setattr(frames, "app_states", lambda slugs: dict.fromkeys(slugs, state))
    monkeypatch.setattr(frames, "running_usage", lambda: stream)
    monkeypatch.setattr(frames, "usage", lambda *_: made.append("") or {"key": "1"})
    assert usage_frame("big") == usage_frame("big") == '{"type":"usage","key":"1"}'
    assert len(made) == 1
    stream.last = measured()
    usage_frame("big")
    assert len(made) == 2
    for number in range(frames._KEPT + 10):
        usage_frame(f"app-{number}")
    assert len(frames._frames) <= frames._KEPT
