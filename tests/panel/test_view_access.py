"""The page of an app's roles: who has one, giving and taking."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Grant, Role, User
from apps.accounts.policy import Permission, allows
from apps.applications.models import App
from tests.accounts.people import ROLES, make_person
from tests.panel.pages import make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
ADDRESS = "/apps/shop/access/"


@pytest.mark.parametrize("role", ROLES)
def test_it_is_for_owners(client: Client, person: Person, role: str) -> None:
    app = make_app()
    olga = make_person("olga")
    grant = Grant.objects.create(user=olga, app=app, role=Role.VIEWER, given_by="ada")
    person(role)
    may = role in (Role.OWNER, Role.ADMINISTRATOR)
    refused = 403 if role else 404

    assert client.get(ADDRESS).status_code == (200 if may else refused)
    given = client.post(ADDRESS, {"to": f"person {olga.pk}", "role": Role.OPERATOR})
    assert given.status_code == (302 if may else refused)
    grant.refresh_from_db()
    assert grant.role == (Role.OPERATOR if may else Role.VIEWER)
    assert client.post(f"{ADDRESS}{grant.pk}/take/").status_code == (302 if may else refused)
    assert Grant.objects.exists() is not may


def test_an_owner_of_one_app_gives_roles_on_that_one_alone(client: Client, person: Person) -> None:
    shop, blog = make_app("shop"), make_app("blog")
    me, olga = person(""), make_person("olga")
    Grant.objects.create(user=me, app=shop, role=Role.OWNER, given_by="ada")
    of_blog = Grant.objects.create(user=olga, app=blog, role=Role.VIEWER, given_by="ada")

    assert client.post(ADDRESS, {"to": f"person {olga.pk}", "role": Role.OWNER}).status_code == 302
    assert allows(olga, Permission.GRANT, shop)
    assert client.post("/apps/blog/access/", {"to": f"person {me.pk}", "role": "owner"}).status_code == 404
    assert client.post(f"/apps/blog/access/{of_blog.pk}/take/").status_code == 404
    assert client.post(f"{ADDRESS}{of_blog.pk}/take/").status_code == 404
    assert Grant.objects.filter(pk=of_blog.pk).exists()


def test_a_team_is_given_a_role_and_a_new_one_takes_its_place(client: Client, person: Person) -> None:
    app = make_app()
    team = Group.objects.create(name="shopkeepers")
    person(Role.OWNER)

    for role in (Role.VIEWER, Role.DEPLOYER):
        client.post(ADDRESS, {"to": f"team {team.pk}", "role": role})

    assert [(grant.team, grant.role) for grant in app.grants.all()] == [(team, Role.DEPLOYER)]
    assert app.grants.get().given_by == "a-owner"
    page = text(client, ADDRESS)
    assert "shopkeepers has the role Deployer on shop now." in page


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"to": "person 999999", "role": "viewer"},
        {"to": "person 1", "role": "administrator"},
        {"to": "person 1", "role": ""},
        {"to": "1; DROP TABLE grants", "role": "viewer"},
        {"to": "person off", "role": "viewer"},
    ],
)
def test_it_refuses_what_is_no_person_or_no_role_of_an_app(
    client: Client, person: Person, typed: dict[str, str]
) -> None:
    make_app()
    me, off = person(Role.OWNER), make_person("off", is_active=False)
    typed = {
        key: value.replace(" 1", f" {me.pk}").replace(" off", f" {off.pk}") for key, value in typed.items()
    }

    response = client.post(ADDRESS, typed)

    assert response.status_code == 400
    assert not Grant.objects.exists()


def test_who_takes_away_their_own_last_role_finds_the_list(client: Client, person: Person) -> None:
    app = make_app()
    grant = Grant.objects.create(user=person(""), app=app, role=Role.OWNER, given_by="ada")

    response = client.post(f"{ADDRESS}{grant.pk}/take/", follow=True)

    assert response.status_code == 200
    assert "has no role of their own on shop any more" in response.content.decode()


def test_a_removed_app_gives_nobody_a_role_on_the_next_of_its_name(client: Client, person: Person) -> None:
    app = make_app()
    Grant.objects.create(user=person(""), app=app, role=Role.OWNER, given_by="ada")
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    make_app()

    assert client.get("/apps/shop/").status_code == 404


def test_many_grants_take_as_many_queries_as_one(
    client: Client, person: Person, django_assert_max_num_queries
) -> None:
    app = make_app()
    person(Role.OWNER)
    for number in range(30):
        user = make_person(f"p{number}", Role.VIEWER)
        Grant.objects.create(user=user, app=app, role=Role.VIEWER, given_by="ada")
    with django_assert_max_num_queries(9):
        client.get(ADDRESS)
