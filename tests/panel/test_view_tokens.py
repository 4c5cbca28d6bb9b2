"""The page of tokens: making one, seeing its text once, revoking it."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, Role, Token, User
from apps.accounts.policy import Permission
from tests.accounts.people import make_person
from tests.accounts.tokens import make_token
from tests.panel.pages import make_app, text
from tests.panel.test_recently_signed_in import grow_old

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
ADDRESS = "/account/tokens/"


def _fields(user: User, **others: object) -> dict[str, object]:
    return {"name": "deploy job", "user": user.pk, "permissions": ["view", "deploy"], "days": 30, **others}


def test_the_text_of_a_token_is_shown_once(client: Client, person: Person) -> None:
    me, app = person(Role.DEPLOYER), make_app()
    page = client.post(ADDRESS, _fields(me, apps=[app.pk]))
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (shown,) = set(re.findall(r"sd_[\w-]{40,}", page.content.decode()))
    token = Token.objects.get()
    assert (token.user, token.permissions, token.apps) == (me, ["view", "deploy"], [app.pk])
    again = text(client, ADDRESS)
    assert shown not in again
    assert token.start in again
    assert not [entry for entry in AuditEntry.objects.values_list() if shown in str(entry)]
    assert shown not in str(Token.objects.values_list())


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"permissions": []},
        {"permissions": ["reveal"]},
        {"permissions": ["manage_people"]},
        {"days": 0},
        {"days": 366},
        {"apps": ["999"]},
    ],
)
def test_a_wrong_token_is_refused_in_words(client: Client, person: Person, wrong: dict[str, object]) -> None:
    me = person(Role.ADMINISTRATOR)
    make_app()
    page = client.post(ADDRESS, _fields(me, **wrong))
    assert page.status_code == 400
    assert "field-errors" in page.content.decode()
    assert not Token.objects.exists()


def test_nobody_makes_a_token_of_another_person(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    assert client.post(ADDRESS, _fields(make_person("olga", Role.OWNER))).status_code == 400
    assert not Token.objects.exists()


def test_only_administrators_make_machines_and_their_tokens(client: Client, person: Person) -> None:
    machine = User.objects.create(username="ci", is_machine=True, role=Role.DEPLOYER)
    person(Role.OWNER)
    assert client.post(ADDRESS, _fields(machine)).status_code == 400
    assert client.post(f"{ADDRESS}machines/", {"machine": "robot"}).status_code == 403
    client.logout()
    person(Role.ADMINISTRATOR)
    assert client.post(ADDRESS, _fields(machine)).status_code == 200
    assert client.post(f"{ADDRESS}machines/", {"machine": "robot", "role": "operator"}).status_code == 302
    robot = User.objects.get(username="robot")
    assert (robot.is_machine, robot.role, robot.has_usable_password()) == (True, "operator", False)
    for wrong in ({"machine": "robot"}, {"machine": "a b"}, {"machine": "x", "role": "administrator"}):
        assert client.post(f"{ADDRESS}machines/", wrong).status_code == 400


def test_one_sees_and_revokes_ones_own_administrators_all(client: Client, person: Person) -> None:
    olgas, _text = make_token(make_person("olga", Role.VIEWER), name="olgas script")
    me = person(Role.OWNER)
    mine, _text = make_token(me, name="my script")
    page = text(client, ADDRESS)
    assert "my script" in page
    assert "olgas script" not in page
    assert client.post(f"{ADDRESS}{olgas.pk}/revoke/").status_code == 404
    assert client.post(f"{ADDRESS}{mine.pk}/revoke/").status_code == 302
    assert client.post(f"{ADDRESS}{mine.pk}/revoke/").status_code == 409
    client.logout()
    person(Role.ADMINISTRATOR)
    assert "olgas script" in text(client, ADDRESS)
    assert client.post(f"{ADDRESS}{olgas.pk}/revoke/").status_code == 302
    assert AuditEntry.objects.filter(action="token.revoked").count() == 2


def test_it_asks_who_one_is_first(client: Client, person: Person) -> None:
    me = person(Role.ADMINISTRATOR)
    grow_old(client)
    assert client.get(ADDRESS).status_code == 302
    assert client.post(ADDRESS, _fields(me)).status_code == 302
    assert not Token.objects.exists()


def test_it_asks_the_database_as_often_for_many_tokens(client, person, django_assert_max_num_queries) -> None:
    me = person(Role.ADMINISTRATOR)
    for number in range(12):
        make_token(me, name=f"script {number}", permissions=[Permission.VIEW])
    with django_assert_max_num_queries(20):
        client.get(ADDRESS)
