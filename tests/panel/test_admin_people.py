"""People and their roles in the admin."""

import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import Grant, Role, User
from apps.accounts.people import administrators
from apps.accounts.policy import Permission, allows
from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"
ADD = f"{LIST}add/"


@pytest.fixture
def ada() -> User:
    return make_person("ada", Role.ADMINISTRATOR)


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def change_page(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def fields(person: User, **changes: str) -> dict[str, str]:
    """Return what the form of `person` sends with `changes`; `is_active=""` is an unticked box."""
    role = Role.ADMINISTRATOR if person.is_superuser else person.role
    sent = {"username": person.username, "role": role, "is_active": "on"} | changes
    return {name: value for name, value in sent.items() if (name, value) != ("is_active", "")}


def test_it_adds_a_person_with_a_role(admin: Client) -> None:
    sent = {"username": "bob", "role": Role.OPERATOR, "password1": PASSWORD, "password2": PASSWORD}

    response = admin.post(ADD, sent, follow=True)

    bob = User.objects.get(username="bob")
    assert bob.check_password(PASSWORD)
    assert allows(bob, Permission.OPERATE)
    assert not allows(bob, Permission.DEPLOY)
    assert PASSWORD not in response.content.decode()
    assert not any(PASSWORD in entry.change_message for entry in LogEntry.objects.all())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "ADA"}, "username"),
        ({"role": "root"}, "role"),
        ({"password2": "another one 88"}, "password2"),
        ({"password1": "", "password2": ""}, "password1"),
        ({"usable_password": "false", "password1": "", "password2": ""}, "password1"),
    ],
)
def test_it_refuses_a_bad_account_at_the_field(admin: Client, changes: dict[str, str], field: str) -> None:
    sent = {"username": "bob", "role": "viewer", "password1": PASSWORD, "password2": PASSWORD} | changes
    response = admin.post(ADD, sent)
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert User.objects.count() == 1


def test_it_changes_a_role(admin: Client) -> None:
    bob = make_person("bob", Role.VIEWER)

    assert admin.post(change_page(bob), fields(bob, role=Role.DEPLOYER)).status_code == 302

    bob.refresh_from_db()
    assert bob.role == Role.DEPLOYER
    assert bob.check_password(PASSWORD)


def test_nobody_becomes_a_superuser_or_gets_djangos_flags_here(admin: Client) -> None:
    bob = make_person("bob", Role.VIEWER)
    sent = fields(bob, is_superuser="on", is_staff="on", groups="1", user_permissions="1", password="x")

    admin.post(change_page(bob), sent)

    bob.refresh_from_db()
    assert (bob.is_superuser, bob.is_staff) == (False, False)
    assert bob.check_password(PASSWORD)


def test_the_role_takes_the_superusers_power_too(admin: Client) -> None:
    root = make_person("root", is_superuser=True)
    assert admin.get(change_page(root)).context["adminform"].form["role"].value() == Role.ADMINISTRATOR

    admin.post(change_page(root), fields(root, role=Role.VIEWER))

    root.refresh_from_db()
    assert not allows(root, Permission.OPERATE)
    assert allows(root, Permission.VIEW)


def test_a_superuser_whose_name_changes_stays_one(admin: Client) -> None:
    root = make_person("root", is_superuser=True)
    admin.post(change_page(root), fields(root, first_name="Rosa"))
    root.refresh_from_db()
    assert (root.first_name, root.is_superuser) == ("Rosa", True)


@pytest.mark.parametrize(
    "changes", [{"role": Role.DEPLOYER}, {"role": ""}, {"is_active": ""}, {"role": "viewer", "is_active": ""}]
)
@pytest.mark.parametrize("superuser", [True, False])
def test_the_last_administrator_is_neither_demoted_nor_disabled(
    client: Client, changes: dict[str, str], superuser: bool
) -> None:
    last = make_person("last", "" if superuser else Role.ADMINISTRATOR, is_superuser=superuser)
    make_person("off", Role.ADMINISTRATOR, is_active=False)
    client.force_login(last)

    response = client.post(change_page(last), fields(last, **changes))

    assert response.status_code == 200
    assert "last is the last administrator" in response.content.decode()
    assert list(administrators()) == [last]


def test_the_last_administrator_is_not_removed(admin: Client, ada: User) -> None:
    address = f"{LIST}{ada.pk}/delete/"
    assert address not in admin.get(change_page(ada)).content.decode()
    assert admin.get(address).status_code == 403
    assert admin.post(address, {"post": "yes"}).status_code == 403
    admin.post(LIST, {"action": "delete_selected", "_selected_action": [ada.pk], "post": "yes"})
    assert list(administrators()) == [ada]


