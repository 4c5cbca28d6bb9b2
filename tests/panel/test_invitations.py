"""Invitations by link: each makes one account, once, for a while, with what its maker chose."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Invitation, Role, User
from tests.accounts.people import PASSWORD
from tests.panel.pages import text

pytestmark = pytest.mark.django_db

PAGE = "/invitations/"


@pytest.fixture
def admin(person: Callable[[str], User], client: Client) -> Client:
    person(Role.ADMINISTRATOR)
    return client


def make(admin: Client, role: str = Role.OPERATOR, team: Group | None = None, days: str = "3") -> str:
    """Make an invitation by the page, and return its code."""
    page = admin.post(PAGE, {"role": role, "team": team.pk if team else "", "days": days})
    assert page.status_code == 200
    address, _, code = page.context["link"].partition("#")
    assert address == "http://testserver/join/"
    assert page.content.decode().count(code) == 1
    return str(code)


def fields(code: str, username: str = "bob", **changes: str) -> dict[str, str]:
    return {"code": code, "username": username, "password1": PASSWORD, "password2": PASSWORD} | changes


def use(code: str, username: str = "bob", **changes: str) -> Any:
    return Client().post("/join/", fields(code, username, **changes))


def test_the_link_makes_an_account_with_what_was_chosen(admin: Client) -> None:
    team = Group.objects.create(name="ops")
    code = make(admin, Role.OPERATOR, team)
    client = Client()
    page = text(client, "/join/")
    assert "js/code-from-link.js" in page

    response = client.post("/join/", fields(code))

    assert response["Location"] == "/"
    bob = User.objects.get(username="bob")
    assert (bob.role, list(bob.groups.all()), bob.is_superuser) == (Role.OPERATOR, [team], False)
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert "this one" in text(client, "/account/sessions/")


def test_the_code_is_stored_nowhere_and_shown_once(admin: Client) -> None:
    code = make(admin)
    assert code not in text(admin, PAGE)
    assert code not in str(Invitation.objects.values())
    assert code not in str(dict(admin.session))
    use(code)
    assert not [entry for entry in AuditEntry.objects.all() if code in str(entry.record())]


def test_it_is_good_once(admin: Client) -> None:
    code = make(admin)
    assert use(code).status_code == 302
    again = use(code, "carl")
    assert again.status_code == 400
    assert list(again.context["form"].errors) == ["code"]
    assert not User.objects.filter(username="carl").exists()


def test_it_runs_out(admin: Client) -> None:
    code = make(admin)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert use(code).status_code == 400
    assert "None. Each link" in text(admin, PAGE)


def test_it_can_be_withdrawn(admin: Client) -> None:
    code = make(admin)
    address = f"{PAGE}{Invitation.objects.get().pk}/withdraw/"
    assert admin.get(address).status_code == 405
    assert admin.post(address)["Location"] == PAGE
    assert use(code).status_code == 400
    assert admin.post(address).status_code == 404


@pytest.mark.parametrize("fall", [{"is_active": False}, {"role": Role.OWNER}])
def test_it_ends_with_the_power_of_whoever_made_it(admin: Client, fall: dict[str, Any]) -> None:
    code = make(admin, Role.ADMINISTRATOR)
    User.objects.filter(username="a-administrator").update(**fall)
    assert use(code).status_code == 400
    assert not User.objects.filter(username="bob").exists()


@pytest.mark.parametrize("code", ["", "x", "x" * 5000, "a\x00b", "' OR 1=1 --", "é" * 50])
def test_a_wrong_code_makes_nobody_and_tells_no_names(admin: Client, code: str) -> None:
    for username in ("a-administrator", "bob"):
        response = use(code, username, password2="another")
        assert response.status_code == 400
        assert list(response.context["form"].errors) == ["code"]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "A-ADMINISTRATOR"}, "username"),
        ({"username": "not a name"}, "username"),
        ({"password2": "another"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
    ],
)
def test_it_refuses_at_the_field_and_stays_good(admin: Client, changes: dict[str, str], field: str) -> None:
    code = make(admin)
    response = use(code, **changes)
    assert response.status_code == 400
    assert list(response.context["form"].errors) == [field]
    assert use(code).status_code == 302


@pytest.mark.parametrize("days", ["", "0", "31", "-1", "x", "9" * 40])
def test_it_is_not_made_for_an_odd_time(admin: Client, days: str) -> None:
    page = admin.post(PAGE, {"role": "", "team": "", "days": days})
    assert page.status_code == 400
    assert list(page.context["form"].errors) == ["days"]
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(("name", "value"), [("role", "root"), ("team", "99"), ("team", "x")])
def test_it_is_not_made_for_what_there_is_not(admin: Client, name: str, value: str) -> None:
    page = admin.post(PAGE, {"role": "", "team": "", "days": "3"} | {name: value})
    assert list(page.context["form"].errors) == [name]
    assert not Invitation.objects.exists()


def test_whoever_is_signed_in_needs_none(admin: Client) -> None:
    code = make(admin)
    assert admin.get("/join/").status_code == 409
    assert admin.post("/join/", fields(code)).status_code == 409
    assert Invitation.objects.exists()


def test_nobody_joins_an_unclaimed_panel(client: Client) -> None:
    for response in (client.get("/join/"), client.post("/join/", fields("x"))):
        assert response.status_code == 403
        assert "not claimed yet" in response.content.decode()


def test_guessing_is_counted(admin: Client) -> None:
    answers = [use("x").status_code for _ in range(25)]
    assert answers.count(400) == 20
    assert answers.count(429) == 5


def test_it_requires_the_form_s_token(admin: Client) -> None:
    code = make(admin)
    assert Client(enforce_csrf_checks=True).post("/join/", fields(code)).status_code == 403
    assert Invitation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_name", [True, False])
def test_of_several_at_the_same_time_one_gets_in(admin: Client, same_name: bool) -> None:
    code, senders = make(admin), 4
    start = threading.Barrier(senders)
    answers: list[int] = []

    def send(number: int) -> None:
        start.wait()
        try:
            answers.append(use(code, "bob" if same_name else f"person{number}").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[number]) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [302] + [400] * (senders - 1)
    assert User.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_links_for_one_name_make_one_account(admin: Client) -> None:
    codes = [make(admin), make(admin)]
    start = threading.Barrier(2)
    answers: list[int] = []

    def send(code: str) -> None:
        start.wait()
        try:
            answers.append(use(code).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[code]) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [302, 400]
    assert Invitation.objects.count() == 1
