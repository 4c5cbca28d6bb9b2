"""Teams in the admin: their people and their role for all apps."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Grant, Role, User
from apps.accounts.people import administrators, is_last_administrator
from apps.accounts.policy import Permission, allows
from tests.accounts.people import make_person
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db

ADD = "/admin/auth/group/add/"


@pytest.fixture
def ada(client: Client) -> User:
    ada = make_person("ada", Role.ADMINISTRATOR)
    client.force_login(ada)
    return ada


def change_page(team: Group, page: str = "change") -> str:
    return reverse(f"admin:auth_group_{page}", args=[team.pk])


def test_it_makes_a_team_whose_people_get_its_role(client: Client, ada: User) -> None:
    olga = make_person("olga")

    response = client.post(ADD, {"name": "shopkeepers", "role": Role.OPERATOR, "members": [olga.pk]})

    assert response.status_code == 302
    assert allows(olga, Permission.OPERATE)
    assert not allows(olga, Permission.DEPLOY)
    entry = AuditEntry.objects.get(action="team.added")
    assert (entry.actor, entry.on) == ("ada", "team shopkeepers")
    assert "olga" in entry.after


def test_it_changes_people_role_and_name_together(client: Client, ada: User) -> None:
    olga, otto = make_person("olga"), make_person("otto")
    client.post(ADD, {"name": "shopkeepers", "role": Role.OPERATOR, "members": [olga.pk]})
    team = Group.objects.get()
    page = client.get(change_page(team)).content.decode()
    assert '<option value="operator" selected' in page
    assert f'<option value="{olga.pk}" selected' in page

    client.post(change_page(team), {"name": "shop", "role": "", "members": [otto.pk]})

    team.refresh_from_db()
    assert (team.name, list(team.user_set.all())) == ("shop", [otto])
    assert not Grant.objects.exists()
    entry = AuditEntry.objects.get(action="team.changed")
    assert "shopkeepers" in entry.before
    assert "otto" in entry.after


def test_a_removed_team_takes_its_grants_along(client: Client, ada: User) -> None:
    olga, shop = make_person("olga"), make_app()
    client.post(ADD, {"name": "shopkeepers", "role": "", "members": [olga.pk]})
    team = Group.objects.get()
    Grant.objects.create(team=team, app=shop, role=Role.OWNER, given_by="ada")
    assert allows(olga, Permission.REMOVE, shop)

    client.post(change_page(team, "delete"), {"post": "yes"})

    olga.refresh_from_db()
    assert not allows(olga, Permission.VIEW, shop)
    entry = AuditEntry.objects.get(action="team.removed")
    assert '"apps":["shop"]' in entry.before


@pytest.mark.parametrize("way", ["role", "members", "delete"])
def test_the_last_administrator_by_a_team_stays_one(client: Client, way: str) -> None:
    olga = make_person("olga")
    team = Group.objects.create(name="root")
    team.user_set.add(olga)
    Grant.objects.create(team=team, app=None, role=Role.ADMINISTRATOR, given_by="ada")
    client.force_login(olga)
    assert is_last_administrator(olga)
    sent = {"name": "root", "role": Role.ADMINISTRATOR, "members": [olga.pk]}
    sent |= {"role": {"role": "viewer"}, "members": {"members": []}, "delete": {"post": "yes"}}[way]

    response = client.post(change_page(team, "delete" if way == "delete" else "change"), sent)

    assert response.status_code == 409
    assert "Nobody could manage the panel any more; nothing was changed." in response.content.decode()
    assert list(administrators()) == [olga]
    assert list(team.user_set.all()) == [olga]


def test_the_last_administrator_by_a_team_does_not_leave_it_on_their_own_page(client: Client) -> None:
    olga = make_person("olga")
    team = Group.objects.create(name="root")
    team.user_set.add(olga)
    Grant.objects.create(team=team, app=None, role=Role.ADMINISTRATOR, given_by="ada")
    client.force_login(olga)
    address = reverse("admin:accounts_user_change", args=[olga.pk])

    left = client.post(address, {"username": "olga", "role": "", "is_active": "on", "groups": []})
    kept = client.post(
        address, {"username": "olga", "role": "viewer", "is_active": "on", "groups": [team.pk]}
    )

    assert "olga is the last administrator" in left.content.decode()
    assert kept.status_code == 302
    assert list(administrators()) == [olga]
