"""Who may do what: roles for all apps, grants on single apps, teams, and what a token narrows."""

from itertools import pairwise

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import FieldError
from django.db import IntegrityError, transaction

from apps.accounts.models import Grant, Role, User
from apps.accounts.policy import (
    Permission,
    Scope,
    allows,
    allows_somewhere,
    holders,
    require,
    roles_on,
    visible,
)
from apps.applications.models import App, ComposeVersion
from apps.core.errors import NotAllowed
from apps.deployments.models import DeployEvent, DeployLog
from apps.deployments.states import Action
from tests.accounts.people import make_person
from tests.panel.admin_records import make_chunk, make_event
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db

ORDER = list(Role)


@pytest.fixture
def shop() -> App:
    return make_app("shop")


@pytest.fixture
def blog() -> App:
    return make_app("blog")


def grant(to: User | Group, role: str, app: App | None) -> Grant:
    subject = {"user": to} if isinstance(to, User) else {"team": to}
    return Grant.objects.create(**subject, app=app, role=role, given_by="ada")


def permissions(user: User, app: App | None) -> set[Permission]:
    return {permission for permission in Permission if allows(user, permission, app)}


def test_each_role_includes_the_ones_before_it() -> None:
    given = [permissions(make_person(f"a-{role}", role), None) for role in ORDER]

    assert given[0] == {Permission.VIEW, Permission.READ_LOGS}
    assert all(less < more for less, more in pairwise(given))
    assert given[-1] == set(Permission)


def test_a_grant_holds_for_its_app_alone(shop: App, blog: App) -> None:
    user = make_person("olga")
    grant(user, Role.OWNER, shop)

    assert permissions(user, shop) == permissions(make_person("all", Role.OWNER), shop)
    assert permissions(user, blog) == set()
    assert permissions(user, None) == set()
    assert list(visible(user, App.objects.all())) == [shop]


def test_a_grant_adds_to_the_role_for_all_apps_and_takes_nothing_away(shop: App, blog: App) -> None:
    user = make_person("olga", Role.OPERATOR)
    grant(user, Role.VIEWER, blog)
    grant(user, Role.OWNER, shop)

    assert allows(user, Permission.OPERATE, blog)
    assert allows(user, Permission.REMOVE, shop)
    assert not allows(user, Permission.REMOVE, blog)
    assert roles_on(user, shop) == {Role.OPERATOR, Role.OWNER}
    assert roles_on(user, None) == {Role.OPERATOR}


def test_a_team_gives_its_people_what_it_has(shop: App, blog: App) -> None:
    team = Group.objects.create(name="shopkeepers")
    user, other = make_person("olga"), make_person("otto")
    user.groups.add(team)
    grant(team, Role.DEPLOYER, shop)
    grant(team, Role.VIEWER, None)

    assert allows(user, Permission.DEPLOY, shop)
    assert permissions(user, blog) == {Permission.VIEW, Permission.READ_LOGS}
    assert permissions(other, shop) == set()

    user.groups.remove(team)
    user.refresh_from_db()
    assert permissions(user, shop) == set()


@pytest.mark.parametrize("user", [AnonymousUser(), None])
def test_who_is_not_signed_in_or_disabled_may_nothing(shop: App, user: AnonymousUser | None) -> None:
    if user is None:
        user = make_person("olga", Role.ADMINISTRATOR, is_active=False)
        grant(user, Role.OWNER, shop)
    assert permissions(user, shop) == set()
    assert not any(allows_somewhere(user, permission) for permission in Permission)
    assert not visible(user, App.objects.all()).exists()
    with pytest.raises(NotAllowed):
        require(user, Permission.VIEW, shop)


def test_it_shows_what_belongs_to_the_apps_that_somebody_may_see(shop: App, blog: App) -> None:
    user = make_person("olga")
    grant(user, Role.VIEWER, shop)
    for app in (shop, blog):
        make_chunk(make_event(app))
    DeployEvent.objects.create(app=None, action=Action.PRUNE, requested_by="ada")

    for model, name in ((ComposeVersion, "app"), (DeployEvent, "app"), (DeployLog, "event__app")):
        found = visible(user, model.objects.all())
        assert set(found.values_list(name, flat=True)) == {shop.pk}, model
        assert model.objects.exclude(pk__in=found.values("pk")).exists()
    everything = visible(make_person("vera", Role.VIEWER), DeployEvent.objects.all())
    assert everything.count() == 3


