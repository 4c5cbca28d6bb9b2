"""The list of events."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.panel.admin_records import make_event
from tests.panel.pages import HTMX, make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
UNENDED: dict[str, Any] = {"started_at": None, "finished_at": None}


def queued(app: App, **columns: Any) -> DeployEvent:
    return make_event(app, status=Status.QUEUED, **UNENDED | columns)


def test_the_list_shows_who_did_what_and_how_it_ended(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app = make_app()
    event = make_event(app, version=app.current_version, action=Action.ROLLBACK, status=Status.UNSTABLE)

    page = text(client, "/events/")

    assert f'href="/events/{event.pk}/"' in page
    assert "Roll back shop" in page
    assert "version 1" in page
    assert "Unstable" in page
    assert "2.5 s" in page


def test_the_list_is_filtered_by_app_action_and_status(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    shop, blog = make_app(), make_app("blog")
    events = {
        "deploy": make_event(shop),
        "stop": make_event(shop, action=Action.STOP),
        "failed": make_event(blog, status=Status.FAILED),
        "queued": queued(blog),
    }

    def found(query: str) -> set[str]:
        page = text(client, f"/events/?{query}")
        return {name for name, event in events.items() if f'href="/events/{event.pk}/"' in page}

    assert found("") == set(events)
    assert found("app=shop") == {"deploy", "stop"}
    assert found("action=stop") == {"stop"}
    assert found("app=blog&status=failed") == {"failed"}
    assert found("status=active") == {"queued"}
    assert found("app=nope") == set()
    assert found("status=nope") == set()
    assert "No event fits" in text(client, "/events/?app=shop&status=failed")


def test_the_list_keeps_events_of_removed_apps(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app("gone", removed_at=timezone.now()))
    assert f'href="/events/{event.pk}/"' in text(client, "/events/?app=gone")
    page = text(client, f"/events/{event.pk}/")
    assert 'href="/apps/gone/"' not in page


def test_the_list_has_pages_that_keep_the_filter(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app = make_app()
    events = [make_event(app) for _ in range(30)]

    first, second = text(client, "/events/?app=shop"), text(client, "/events/?app=shop&page=2")

    assert 'href="/events/?app=shop&amp;page=2"' in first
    assert f'href="/events/{events[-1].pk}/"' in first
    assert f'href="/events/{events[0].pk}/"' not in first
    assert f'href="/events/{events[0].pk}/"' in second
    assert text(client, "/events/?page=999").count("cell-duration") == 5
    assert text(client, "/events/?page=x").count("cell-duration") == 25


def test_the_list_shows_places_in_the_queue(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    queued(make_app())
    queued(make_app("blog"))
    page = text(client, "/events/")
    assert "place 1" in page
    assert "place 2" in page


def test_the_list_answers_htmx_with_its_fragment(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    assert text(client, "/events/", **HTMX).lstrip().startswith('<div id="event-list"')


def test_an_empty_list_says_what_will_stand_there(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    assert "No events yet" in text(client, "/events/")


def test_fifty_events_take_as_many_queries_as_one(
    client: Client, person: Person, django_assert_num_queries: Any
) -> None:
    person(Role.VIEWER)
    app = make_app()
    queued(app)
    with django_assert_num_queries(7):  # session, person, grants; slugs, count, events, queue
        client.get("/events/")
    for _ in range(50):
        queued(app, version=app.current_version)
    with django_assert_num_queries(7):
        client.get("/events/")


def test_somebody_without_a_role_finds_an_empty_list(client: Client, person: Person) -> None:
    person("")
    make_event(make_app("secret-project"))
    assert "secret-project" not in text(client, "/events/")
