"""The settings of an app, and its removal."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.applications.services import create_app
from apps.applications.tags import tags_of
from apps.deployer.engine_errors import ComposeMissing, EngineUnreachable
from apps.deployments.models import DeployEvent
from tests.accounts.people import ROLES
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import BY, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
WITH_VOLUMES = YAML + "volumes:\n  data:\n  shared:\n    external: true\n    name: team-shared\n"


TYPED = {"name": "Web shop", "verify_timeout": "30", "calm_seconds": "20"}


@pytest.mark.parametrize("ticked", [True, False])
def test_it_changes_the_name_and_how_deploys_are_judged(client: Client, person: Person, ticked: bool) -> None:
    person(Role.OWNER)
    app = make_app(auto_rollback=not ticked)

    response = client.post("/apps/shop/settings/", TYPED | ({"auto_rollback": "on"} if ticked else {}))

    app.refresh_from_db()
    assert response["Location"] == "/apps/shop/settings/"
    assert (app.name, app.verify_timeout) == ("Web shop", 30)
    assert (app.calm_seconds, app.auto_rollback) == (20, ticked)
    page = text(client, "/apps/shop/settings/")
    assert "The settings were saved." in page
    assert "Time of calm, in seconds" in page
    assert "Go back by itself when an update fails" in page
    assert page.partition("<main")[2].partition("</main>")[0].count(" checked") == ticked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("verify_timeout", "0"),
        ("verify_timeout", "x"),
        ("calm_seconds", ""),
        ("calm_seconds", "0"),
        ("calm_seconds", "3601"),
        ("calm_seconds", "1.5"),
    ],
)
def test_it_refuses_bad_values(client: Client, person: Person, field: str, value: str) -> None:
    person(Role.OWNER)
    app = make_app()

    response = client.post("/apps/shop/settings/", TYPED | {field: value})

    app.refresh_from_db()
    assert response.status_code == 400
    assert 'aria-invalid="true"' in response.content.decode()
    assert (app.name, app.verify_timeout, app.calm_seconds) == ("shop", 120, 5)


def test_it_changes_the_tags_and_keeps_them_where_the_form_has_none(client: Client, person: Person) -> None:
    person(Role.OWNER)
    app = make_app(name="Web shop")

    client.post("/apps/shop/settings/", TYPED | {"tags": "web, Team-A"})

    assert tags_of(app) == ["team-a", "web"]
    assert 'value="team-a web"' in text(client, "/apps/shop/settings/")
    client.post("/apps/shop/settings/", TYPED)
    assert tags_of(app) == ["team-a", "web"]
    refused = client.post("/apps/shop/settings/", TYPED | {"tags": "web -x", "name": "Other"})
    assert refused.status_code == 400
    assert "“-x” cannot be a tag." in refused.content.decode()
    app.refresh_from_db()
    assert (app.name, tags_of(app)) == ("Web shop", ["team-a", "web"])
    client.post("/apps/shop/settings/", TYPED | {"tags": ""})
    assert tags_of(App.objects.get()) == []


@pytest.mark.parametrize("role", ROLES)
def test_settings_and_removal_are_for_owners(
    client: Client, person: Person, fake_engine: FakeEngine, role: str
) -> None:
    make_app()
    person(role)
    refused = 403 if role else 404
    owns = role in (Role.OWNER, Role.ADMINISTRATOR)

    settings = client.get("/apps/shop/settings/")
    removal = client.post("/apps/shop/remove/", {"confirm": "shop"})

    assert settings.status_code == (200 if owns else refused)
    assert ("/apps/shop/remove/" in settings.content.decode()) is owns
    assert client.get("/apps/shop/remove/").status_code == (200 if owns else refused)
    assert removal.status_code == (302 if owns else refused)
    assert DeployEvent.objects.exists() is owns


def test_they_need_a_sign_in(client: Client) -> None:
    make_app()
    for address in ("/apps/shop/settings/", "/apps/shop/remove/"):
        assert client.get(address)["Location"].startswith("/login/")
        assert client.post(address, {"confirm": "shop"})["Location"].startswith("/login/")
    assert not DeployEvent.objects.exists()


def test_the_removal_names_the_volumes_of_the_app_and_no_external_ones(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.ADMINISTRATOR)
    app = make_app()
    version = make_version(app, WITH_VOLUMES)
    type(app).objects.filter(pk=app.pk).update(current_version=version)

    page = text(client, "/apps/shop/remove/")

    assert "simpledeploy-app_data" in page
    assert "team-shared" not in page
    assert 'name="volumes"' in page


def test_the_removal_says_where_volumes_cannot_be_told(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.ADMINISTRATOR)
    make_app()
    fake_engine.failure = ComposeMissing("Compose is missing.")

    page = text(client, "/apps/shop/remove/")

    assert "cannot be told" in page
    assert 'name="volumes"' in page


def test_an_app_without_volumes_names_none(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.ADMINISTRATOR)
    make_app()
    create_app("fresh", "", BY)
    for slug in ("shop", "fresh"):
        assert "declares no volumes by name" in text(client, f"/apps/{slug}/remove/")


@pytest.mark.parametrize("volumes", [True, False])
def test_the_removal_is_queued_with_what_was_chosen(
    client: Client, person: Person, fake_engine: FakeEngine, volumes: bool
) -> None:
    person(Role.ADMINISTRATOR)
    make_app()

    response = client.post("/apps/shop/remove/", {"confirm": "shop"} | ({"volumes": "on"} if volumes else {}))

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.action, event.arguments) == ("remove", {"volumes": volumes})


@pytest.mark.parametrize("typed", ["", "Shop", "shop2"])
def test_the_removal_wants_the_slug(
    client: Client, person: Person, fake_engine: FakeEngine, typed: str
) -> None:
    person(Role.ADMINISTRATOR)
    make_app()

    response = client.post("/apps/shop/remove/", {"confirm": typed})

    assert response.status_code == 400
    assert 'aria-invalid="true"' in response.content.decode()
    assert not DeployEvent.objects.exists()


def test_the_removal_says_that_the_engine_is_gone(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.ADMINISTRATOR)
    make_app()
    fake_engine.failure = EngineUnreachable("The engine does not answer. Nothing was started.")

    response = client.post("/apps/shop/remove/", {"confirm": "shop"})

    assert response.status_code >= 400
    assert "The engine does not answer." in response.content.decode()
    assert not DeployEvent.objects.exists()
