"""The list of apps, and the row that a live page fetches anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.applications.content import Content
from apps.applications.models import App
from apps.deployer.state.app_state import UNREACHABLE, AppState
from apps.deployments.states import Action, Status
from apps.panel.views.editor import EXAMPLE
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]


def queue_event(app: App, action: Action = Action.DEPLOY, **columns: Any) -> Any:
    now = timezone.now()
    unended = {"status": Status.QUEUED, "started_at": None, "finished_at": None}
    return make_event(app, at=now, action=action, **unended | columns)


def test_it_shows_state_and_last_event_with_its_person(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    app = make_app(name="Web shop")
    fake_engine.states["shop"] = AppState("up")
    make_event(app, at=timezone.now() - timedelta(hours=2), requested_by="grace", action=Action.RESTART)

    page = text(client, "/")

    assert "Web shop" in page
    assert "<span>Up</span>" in page
    assert "Restart" in page
    assert "by grace" in page
    assert "2 hours ago" in page


def test_it_shows_what_is_being_deployed_with_step_and_place(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    running = queue_event(make_app("blog"), status=Status.RUNNING, started_at=timezone.now(), step="pull")
    waiting = queue_event(make_app("wiki"), Action.STOP)

    page = text(client, "/")

    assert "Deploy: pull" in page
    assert f'data-live-key="deploying||{running.pk}|running|pull|0"' in page
    assert "Stop queued, place 1" in page
    assert f'data-live-key="deploying||{waiting.pk}|queued||1"' in page


def test_it_says_that_the_engine_is_not_reachable(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app()
    fake_engine.states["shop"] = UNREACHABLE

    assert "Engine not reachable" in text(client, "/")


def test_it_leaves_out_removed_apps(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.VIEWER)
    make_app("gone", removed_at=timezone.now())

    assert "gone" not in text(client, "/")


def test_it_teaches_with_an_example_where_there_are_no_apps(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)

    page = text(client, "/")

    assert "No apps yet" in page
    assert EXAMPLE in page
    assert 'href="/apps/new/?example=1"' in page
    Content.read(EXAMPLE)


def test_it_does_not_offer_a_new_app_to_whoever_may_not_make_one(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OPERATOR)
    assert "/apps/new/" not in text(client, "/")
    make_app()
    assert "/apps/new/" not in text(client, "/")


def test_somebody_without_a_role_sees_no_app_and_reads_why(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person("")
    make_app("secret-project")

    page = text(client, "/")

    assert "secret-project" not in page
    assert "Your account has no role yet" in page


def test_it_sends_whoever_is_not_signed_in_to_the_sign_in(client: Client) -> None:
    assert client.get("/")["Location"] == "/login/?next=/"
    fragment = client.get("/", headers=HTMX)
    assert fragment.status_code == 204
    assert fragment["HX-Redirect"] == "/login/"


def test_it_rejects_post(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    assert client.post("/").status_code == 405


def test_it_answers_htmx_with_the_list_alone(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.VIEWER)
    make_app()

    fragment = text(client, "/", **HTMX)

    assert fragment.lstrip().startswith('<div id="app-list"')
    assert "shop" in fragment
    assert "<html" in text(client, "/", **HTMX, **{"HX-History-Restore-Request": "true"})


def test_a_row_alone_is_what_the_page_includes(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app()

    row = text(client, "/apps/shop/row/", **HTMX)

    assert row.startswith("<tr")
    assert row.strip() in text(client, "/")


def test_the_row_of_a_removed_app_is_taken_from_the_list(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app(removed_at=timezone.now())

    response = client.get("/apps/shop/row/", headers=HTMX)

    assert response.status_code == 404
    assert response["HX-Reswap"] == "delete"


def test_fifty_apps_take_as_many_queries_as_one(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    django_assert_num_queries: Any,
) -> None:
    person(Role.VIEWER)
    queue_event(make_app("app-0"))
    with django_assert_num_queries(7):  # session, person, grants; apps, last events, active events, queue
        client.get("/")
    for number in range(1, 50):
        queue_event(make_app(f"app-{number}"))

    with django_assert_num_queries(7):
        page = text(client, "/")

    assert page.count("data-live-app=") == 50
