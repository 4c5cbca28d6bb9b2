"""The page of a redeploy: what it would do, and the deploy that is bound to it."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.services import create_app
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments.models import DeployEvent
from tests.accounts.people import ROLES
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import BY, YAML, make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
ADDRESS = "/apps/shop/redeploy/"


def fingerprint(page: str) -> str:
    match = re.search(r'name="planned" value="([0-9a-f]{64})"', page)
    assert match, page
    return match[1]


def test_it_shows_what_another_deploy_would_do(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    assert "<span>Create</span>" in text(client, ADDRESS)
    fake_engine.runs("shop", YAML)
    assert "The deploy will change nothing" in text(client, ADDRESS)
    assert not DeployEvent.objects.exists()


def test_it_names_what_was_changed_outside_the_panel(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    fake_engine.runs("shop", YAML.replace("nginx", "other"))
    page = text(client, ADDRESS)
    assert "<span>Recreate</span>" in page
    assert "changed outside the panel" in page


def test_what_was_shown_is_deployed_and_only_that(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    seen = fingerprint(text(client, ADDRESS))
    fake_engine.runs("shop", YAML)

    response = client.post(ADDRESS, {"planned": seen})

    page = response.content.decode()
    assert response.status_code == 409
    assert "The deploy will change nothing" in page
    assert "Nothing was deployed. Read the new plan" in page
    assert not DeployEvent.objects.exists()
    assert client.post(ADDRESS, {"planned": fingerprint(page)}).status_code == 302
    assert DeployEvent.objects.get().action == "deploy"


@pytest.mark.parametrize("role", ROLES)
def test_only_operators_see_it(client: Client, person: Person, fake_engine: FakeEngine, role: str) -> None:
    person(role)
    make_app()
    may = role not in ("", Role.VIEWER)
    assert client.get(ADDRESS).status_code == (200 if may else 403 if role else 404)


def test_it_needs_a_sign_in(client: Client) -> None:
    make_app()
    assert client.get(ADDRESS)["Location"].startswith("/login/")


def test_an_app_that_was_never_deployed_has_none(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    create_app("shop", "", BY)
    assert client.get(ADDRESS).status_code == 409
    assert client.get("/apps/nope/redeploy/").status_code == 404


def test_it_says_that_the_engine_is_gone(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.DEPLOYER)
    make_app()
    fake_engine.failure = EngineUnreachable("It sleeps.")
    response = client.get(ADDRESS)
    assert response.status_code == 503
    assert "It sleeps." in response.content.decode()


def test_it_makes_the_same_few_queries_however_many_apps_there_are(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    person(Role.DEPLOYER)
    for slug in ("shop", "one", "two", "three"):
        make_app(slug)
    with django_assert_max_num_queries(9):
        assert client.get(ADDRESS).status_code == 200
