from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Role
from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db


def sign_in(client: Client, username: str, password: str, **extra: str) -> Any:
    return client.post("/login/", {"username": username, "password": password, **extra})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_it_signs_in_and_leads_to_the_apps(client: Client) -> None:
    make_person("ada", Role.VIEWER)

    response = sign_in(client, "ada", PASSWORD)

    assert response.status_code == 302
    assert response["Location"] == "/"
    assert is_signed_in(client)


def test_it_leads_to_the_page_that_was_asked_for(client: Client) -> None:
    make_person("ada", Role.VIEWER)
    asked = client.get("/events/")
    assert asked["Location"] == "/login/?next=/events/"
    page = client.get(asked["Location"])
    assert 'name="next" value="/events/"' in page.content.decode()

    response = sign_in(client, "ada", PASSWORD, next="/events/")

    assert response["Location"] == "/events/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_leads_to_no_other_host(client: Client, target: str) -> None:
    make_person("ada", Role.VIEWER)
    assert sign_in(client, "ada", PASSWORD, next=target)["Location"] == "/"


def test_it_does_not_tell_whether_the_account_exists(client: Client) -> None:
    make_person("ada", Role.VIEWER)
    make_person("off", Role.VIEWER, is_active=False)

    answers = []
    for username, password in (("ada", "wrong"), ("nobody", "wrong"), ("off", "wrong"), ("off", PASSWORD)):
        response = sign_in(client, username, password)
        assert response.status_code == 200
        assert not is_signed_in(client)
        page = response.content.decode()
        assert password not in page
        assert "The username and/or password you specified are not correct." in page
        answers.append([str(error) for error in response.context["form"].non_field_errors()])

    assert answers == [answers[0]] * 4


@pytest.mark.parametrize("username", ["", "x" * 5000, "a\x00b", "' OR 1=1 --"])
def test_it_answers_odd_names_with_the_form(client: Client, username: str) -> None:
    make_person("ada", Role.VIEWER)
    response = sign_in(client, username, PASSWORD)
    assert response.status_code == 200
    assert not is_signed_in(client)


def test_it_requires_the_form_s_token() -> None:
    make_person("ada", Role.VIEWER)
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "ada", PASSWORD).status_code == 403
    assert not is_signed_in(client)


def test_a_new_session_begins_with_the_sign_in(client: Client) -> None:
    make_person("ada", Role.VIEWER)
    session = client.session
    session["known"] = "to somebody else"
    session.save()
    before = session.session_key

    sign_in(client, "ada", PASSWORD)

    assert client.session.session_key != before


def test_whoever_is_signed_in_goes_on(client: Client) -> None:
    client.force_login(make_person("ada", Role.VIEWER))
    assert client.get("/login/")["Location"] == "/"


def test_signing_out_is_a_post(client: Client) -> None:
    client.force_login(make_person("ada", Role.VIEWER))

    assert client.get("/logout/").status_code == 405
    assert is_signed_in(client)

    response = client.post("/logout/")
    assert response["Location"] == "/login/"
    assert not is_signed_in(client)


def test_a_disabled_account_is_out_at_once(client: Client) -> None:
    ada = make_person("ada", Role.VIEWER)
    client.force_login(ada)
    ada.is_active = False
    ada.save()

    assert client.get("/admin/").status_code == 302
    assert client.get("/events/")["Location"].startswith("/login/")


def test_nobody_signs_in_to_an_unclaimed_panel(client: Client) -> None:
    for response in (client.get("/login/"), sign_in(client, "ada", PASSWORD)):
        page = response.content.decode()
        assert response.status_code == 403
        assert "not claimed yet" in page
        assert "terminal" in page
        assert "<form" not in page
