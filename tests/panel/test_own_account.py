"""One's own account: its page, and the change of the password."""

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client, override_settings
from django.urls import get_resolver

from apps.accounts.models import Role, User
from simpledeploy_site import settings
from tests.accounts.people import PASSWORD, make_person
from tests.panel.pages import text

pytestmark = pytest.mark.django_db

CHANGE = "/account/password/"
FRESH = "a quite different one 99"


def fields(**changes: str) -> dict[str, str]:
    return {"oldpassword": PASSWORD, "password1": FRESH, "password2": FRESH} | changes


def test_the_page_is_linked_and_says_who_one_is(client: Client, person: Callable[[str], User]) -> None:
    person(Role.OPERATOR)
    assert 'href="/account/"' in text(client, "/")
    page = text(client, "/account/")
    assert "a-operator" in page
    assert "Operator" in page
    assert CHANGE in page


@pytest.mark.parametrize("address", ["/account/", CHANGE])
def test_it_needs_a_sign_in(client: Client, address: str) -> None:
    make_person("ada", Role.VIEWER)
    assert client.get(address)["Location"].startswith("/login/")


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    client: Client, person: Callable[[str], User]
) -> None:
    user = person(Role.VIEWER)
    other = Client()
    other.force_login(user)

    response = client.post(CHANGE, fields())

    assert response["Location"] == "/account/"
    user.refresh_from_db()
    assert user.check_password(FRESH)
    assert "Your password was changed." in text(client, "/account/")
    assert other.get("/events/")["Location"].startswith("/login/")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"oldpassword": "wrong"}, "oldpassword"),
        ({"oldpassword": ""}, "oldpassword"),
        ({"password2": "another"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password1"),
    ],
)
def test_it_refuses_at_the_field(
    client: Client, person: Callable[[str], User], changes: dict[str, str], field: str
) -> None:
    user = person(Role.VIEWER)
    response = client.post(CHANGE, fields(**changes))
    assert list(response.context["form"].errors) == [field]
    assert FRESH not in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_whoever_has_no_password_has_none_to_change(client: Client, person: Callable[[str], User]) -> None:
    user = person(Role.VIEWER)
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    assert CHANGE not in text(client, "/account/")
    assert client.get(CHANGE).status_code == 409
    assert client.post(CHANGE, fields()).status_code == 409


def test_a_hash_of_an_earlier_version_becomes_argon2_at_the_sign_in(client: Client) -> None:
    with override_settings(PASSWORD_HASHERS=settings.PASSWORD_HASHERS):
        ada = make_person("ada", Role.VIEWER)
        assert identify_hasher(ada.password).algorithm == "argon2"
        ada.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
        ada.save()

        client.post("/login/", {"username": "ada", "password": PASSWORD})

        ada.refresh_from_db()
        assert identify_hasher(ada.password).algorithm == "argon2"
        assert ada.check_password(PASSWORD)


@pytest.mark.parametrize(
    "address",
    ["/signup/", "/account/signup/", "/account/email/", "/account/password/reset/", "/accounts/signup/"],
)
def test_there_is_no_open_sign_up_and_no_reset_by_mail(client: Client, address: str) -> None:
    make_person("ada", Role.VIEWER)
    assert client.get(address).status_code == 404
    names = {str(name) for name in get_resolver().reverse_dict}
    assert not names & {"account_signup", "account_email", "account_reset_password", "account_set_password"}