def test_an_administrator_beside_another_may_go(admin: Client, ada: User) -> None:
    bob = make_person("bob", Role.ADMINISTRATOR)
    cleo = make_person("cleo", Role.ADMINISTRATOR)

    admin.post(change_page(bob), fields(bob, is_active=""))
    admin.post(f"{LIST}{cleo.pk}/delete/", {"post": "yes"})

    assert list(administrators()) == [ada]
    assert not User.objects.filter(username="cleo").exists()


def test_whoever_is_on_record_is_disabled_and_not_removed(admin: Client, ada: User) -> None:
    other = make_person("other", Role.ADMINISTRATOR)
    admin.post(change_page(other), fields(other, first_name="Olga"))
    assert LogEntry.objects.filter(user=ada).exists()
    client = Client()
    client.force_login(other)

    assert client.post(f"{LIST}{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(change_page(ada), fields(ada, is_active="")).status_code == 302

    ada.refresh_from_db()
    assert not ada.is_active
    assert admin.get("/admin/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_disable_each_other_at_the_same_time() -> None:
    people = [make_person("ada", Role.ADMINISTRATOR), make_person("bob", Role.ADMINISTRATOR)]
    clients = [Client(), Client()]
    for client, person in zip(clients, people, strict=True):
        client.force_login(person)
    start = threading.Barrier(2)

    def disable(client: Client, other: User) -> None:
        start.wait()
        try:
            client.post(change_page(other), fields(other, is_active=""))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=disable, args=pair) for pair in zip(clients, reversed(people), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert administrators().count() == 1


def test_it_sets_somebodys_password_and_shows_no_hash(admin: Client) -> None:
    bob = make_person("bob", Role.VIEWER)
    page = admin.get(change_page(bob)).content.decode()
    address = reverse("admin:auth_user_password_change", args=[bob.pk])
    assert address in page
    assert "md5" not in page
    assert bob.password not in page

    fresh = "a quite different one 99"
    response = admin.post(address, {"password1": fresh, "password2": fresh, "set-password": "1"}, follow=True)

    bob.refresh_from_db()
    assert bob.check_password(fresh)
    assert fresh not in response.content.decode()
    assert not any(fresh in entry.change_message for entry in LogEntry.objects.all())


@pytest.mark.parametrize("extra", [{"unset-password": "1"}, {"set-password": "1"}])
def test_nobodys_password_is_switched_off(admin: Client, ada: User, extra: dict[str, str]) -> None:
    address = reverse("admin:auth_user_password_change", args=[ada.pk])
    admin.post(address, {"usable_password": "false", "password1": "", "password2": ""} | extra)
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.DEPLOYER])
def test_others_change_no_role_not_even_their_own(client: Client, ada: User, role: str) -> None:
    vic = make_person("vic", role)
    client.force_login(vic)
    for person in (vic, ada):
        password_page = reverse("admin:auth_user_password_change", args=[person.pk])
        sent = fields(person, role=Role.ADMINISTRATOR, password1=PASSWORD + "x", password2=PASSWORD + "x")
        for address in (ADD, change_page(person), password_page, f"{LIST}{person.pk}/delete/"):
            assert client.post(address, sent | {"post": "yes"}).status_code == 403
    vic.refresh_from_db()
    assert vic.role == role
    assert vic.check_password(PASSWORD)
    assert User.objects.count() == 2


def test_the_list_takes_the_same_number_of_queries_for_many_people(admin: Client) -> None:
    counts = []
    for start in (0, 20):
        for number in range(start, start + 20):
            make_person(f"person{number}", Role.VIEWER)
        admin.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(LIST).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_a_machine_is_never_made_an_administrator(admin: Client) -> None:
    robot = make_person("robot", Role.DEPLOYER, is_machine=True)
    team = Group.objects.create(name="root")
    Grant.objects.create(team=team, app=None, role=Role.ADMINISTRATOR, given_by="ada")

    by_role = admin.post(change_page(robot), fields(robot, role=Role.ADMINISTRATOR))
    by_team = admin.post(change_page(robot), fields(robot) | {"groups": [team.pk]})

    for answer in (by_role, by_team):
        assert "A machine cannot be an administrator." in answer.content.decode()
    robot.refresh_from_db()
    assert robot.role == Role.DEPLOYER
    assert not robot.groups.exists()
    assert admin.post(change_page(robot), fields(robot, role=Role.OWNER)).status_code == 302
