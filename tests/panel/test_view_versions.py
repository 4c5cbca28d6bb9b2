"""The versions of an app, their differences, and the way back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.applications.services import create_app
from apps.deployments.models import DeployEvent
from tests.accounts.people import ROLES
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import BY, HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
NEWER = "services:\n  web:\n    image: <nginx>:1.29\n"
SECRET = "hunter2-hunter2"


@pytest.fixture
def app() -> App:
    """An app with three versions, of which the first is current."""
    app = make_app()
    make_version(app, NEWER, f"TOKEN={SECRET}\nMODE=fast\n", "Newer nginx")
    make_version(app, NEWER, "MODE=slow\nADDED=1\n")
    return app


def test_it_lists_the_versions_newest_first(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)

    page = text(client, "/apps/shop/versions/")

    places = [page.index(f">Version {number}<") for number in (3, 2, 1)]
    assert places == sorted(places)
    assert "Newer nginx" in page
    assert page.count(">Current<") == 1


def test_it_compares_any_two(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)

    page = text(client, "/apps/shop/versions/?from=1&to=2")

    assert "From version 1 to version 2" in page
    assert '<tr class="diff-removed">' in page
    assert "image: &lt;nginx&gt;:1.29" in page
    assert page.count("<code>TOKEN</code>") == 1


def test_it_compares_environments_by_name_only(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)

    page = text(client, "/apps/shop/versions/?from=2&to=3")

    assert "The Compose files are the same." in page
    assert "Added </span><code>ADDED</code>" in page
    assert "Removed </span><code>TOKEN</code>" in page
    assert "<code>MODE</code> has another value" in page
    for value in (SECRET, "fast", "slow"):
        assert value not in page


def test_the_newest_two_are_compared_where_none_is_chosen(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)
    assert "From version 2 to version 3" in text(client, "/apps/shop/versions/")
    assert "From version 2 to version 3" in text(client, "/apps/shop/versions/?from=x&to=")


def test_it_answers_htmx_with_the_difference_alone(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)
    fragment = text(client, "/apps/shop/versions/?from=1&to=3", **HTMX)
    assert fragment.lstrip().startswith('<section class="card diff-card" id="diff"')


def test_files_too_long_to_compare_are_not_compared(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app = make_app()
    make_version(app, YAML + "# long\n" * 60_000)
    assert "too long to compare" in text(client, "/apps/shop/versions/")


def test_a_version_shows_its_file_and_the_names_of_its_environment(
    client: Client, person: Person, app: App
) -> None:
    person(Role.VIEWER)

    page = text(client, "/apps/shop/versions/2/")

    assert "image: &lt;nginx&gt;:1.29" in page
    assert "<code>TOKEN</code>" in page
    assert SECRET not in page
    assert "From version 1 to version 2" in page
    assert "It was never deployed." in page


def test_an_app_without_versions_has_a_page(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    create_app("fresh", "", BY)
    assert "No versions yet" in text(client, "/apps/fresh/versions/")


def test_it_rolls_back(client: Client, person: Person, app: App, fake_engine: FakeEngine) -> None:
    person(Role.OPERATOR)

    response = client.post("/apps/shop/versions/2/rollback/")

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert event.action == "rollback"
    assert event.version is not None
    assert event.version.number == 2


@pytest.mark.parametrize("role", ROLES)
def test_rolling_back_is_for_operators(
    client: Client, person: Person, app: App, fake_engine: FakeEngine, role: str
) -> None:
    person(role)
    may = role not in ("", Role.VIEWER)

    pages = [client.get(address) for address in ("/apps/shop/versions/", "/apps/shop/versions/2/")]
    response = client.post("/apps/shop/versions/2/rollback/")

    assert [page.status_code for page in pages] == ([200, 200] if role else [404, 404])
    assert all(("/versions/2/rollback/" in page.content.decode()) is may for page in pages)
    assert response.status_code == (302 if may else 403 if role else 404)
    assert DeployEvent.objects.exists() is may


def test_the_current_version_offers_no_rollback_to_itself(client: Client, person: Person, app: App) -> None:
    person(Role.OPERATOR)
    assert "/rollback/" not in text(client, "/apps/shop/versions/1/")


def test_a_version_is_reached_through_its_own_app_only(client: Client, person: Person, app: App) -> None:
    person(Role.ADMINISTRATOR)
    make_app("blog")
    assert client.get("/apps/shop/versions/2/").status_code == 200
    assert client.get("/apps/blog/versions/2/").status_code == 404
    assert client.post("/apps/blog/versions/2/rollback/").status_code == 404
    assert client.get("/apps/shop/versions/?from=1&to=9").status_code == 404
    assert client.get("/apps/shop/versions/99999999999999999999/").status_code == 404


def test_fifty_versions_take_as_many_queries_as_two(
    client: Client, person: Person, app: App, django_assert_num_queries: Any
) -> None:
    person(Role.OPERATOR)
    with django_assert_num_queries(7):  # session, person, grants; app, versions, the two that are compared
        client.get("/apps/shop/versions/")
    for number in range(50):
        make_version(app, f"{YAML}# {number}\n")
    with django_assert_num_queries(7):
        client.get("/apps/shop/versions/")