def test_a_model_without_a_way_to_its_app_is_no_leak(shop: App) -> None:
    user = make_person("olga")
    grant(user, Role.VIEWER, shop)
    with pytest.raises(FieldError):
        visible(user, User.objects.all())


def test_a_token_narrows_to_its_permissions_and_apps(shop: App, blog: App) -> None:
    user = make_person("ada", Role.ADMINISTRATOR)
    user.scope = Scope(frozenset({Permission.VIEW, Permission.DEPLOY}), frozenset({shop.pk}))

    assert permissions(user, shop) == {Permission.VIEW, Permission.DEPLOY}
    assert permissions(user, blog) == permissions(user, None) == set()
    assert allows_somewhere(user, Permission.DEPLOY)
    assert not allows_somewhere(user, Permission.REMOVE)
    assert list(visible(user, App.objects.all())) == [shop]
    assert not visible(user, App.objects.all(), Permission.REMOVE).exists()


def test_a_token_gives_nothing_that_its_person_has_not(shop: App, blog: App) -> None:
    user = make_person("olga")
    grant(user, Role.VIEWER, shop)
    user.scope = Scope(frozenset(Permission), frozenset({shop.pk, blog.pk}))

    assert permissions(user, shop) == {Permission.VIEW, Permission.READ_LOGS}
    assert permissions(user, blog) == set()
    assert list(visible(user, App.objects.all())) == [shop]

    user.scope = Scope(frozenset(Permission))
    assert list(visible(user, App.objects.all())) == [shop]
    assert not allows_somewhere(user, Permission.OPERATE)


def test_the_database_holds_no_grant_that_means_nothing(shop: App) -> None:
    user, team = make_person("olga"), Group.objects.create(name="shopkeepers")
    grant(user, Role.VIEWER, shop)
    grant(team, Role.VIEWER, None)
    wrong = [
        {"user": user, "app": None, "role": Role.VIEWER},
        {"user": user, "team": team, "app": shop, "role": Role.VIEWER},
        {"app": shop, "role": Role.VIEWER},
        {"team": team, "app": shop, "role": Role.ADMINISTRATOR},
        {"user": user, "app": shop, "role": Role.OWNER},
        {"team": team, "app": None, "role": Role.OWNER},
    ]
    for columns in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.create(**columns, given_by="ada")


def test_rights_take_one_query_however_many_apps_there_are(django_assert_num_queries) -> None:
    user = make_person("olga", Role.VIEWER)
    apps = [make_app(f"app-{number}") for number in range(5)]
    for app in apps:
        grant(user, Role.DEPLOYER, app)

    with django_assert_num_queries(1):
        assert all(allows(user, Permission.DEPLOY, app) for app in apps)


@pytest.mark.parametrize("permission", [Permission.VIEW, Permission.APPROVE, Permission.MANAGE_PEOPLE])
def test_who_holds_a_permission_is_who_is_allowed(permission: Permission, shop: App, blog: App) -> None:
    people = [make_person(f"has-{role or 'none'}", role) for role in ("", *Role)]
    people += [make_person("root", is_superuser=True), make_person("gone", Role.OWNER, is_active=False)]
    given = ((shop, Role.OWNER), (blog, Role.OWNER), (shop, Role.VIEWER), (None, Role.ADMINISTRATOR))
    for number, (app, role) in enumerate(given):
        team = Group.objects.create(name=f"team-{number}")
        grant(team, role, app)
        people.append(make_person(f"in-team-{number}"))
        people[-1].groups.add(team)
        if app is not None:
            people.append(make_person(f"granted-{number}"))
            grant(people[-1], role, app)

    held = {person.username for person in holders(permission, shop)}

    fresh = User.objects.filter(pk__in=[person.pk for person in people])
    assert held == {person.username for person in fresh if allows(person, permission, shop)}
