"""`manage.py app drift`, and what of the rows an app is held against."""

from typing import Any

import pytest

from apps.accounts.actor import Actor
from apps.deployer.cli import app_drift
from apps.deployer.state.app_state import ABSENT, UNREACHABLE, AppState
from apps.deployer.state.baseline import read_baselines
from apps.deployer.state.drift import Difference, Kind
from apps.deployments import queue
from apps.deployments.states import Action, Status
from tests.deployer.command_line import BY, Manage, make_app, manage
from tests.panel.admin_records import make_event

__all__ = ["manage"]
pytestmark = pytest.mark.django_db
CONFIGURATION = Difference("web", Kind.CONFIGURATION, "web was made from another configuration.")
DRIFTED = AppState("drifted", (), (CONFIGURATION,))


def state_is(monkeypatch: pytest.MonkeyPatch, state: AppState) -> None:
    monkeypatch.setattr(app_drift, "app_states", lambda slugs: dict.fromkeys(slugs, state))


def test_drift_exits_1_and_names_the_differences(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    make_app()
    state_is(monkeypatch, DRIFTED)

    assert manage("app", "drift", "shop").out == f"{CONFIGURATION.text}\n"
    done = manage("app", "drift", "shop", "--json")
    assert done.code == 1
    assert done.json == {
        "app": "shop",
        "version": 1,
        "state": "drifted",
        "differences": [{"service": "web", "kind": "configuration", "text": CONFIGURATION.text}],
    }


def test_no_drift_exits_0(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    make_app()
    state_is(monkeypatch, AppState("up"))

    done = manage("app", "drift", "shop")

    assert (done.code, done.out) == (0, "")
    assert "as version 1 left it" in done.err


def test_while_an_event_waits_nothing_is_claimed(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    app, version = make_app()
    queue.enqueue(app, Action.STOP, BY, version=version)
    state_is(monkeypatch, DRIFTED)

    done = manage("app", "drift", "shop")

    assert (done.code, done.out) == (0, "")
    assert "ask again when it has ended" in done.err


@pytest.mark.parametrize(("slug", "state"), [("shop", UNREACHABLE), ("nope", ABSENT)])
def test_what_cannot_be_told_is_refused(
    manage: Manage, monkeypatch: pytest.MonkeyPatch, slug: str, state: AppState
) -> None:
    make_app()
    state_is(monkeypatch, state)
    assert manage("app", "drift", slug).code == 2


WEB = {"service": "web", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}


def test_the_baselines_of_all_apps_take_three_queries(django_assert_num_queries: Any) -> None:
    for number in range(30):
        app, version = make_app(f"app-{number}")
        make_event(app, version=version, expected=[WEB], config_hashes={"web": "1a"}, step="record")
        make_event(app, version=version, action=Action.STOP, arguments={"services": ["web"]})
    with django_assert_num_queries(3):
        found = read_baselines()

    assert len(found) == 30
    assert {one.config_hashes["web"] for one in found.values()} == {"1a"}


def test_a_baseline_is_of_the_last_event_that_shaped_the_app() -> None:
    app, version = make_app()
    image = {"image": "web:1", "id": "sha256:1", "digest": "", "also": ["sha256:2"], "pinned": "web@sha256:1"}
    make_event(app, version=version, expected=[WEB], config_hashes={"web": "1a"}, images={"web": image})
    # Neither of these has touched a container.
    make_event(app, version=version, step="pull", status=Status.FAILED)
    make_event(app, version=version, action=Action.PULL)
    make_event(app, version=version, action=Action.STOP, status=Status.CANCELLED, started_at=None)

    found = read_baselines(["shop"])["shop"]

    assert (found.version, found.expected[0].service, found.config_hashes) == (1, "web", {"web": "1a"})
    assert (found.image_ids, found.pins) == (
        {"web": frozenset({"sha256:1", "sha256:2"})},
        {"web": "web@sha256:1"},
    )
    assert (found.busy, found.stop_event) == (False, None)


def test_a_baseline_knows_that_an_event_waits_and_that_the_last_was_a_stop() -> None:
    app, version = make_app()
    make_event(app, version=version, expected=[WEB])
    stop = make_event(app, version=version, action=Action.STOP)
    assert read_baselines()["shop"].stop_event == stop.pk

    queue.enqueue(app, Action.START, Actor("ada", "command line"), version=version)
    assert read_baselines()["shop"].busy
    assert read_baselines()["shop"].stop_event == stop.pk

    make_event(app, version=version, action=Action.START)
    assert read_baselines()["shop"].stop_event is None


def test_a_baseline_knows_what_was_done_last_to_each_service() -> None:
    app, version = make_app()
    make_event(app, version=version, expected=[WEB])

    def after(action: Action, **arguments: Any) -> tuple[int | None, int | None, int]:
        event = make_event(app, version=version, action=action, arguments=arguments)
        found = read_baselines(["shop"])["shop"]
        return found.stop_of("web"), found.stop_of("db"), event.pk

    web, db, stop = after(Action.STOP, services=["web"])
    assert (web, db) == (stop, None)
    web, db, of_all = after(Action.STOP)
    assert (web, db) == (of_all, of_all)
    web, db, _scale = after(Action.SCALE, scale={"web": 2})
    assert (web, db) == (None, of_all)
    assert read_baselines()["shop"].stop_event == of_all
    web, db, stop = after(Action.STOP, services=["db", "web"])
    assert (web, db) == (stop, stop)
    web, db, _restart = after(Action.RESTART, services=["web"])
    assert (web, db) == (None, stop)
    make_event(app, version=version, action=Action.STOP, arguments={"services": ["web"]}, started_at=None)
    assert read_baselines()["shop"].stop_of("web") is None
    web, db, _deploy = after(Action.DEPLOY)
    assert (web, db) == (None, None)
