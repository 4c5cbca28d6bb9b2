"""The list of apps, and the row that a live page fetches anew."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import OuterRef, Subquery
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Grant, Role, User
from apps.applications.content import Content
from apps.applications.models import App, AppTag, ComposeVersion
from apps.core.secret import Secret
from apps.deployer.state.app_state import UNREACHABLE, AppState
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from apps.panel.views.editor import EXAMPLE
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine, container
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

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
    assert 'by <a class="person" href="/events/?person=grace">grace</a>' in page
    assert "2 hours ago" in page


def test_it_shows_what_is_being_deployed_with_step_and_place(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    running = queue_event(make_app("blog"), status=Status.RUNNING, started_at=timezone.now(), step="pull")
    waiting = queue_event(make_app("wiki"), Action.STOP)

    page = text(client, "/")

    assert "Deploy: Pull the images" in page
    assert "Pull the images" in page
    assert '<progress class="now-progress" max="7" value="3"' in page
    assert f'href="/events/{running.pk}/"' in page
    assert "Stop queued, place 1" in page
    assert "queued, place 1" in page
    assert f'href="/events/{waiting.pk}/"' in page


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
    assert 'id="overview-head"' in fragment
    assert 'hx-swap-oob="true"' in fragment
    refreshed = text(client, "/", **HTMX | {"HX-Target": "app-list", "HX-Trigger": "app-list"})
    assert "overview-head" not in refreshed, "it is fetched by itself"
    head = text(client, "/", **HTMX | {"HX-Trigger": "overview-head"})
    assert head.startswith('<div id="overview-head"')
    assert "app-list" not in head
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


def test_it_counts_states_and_says_what_changed_last_and_by_whom(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    states = {
        "a": "up",
        "b": "completed",
        "c": "degraded",
        "d": "drifted",
        "e": "unreachable",
        "f": "stopped",
    }
    for slug, state in states.items():
        make_app(slug)
        fake_engine.states[slug] = AppState(state)
    queue_event(make_app("g"))
    event = make_event(
        App.objects.get(slug="c"), action=Action.STOP, status=Status.FAILED, requested_by="eve"
    )

    page = text(client, "/")

    chips = dict(re.findall(r'id="chip-(\w+)".*?<strong>(\d+)</strong>', page))
    assert chips == {"all": "7", "troubled": "3", "deploying": "1", "stopped": "1", "running": "2"}
    assert f'id="last-{event.pk}" href="/events/{event.pk}/">Stop c</a>' in page
    assert 'href="/events/?person=eve"' in page


def test_a_row_has_the_last_twenty_events_as_bars(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    shop, blog = make_app(), make_app("blog")
    make_event(blog)
    for number in range(25):
        make_event(shop, status=Status.FAILED if number in (0, 24) else Status.SUCCEEDED)

    page = text(client, "/")

    strips = re.findall(r'<svg class="strip-image".*?</svg>', page)
    assert len(strips) == 1, "a single event is no strip"
    assert 'aria-label="The last events: 19 succeeded, 1 failed"' in strips[0]
    assert {kind: path.count("z") for kind, path in re.findall(r'"bar-(\w+)" d="([^"]*)"', strips[0])} == {
        "good": 19,
        "bad": 1,
    }


SEARCHES: dict[str, list[str]] = {
    "": ["blog", "shop", "mail", "wiki"],
    "q=SHOP": ["shop"],
    "q=the+post": ["mail"],
    "q=team-a": ["blog", "shop"],
    "q=team-a+ghost": ["blog"],
    "q=nginx": ["mail", "wiki"],
    "q=tea:3": ["shop"],
    "q=nothing": [],
    "tag=team-a": ["blog", "shop"],
    "tag=team": [],
    "state=troubled": ["shop", "wiki"],
    "state=running": ["mail"],
    "state=stopped&q=o": ["blog"],
    "sort=state": ["wiki", "shop", "blog", "mail"],
    "sort=changed": ["mail", "shop", "blog", "wiki"],
    "sort=added": ["wiki", "mail", "blog", "shop"],
}


@pytest.fixture
def four_apps(fake_engine: FakeEngine) -> None:
    shop, blog, mail, wiki = (make_app(slug) for slug in ("shop", "blog", "mail", "wiki"))
    App.objects.filter(pk=mail.pk).update(name="The post office")
    for app, image in ((shop, "shop/tea:2"), (blog, "ghost:6"), (mail, "nginx:1"), (wiki, '"nginx:2"')):
        version = make_version(app, f"services:\n  web: {{image: {image}, restart: always}}\n")
        App.objects.filter(pk=app.pk).update(current_version=version)
    for app in (shop, blog):
        AppTag.objects.create(app=app, name="team-a")
    fake_engine.states = {
        # What runs is found, too, whatever the file says.
        "shop": AppState("drifted", (container("web", image="shop/tea:3"),)),
        "mail": AppState("up"),
        "blog": AppState("stopped"),
        "wiki": AppState("degraded"),
    }
    for app in (blog, shop, mail):
        make_event(app)


@pytest.mark.usefixtures("four_apps")
def test_it_finds_apps_by_name_tag_and_image_and_sorts_them(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    for query, slugs in SEARCHES.items():
        page = text(client, f"/?{query}")
        assert re.findall(r'data-live-app="(\w+)"', page) == slugs, query
        assert ("No app fits" in page) is (not slugs), query
    assert "2 of 4 apps" in text(client, "/?tag=team-a")


@pytest.mark.usefixtures("four_apps")
def test_a_search_is_kept_in_the_address_and_in_all_links(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    asked = HTMX | {"HX-Target": "app-list", "HX-Trigger": "app-search"}

    answer = client.get("/?q=team-a&sort=&size=&state=&tag=", headers=asked)

    assert answer["HX-Push-Url"] == "/?q=team-a"
    page = text(client, "/?q=team-a&sort=state")
    assert 'href="/?q=team-a&amp;sort=state&amp;state=troubled"' in page
    assert 'value="team-a"' in page
    assert 'hx-get="/?q=team-a&amp;sort=state"' in page
    live = client.get("/?q=team-a", headers=HTMX | {"HX-Target": "app-list", "HX-Trigger": "app-list"})
    assert "HX-Push-Url" not in live


@pytest.mark.parametrize("query", ["state=nope", "sort=nope", "size=7", f"q={'x' * 201}", "q=%00", "tag=%00"])
def test_what_names_nothing_known_finds_nothing(
    client: Client, person: Person, fake_engine: FakeEngine, query: str
) -> None:
    person(Role.VIEWER)
    make_app()

    answer = client.get(f"/?{query}")

    assert answer.status_code == 400
    page = answer.content.decode()
    assert "data-live-app=" not in page
    assert 'class="field-errors"' in page or "%00" in query


def test_it_shows_the_apps_of_a_grant_alone_in_every_part(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    user = person("")
    own, foreign = make_app("own"), make_app("secret-project")
    Grant.objects.create(user=user, app=own, role=Role.VIEWER, given_by="root")
    for app in (own, foreign):
        queue_event(app)
        make_event(app, requested_by=f"who-asked-for-{app.slug}")
        AppTag.objects.create(app=app, name=f"tag-of-{app.slug}")

    page = text(client, "/")

    assert "who-asked-for-own" in page
    assert "secret-project" not in page
    assert 'id="chip-all" href="/" aria-current="true">All <strong>1</strong>' in page
    assert "data-live-app=" not in text(client, "/?q=secret")


def make_many(count: int) -> None:
    """Store apps with a version, two tags, an event that ended and one that is queued, in a few queries."""
    now = timezone.now()
    apps = App.objects.bulk_create([App(slug=f"many-{n:04}", name=f"Many {n}") for n in range(count)])
    versions = [
        ComposeVersion(app=app, number=1, yaml=YAML, environment=Secret(""), sha256=f"{app.pk:064}")
        for app in apps
    ]
    ComposeVersion.objects.bulk_create(versions)
    own = ComposeVersion.objects.filter(app=OuterRef("pk")).values("pk")
    App.objects.update(current_version=Subquery(own))
    AppTag.objects.bulk_create([AppTag(app=app, name=name) for app in apps for name in ("a", "b")])
    times = {"started_at": now, "finished_at": now}
    ended = [{"status": Status.SUCCEEDED, **times}] * 3
    DeployEvent.objects.bulk_create(
        DeployEvent(app=app, slug=app.slug, action=Action.DEPLOY, requested_by="ada", **columns)
        for app in apps
        for columns in (*ended, {"status": Status.QUEUED})
    )


# Session, person, grants; apps, active events, tags; last changes (2); then of the apps of the page: they,
# their last events, their strips. A search reads the files of versions that it has not seen, too.
QUERIES = {"/": 11, "/?sort=state&size=100": 11, "/?state=deploying&page=2": 11, "/?q=nginx+a": 12}


def test_a_thousand_apps_take_as_many_queries_as_three(
    client: Client, person: Person, fake_engine: FakeEngine, django_assert_num_queries: Any
) -> None:
    person(Role.VIEWER)
    make_many(3)
    for address, queries in QUERIES.items():
        with django_assert_num_queries(queries):
            client.get(address)
    App.objects.update(removed_at=timezone.now())
    make_many(1000)

    for address, queries in QUERIES.items():
        with django_assert_num_queries(queries):
            page = text(client, address)
        size = 100 if "size=100" in address else 25
        assert page.count("data-live-app=") == size
        assert page.count('class="strip-image"') == size
        assert f"of {1000 // size}" in page
