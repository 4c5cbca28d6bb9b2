"""Dangerous pages ask whoever signed in a while ago to confirm who they are."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.accounts.sign_in.recent import RECENT_SECONDS
from apps.applications.models import App
from apps.core.secret import Secret
from apps.registries.models import RegistryCredential
from tests.accounts.people import PASSWORD
from tests.panel.pages import HTMX, make_app

pytestmark = pytest.mark.django_db

CONFIRM = "/account/confirm/"


@pytest.fixture
def credential() -> RegistryCredential:
    return RegistryCredential.objects.create(host="registry.example", username="ci", password=Secret("kept"))


@pytest.fixture
def administrator(person: Callable[[str], User], client: Client) -> User:
    """An administrator at `client` who signed in a little too long ago."""
    user = person(Role.ADMINISTRATOR)
    grow_old(client)
    return user


def grow_old(client: Client) -> None:
    session = client.session
    session["shown_at"] = time.time() - RECENT_SECONDS - 1
    session.save()


def comes_back_to(address: str) -> str:
    assert urlsplit(address).path == CONFIRM
    return parse_qs(urlsplit(address).query)["next"][0]


@pytest.mark.parametrize(
    "page",
    [
        "/apps/shop/remove/",
        "/apps/shop/access/",
        "/registries/add/",
        "/registries/{credential}/",
        "/registries/{credential}/remove/",
    ],
)
def test_it_asks_before_danger_and_leads_back(
    client: Client, administrator: User, credential: RegistryCredential, page: str
) -> None:
    make_app("shop")
    page = page.format(credential=credential.pk)

    asked = client.get(page)
    assert asked.status_code == 302
    assert comes_back_to(asked["Location"]) == page
    form = client.get(asked["Location"]).content.decode()
    assert f'name="next" value="{page}"' in form

    confirmed = client.post(CONFIRM, {"password": PASSWORD, "next": page})
    assert confirmed["Location"] == page
    assert client.get(page).status_code == 200


def test_a_form_that_was_left_open_does_nothing_and_is_not_kept(
    client: Client, administrator: User, credential: RegistryCredential
) -> None:
    page = f"/registries/{credential.pk}/"
    sent = {"host": "registry.example", "username": "other", "password": "typed-secret", "only_apps": ""}

    asked = client.post(page, sent, headers={"Referer": f"http://testserver{page}"})

    assert comes_back_to(asked["Location"]) == page
    assert "typed-secret" not in str(dict(client.session))
    assert "Nothing was done yet" in client.get(asked["Location"]).content.decode()
    confirmed = client.post(CONFIRM, {"password": PASSWORD, "next": page}, follow=True)
    assert confirmed.status_code == 200
    credential.refresh_from_db()
    assert (credential.username, credential.password.reveal()) == ("ci", "kept")


def test_removing_waits_for_the_confirmation(client: Client, administrator: User) -> None:
    app = make_app("shop")
    client.post("/apps/shop/remove/", {"slug": "shop"})
    assert App.objects.live().filter(pk=app.pk).exists()
    assert not app.events.exists()


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://evil.example/a",
        "//evil.example",
        "javascript:alert(1)",
        "http://testserver//evil.example/a",
    ],
)
def test_it_leads_back_to_no_other_host(client: Client, administrator: User, referer: str) -> None:
    make_app("shop")
    asked = client.post("/apps/shop/remove/", {"slug": "shop"}, headers={"Referer": referer})
    assert comes_back_to(asked["Location"]) == "/"
    confirmed = client.post(CONFIRM, {"password": PASSWORD, "next": "https://evil.example/"})
    assert confirmed["Location"] == "/"


def test_a_fragment_sends_the_whole_page_there(client: Client, administrator: User) -> None:
    make_app("shop")
    headers = HTMX | {"HX-Current-URL": "http://testserver/apps/shop/?all=1"}
    asked = client.post("/apps/shop/remove/", {"slug": "shop"}, headers=headers)
    assert asked.status_code == 204
    assert comes_back_to(asked["HX-Redirect"]) == "/apps/shop/?all=1"


@pytest.mark.parametrize("password", ["", "wrong", "x" * 5000])
def test_a_wrong_password_confirms_nothing(client: Client, administrator: User, password: str) -> None:
    response = client.post(CONFIRM, {"password": password, "next": "/registries/add/"})
    assert response.status_code == 200
    assert response.context["form"].errors["password"]
    assert client.get("/registries/add/")["Location"].startswith(CONFIRM)


def test_a_time_that_is_yet_to_come_does_not_count(client: Client, administrator: User) -> None:
    session = client.session
    session["shown_at"] = time.time() + 3600
    session.save()
    assert client.get("/registries/add/")["Location"].startswith(CONFIRM)


def test_whoever_may_not_do_it_is_not_asked_for_long(client: Client, person: Callable[[str], User]) -> None:
    person(Role.VIEWER)
    make_app("shop")
    assert client.get("/apps/shop/remove/").status_code == 403


def test_nobody_confirms_who_is_not_signed_in(client: Client, administrator: User) -> None:
    client.logout()
    assert client.get(CONFIRM)["Location"].startswith("/login/")
    assert client.post(CONFIRM, {"password": PASSWORD})["Location"].startswith("/login/")


def test_the_admin_changes_nothing_before_it(client: Client, administrator: User) -> None:
    page = f"/admin/accounts/user/{administrator.pk}/change/"
    assert client.get(page).status_code == 200
    sent = {"username": "renamed", "role": "administrator", "is_active": "on"}

    asked = client.post(page, sent, headers={"Referer": f"http://testserver{page}"})

    assert comes_back_to(asked["Location"]) == page
    administrator.refresh_from_db()
    assert administrator.username == "a-administrator"
    client.post(CONFIRM, {"password": PASSWORD, "next": page})
    client.post(page, sent)
    administrator.refresh_from_db()
    assert administrator.username == "renamed"


def test_signing_out_of_the_admin_needs_none(client: Client, administrator: User) -> None:
    client.post("/admin/logout/")
    assert "_auth_user_id" not in client.session
