"""The list of events."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

from apps.accounts.models import Grant, Role, User
from apps.applications.models import App
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from apps.panel.shown.glances import shared_look
from apps.panel.views import events as events_view
from tests.panel.admin_records import make_event
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_engine")]
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
    assert "No event fits" in text(client, "/events/?app=shop&status=failed")


def test_the_list_keeps_events_of_removed_apps(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app("gone", removed_at=timezone.now()))
    assert f'href="/events/{event.pk}/"' in text(client, "/events/?app=gone")
    page = text(client, f"/events/{event.pk}/")
    assert 'href="/apps/gone/"' not in page


def test_it_is_filtered_by_person_time_and_note(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app, now = make_app(), timezone.now()
    noted = make_version(app, YAML + "# 2\n", note="Take 100% of the new checkout")
    events = {
        "old": make_event(app, at=datetime(2026, 3, 14, 12, tzinfo=UTC), requested_by="grace"),
        "week": make_event(app, at=now - timedelta(days=5)),
        "now": make_event(app, at=now, version=noted, requested_by="grace"),
        "refused": make_event(app, at=now, approval="refused", approval_note="Not on a Friday"),
    }

    def found(query: str) -> set[str]:
        page = text(client, f"/events/?{query}")
        return {name for name, event in events.items() if f'id="event-{event.pk}"' in page}

    assert found("person=grace") == {"old", "now"}
    assert found("person=GRACE") == set()
    assert found("range=24h") == {"now", "refused"}
    assert found("range=30d&person=ada") == {"week", "refused"}
    assert found("since=2026-03-14&until=2026-03-14") == {"old"}
    assert found("until=2026-03-14T12:00") == set()
    assert found("since=2026-03-14T12:01&until=2026-03-15T00:00%2B02:00") == set()
    assert found("text=checkout") == {"now"}
    assert found("text=100%25") == {"now"}
    assert found("text=friday") == {"refused"}
    assert found("text=%27;--") == set()
    page = text(client, "/events/?since=2026-03-14&person=grace")
    assert 'value="2026-03-14T00:00"' in page
    # The field is said to be UTC, whatever zone the address names.
    assert 'value="2026-03-14T22:00"' in text(client, "/events/?since=2026-03-15T00:00%2B02:00")
    assert "<title>Events by grace" in page
    assert 'href="/events/export/?person=grace&amp;since=2026-03-14"' in page


@pytest.mark.parametrize(
    "query",
    [
        "status=nope",
        "action=nope",
        "range=1y",
        "since=yesterday",
        f"text={'x' * 201}",
        "until=2026-02-31",
        "until=9999-12-31",
        "since=0001-01-01T00:00%2B14:00",
        "until=9999-12-31T23:59-12:00",
    ],
)
def test_a_choice_that_cannot_be_read_is_told_and_finds_nothing(
    client: Client, person: Person, query: str
) -> None:
    person(Role.VIEWER)
    make_event(make_app())

    answer = client.get(f"/events/?{query}")

    assert answer.status_code == 400
    page = answer.content.decode()
    assert 'class="field-errors"' in page
    assert "No event fits" in page
    assert client.get(f"/events/export/?{query}").status_code == 400


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="event-(\d+)"', page)]


def test_it_has_pages_that_keep_the_filter_and_shift_by_nothing(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app, other = make_app(), make_app("other")
    events = [make_event(app) for _ in range(60)]
    make_event(other)
    newest_first = [event.pk for event in reversed(events)]

    first = text(client, "/events/?app=shop")
    older = re.findall(r'rel="next" href="([^"]*)"', first)[0].replace("&amp;", "&")
    assert numbers(first) == newest_first[:25]
    assert older == f"/events/?app=shop&before={newest_first[24]}"
    assert 'rel="prev"' not in first

    second = text(client, older)
    assert numbers(second) == newest_first[25:50]
    assert "new event" not in second
    last = text(client, f"/events/?app=shop&before={newest_first[49]}")
    assert numbers(last) == newest_first[50:]
    assert 'rel="next"' not in last

    # Back again: over the middle, and to the first page, which has no place of its own.
    newer = re.findall(r'rel="prev" href="([^"]*)"', last)[0].replace("&amp;", "&")
    assert numbers(text(client, newer)) == newest_first[25:50]
    assert numbers(text(client, f"/events/?app=shop&after={newest_first[25]}")) == newest_first[:25]

    # What comes in shifts nothing and is told, up to a hundred.
    live = re.findall(r'hx-get="([^"]*)"', second[second.index('id="event-list"') :])[0].replace("&amp;", "&")
    make_event(other)
    assert "new event" not in text(client, live, **HTMX)
    make_event(app)
    fragment = text(client, live, **HTMX)
    assert numbers(fragment) == newest_first[25:50]
    assert "1 new event<" in fragment

    for odd in ("before=x", "before=-1", "after=", f"before={'9' * 40}", "page=2"):
        assert len(numbers(text(client, f"/events/?app=shop&{odd}"))) == 25
    assert "No event fits" in text(client, "/events/?before=1")


def test_the_events_of_an_app_keep_its_tabs(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    make_event(make_app(name="Web shop"))
    make_event(make_app("gone", removed_at=timezone.now()))

    page = text(client, "/events/?app=shop")

    assert '<nav class="tabs" aria-label="Web shop">' in page
    assert 'href="/events/?app=shop" aria-current="page"' in page
    assert "<title>Events of Web shop" in page
    for other in ("/events/", "/events/?app=gone", "/events/?app=nope"):
        assert 'class="tabs"' not in text(client, other)


def test_it_says_what_it_knows_so_that_it_is_fetched_anew(client: Client, person: Person) -> None:
    user = person(Role.VIEWER)
    app = make_app()
    known = shared_look.now().seen_by(user).known
    assert f'data-live-known="{known}"' in text(client, "/events/")
    make_event(app)
    assert shared_look.now().seen_by(user).known != known


def download(query: str, user: User) -> list[dict[str, str]]:
    async def fetch() -> str:
        client = AsyncClient()
        await client.aforce_login(user)
        response: Any = await client.get(f"/events/export/?{query}")
        assert response.status_code == 200
        assert response.is_async
        return b"".join([part async for part in response]).decode()

    return list(csv.DictReader(StringIO(async_to_sync(fetch)())))


def test_the_choice_is_downloaded_whole_and_harmless(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    user = person("")
    own, foreign = make_app("own"), make_app("foreign")
    Grant.objects.create(user=user, app=own, role=Role.VIEWER, given_by="root")
    cause = make_event(own, status=Status.FAILED)
    events = [make_event(own, requested_by="=cmd|'/c calc'!A0", cause=cause) for _ in range(30)]
    make_event(own, action=Action.STOP)
    make_event(foreign)

    rows = download("action=deploy&status=succeeded", user)

    assert [int(row["id"]) for row in rows] == [event.pk for event in reversed(events)]
    assert {row["requested_by"] for row in rows} == {"'=cmd|'/c calc'!A0"}
    assert {row["cause"] for row in rows} == {str(cause.pk)}
    assert {row["app"] for row in download("", user)} == {"own"}
    monkeypatch.setattr("apps.panel.views.events.MOST_ROWS", 7)
    assert len(download("", user)) == 7


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


# Session, person, grants; the look at apps (3); events (2), queue; the app that is named; apps and
# people to choose. Not on the first page: the newest, and what is new.
QUERIES = {"": 12, "app=shop&person=ada&range=24h": 12, "before=9999": 14}


def test_thousands_of_events_take_as_many_queries_as_three(
    client: Client, person: Person, django_assert_num_queries: Any
) -> None:
    person(Role.VIEWER)
    app = make_app()
    queued(app, at=timezone.now())
    shared_look.now()
    for query, count in QUERIES.items():
        with django_assert_num_queries(count), mock.patch.object(events_view, "_LOOK_SECONDS", 0):
            client.get(f"/events/?{query}")
    DeployEvent.objects.bulk_create(
        DeployEvent(app=app, slug="shop", action="deploy", requested_by="ada", version=app.current_version)
        for _ in range(3000)
    )
    for query, count in QUERIES.items():
        with django_assert_num_queries(count), mock.patch.object(events_view, "_LOOK_SECONDS", 0):
            client.get(f"/events/?{query}")


def test_somebody_without_a_role_finds_an_empty_list(client: Client, person: Person) -> None:
    person("")
    make_event(make_app("secret-project"))
    assert "secret-project" not in text(client, "/events/")
