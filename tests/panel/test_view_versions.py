"""The versions of an app, their differences, and the way back."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.applications.services import create_app
from apps.deployments.models import DeployEvent
from tests.accounts.people import ROLES
from tests.panel.admin_records import make_event
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
    assert page.count('<td class="diff-text diff-removed">') == 1
    assert page.count('<td class="diff-text diff-added diff-right">') == 1
    assert "<ins>&lt;</ins>nginx<ins>&gt;</ins>:<ins>1.29</ins>" in page
    assert '<span class="visually-hidden">Removed: </span>' in page
    assert page.count("<code>TOKEN</code>") == 1


def test_it_compares_environments_by_name_only(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)

    page = text(client, "/apps/shop/versions/?from=2&to=3")

    assert "The Compose files are the same." in page
    assert "Added </span><code>ADDED</code>" in page
    assert "Removed </span><code>TOKEN</code>" in page
    assert "<code>MODE</code> has another value" in page
    assert "unchanged" not in page
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
    make_version(app, YAML + "#\n" * 8_000)
    assert "too long to compare" in text(client, "/apps/shop/versions/")
    make_version(app, YAML + f"# {'long' * 100_000}\n")
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
    # Session, person, grants; app, count, versions, how they ended, which one came before, the two compared.
    with django_assert_num_queries(10):
        client.get("/apps/shop/versions/")
    for number in range(50):
        make_event(app, version=make_version(app, f"{YAML}# {number}\n"))
    # And the events that the outcomes are of.
    with django_assert_num_queries(11):
        client.get("/apps/shop/versions/")


def test_it_tells_how_the_deploys_of_each_ended(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)
    first, second = app.versions.get(number=1), app.versions.get(number=2)
    make_event(app, version=first)
    make_event(app, version=second)
    failed = make_event(app, version=second, action="rollback", status="failed")
    make_event(app, version=second, action="stop")

    rows = text(client, "/apps/shop/versions/").split("<tr>")[2:]

    assert "Never deployed" in rows[0]
    assert f'href="/events/{failed.pk}/"' in rows[1]
    assert "Failed" in rows[1]
    assert "1 of 2 times well" in rows[1]
    assert "Succeeded" in rows[2]


def test_many_versions_have_pages_and_any_two_of_them_are_compared(
    client: Client, person: Person, app: App
) -> None:
    person(Role.VIEWER)
    for number in range(30):
        make_version(app, f"{YAML}# {number}\n")

    page = text(client, "/apps/shop/versions/?from=2&to=33&view=inline&page=2")

    assert "Page 2 of 2" in page
    assert ">Version 8<" in page
    assert ">Version 9<" not in page
    assert "From version 2 to version 33" in page
    assert "to version 33, on another page" in page
    assert "from version 2, on another page" not in page
    assert 'href="?page=1&amp;from=2&amp;to=33&amp;view=inline"' in page


def test_a_difference_is_shown_beside_each_other_or_below(client: Client, person: Person, app: App) -> None:
    person(Role.VIEWER)
    long = "".join(f"# line {number}\n" for number in range(30))
    make_version(app, long + YAML)
    make_version(app, long + NEWER)

    beside = text(client, "/apps/shop/versions/")
    below = text(client, "/apps/shop/versions/?from=4&to=5&view=inline")

    assert 'class="diff-parts diff-side"' in beside
    assert 'class="diff-parts diff-inline"' in below
    for page in (beside, below):
        # 30 comments and two keys before the change, of which three lines are open.
        assert "29 unchanged lines</summary>" in page
        assert page.count("diff-text diff-added") == page.count("diff-text diff-removed") == 1
    assert beside.count("# line 3</td>") == 2
    assert below.count("# line 3</td>") == 1
    assert 'href="/apps/shop/versions/?from=4&amp;to=5&amp;page=1&amp;view=side#diff"' in below


def test_the_file_of_a_version_is_downloaded_and_its_environment_never(
    client: Client, person: Person, app: App
) -> None:
    person(Role.VIEWER)

    response = client.get("/apps/shop/versions/2/docker-compose.yml")

    assert response.content.decode() == NEWER
    assert response["Content-Disposition"] == 'attachment; filename="shop-version-2.yml"'
    assert client.get("/apps/shop/versions/9/docker-compose.yml").status_code == 404


def test_a_lost_key_hides_only_what_it_encrypted(
    client: Client, person: Person, app: App, settings: Settings
) -> None:
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    person(Role.VIEWER)

    for page in (text(client, f"/apps/shop/versions/{end}") for end in ("", "?from=1&to=2", "2/")):
        assert "cannot be decrypted with the keys of this panel" in page
        assert "Newer nginx" in page
    assert "<ins>1.29</ins>" in page


def test_files_that_differ_in_their_end_alone_are_not_called_the_same(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    make_version(make_app(), YAML.removesuffix("\n"))
    page = text(client, "/apps/shop/versions/")
    assert "differ in nothing but the newline at their end" in page
    assert "are the same" not in page.replace("The environment is the same", "")


def test_a_file_of_very_many_lines_is_shown_without_an_element_for_each(
    client: Client, person: Person
) -> None:
    person(Role.VIEWER)
    app = make_app()
    for lines, rows in ((9_000, 9_003), (20_000, 0)):
        version = make_version(app, YAML + "#\n" * lines)
        page = text(client, f"/apps/shop/versions/{version.number}/")
        assert page.count('<td class="diff-number">') == rows
        assert page.count("#\n") + page.count("#</td>") == lines


def test_what_was_never_up_is_deployed_and_not_rolled_back_to(
    client: Client, person: Person, app: App
) -> None:
    App.objects.update(current_version=None)
    person(Role.OPERATOR)
    for page in (text(client, "/apps/shop/versions/"), text(client, "/apps/shop/versions/1/")):
        assert "Roll back" not in page
