"""The pages of the exceptions from the Compose policy: for one app, and for roles and teams."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Grant, Role, User
from apps.applications.host_rules.allowances import host_rules_for
from apps.applications.host_rules.rules import EVERYTHING, Found, HostRights, HostRule
from apps.applications.models import HostAllowance
from tests.accounts.people import ROLES, make_person
from tests.panel.pages import make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
OF_APP, OF_PANEL = "/apps/shop/host-rules/", "/engine/host-rules/"
GPU = {"rule": HostRule.DEVICES, "subject": "/dev/dri", "reason": "It draws."}


def may(rights: HostRights, rule: HostRule, subject: str = "") -> bool:
    return rights.allow(Found(rule, (), "", subject=subject))


@pytest.mark.parametrize("role", ROLES)
def test_they_are_for_administrators(client: Client, person: Person, role: str) -> None:
    app = make_app()
    mine = HostAllowance.objects.create(app=app, rule=HostRule.KERNEL, reason="x", allowed_by="ada")
    person(role)
    is_administrator = role == Role.ADMINISTRATOR
    hidden = 403 if role else 404

    assert client.get(OF_APP).status_code == (200 if is_administrator else hidden)
    assert client.post(OF_APP, GPU).status_code == (302 if is_administrator else hidden)
    assert client.post(f"{OF_APP}{mine.pk}/withdraw/").status_code == (302 if is_administrator else hidden)
    assert client.get(OF_PANEL).status_code == (200 if is_administrator else 403)
    assert client.post(OF_PANEL, {**GPU, "to": "deployer"}).status_code == (302 if is_administrator else 403)
    assert HostAllowance.objects.filter(pk=mine.pk).exists() is not is_administrator
    assert HostAllowance.objects.count() == (2 if is_administrator else 1)


def test_an_exception_of_an_app_holds_for_that_app_and_is_audited(client: Client, person: Person) -> None:
    shop, blog = make_app("shop"), make_app("blog")
    dora = make_person("dora", Role.DEPLOYER)
    person(Role.ADMINISTRATOR)

    client.post(OF_APP, GPU)

    assert may(host_rules_for(dora, shop), HostRule.DEVICES, "/dev/dri/card0")
    assert not may(host_rules_for(dora, shop), HostRule.DEVICES, "/dev/sda")
    assert not may(host_rules_for(dora, blog), HostRule.DEVICES, "/dev/dri")
    page = text(client, OF_APP)
    assert "/dev/dri" in page
    assert "It draws." in page
    made = HostAllowance.objects.get()
    client.post(f"{OF_APP}{made.pk}/withdraw/")
    assert not may(host_rules_for(dora, shop), HostRule.DEVICES, "/dev/dri/card0")
    entries = AuditEntry.objects.filter(action__startswith="host_rule.").order_by("number")
    assert [(one.action, one.on, one.app_slug) for one in entries] == [
        ("host_rule.allowed", "app shop", "shop"),
        ("host_rule.withdrawn", "app shop", "shop"),
    ]


def test_one_for_a_role_or_a_team_holds_where_somebody_has_it(client: Client, person: Person) -> None:
    shop, blog = make_app("shop"), make_app("blog")
    dora, team = make_person("dora"), Group.objects.create(name="makers")
    Grant.objects.create(user=dora, app=shop, role=Role.DEPLOYER, given_by="ada")
    Grant.objects.create(user=dora, app=blog, role=Role.OPERATOR, given_by="ada")
    person(Role.ADMINISTRATOR)

    client.post(OF_PANEL, {"to": "deployer", "rule": HostRule.KERNEL, "reason": "x"})
    client.post(OF_PANEL, {"to": f"team {team.pk}", "rule": HostRule.SECURITY, "reason": "x"})

    assert may(host_rules_for(dora, shop), HostRule.KERNEL)
    assert not may(host_rules_for(dora, blog), HostRule.KERNEL)
    assert not may(host_rules_for(dora, None), HostRule.KERNEL)
    assert not may(host_rules_for(dora, shop), HostRule.SECURITY)
    dora.groups.add(team)
    assert may(host_rules_for(dora, blog), HostRule.SECURITY)
    assert "team makers" in text(client, OF_PANEL)


def test_administrators_may_everything_and_nobody_else_anything(client: Client) -> None:
    app = make_app()
    HostAllowance.objects.create(app=app, rule=HostRule.KERNEL, reason="x", allowed_by="ada")
    admin, gone = make_person("root", Role.ADMINISTRATOR), make_person("gone", Role.ADMINISTRATOR)
    gone.is_active = False
    gone.save()
    assert host_rules_for(admin, app) == EVERYTHING
    for nobody in (None, User.objects.get(pk=gone.pk)):
        assert not may(host_rules_for(nobody, app), HostRule.KERNEL)


def test_other_apps_whose_names_begin_alike_are_known() -> None:
    shop = make_app("shop")
    for slug in ("shop_x", "shop-y", "shopz"):
        make_app(slug)
    assert host_rules_for(make_person("dora"), shop).neighbours == {"simpledeploy-shop_x"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"rule": ""}, "This field is required"),
        ({"rule": "everything"}, "not one of the available choices"),
        ({"reason": "  "}, "This field is required"),
        ({"subject": "/dev/../etc"}, "no plain absolute path"),
        ({"subject": "x" * 501}, "at most 500 characters"),
        ({"subject": "a\nb"}, "a line of at most 500 characters"),
        ({"subject": "/dev/kvm"}, "That is allowed already"),
    ],
)
def test_what_is_no_exception_is_refused(
    client: Client, person: Person, typed: dict[str, str], words: str
) -> None:
    app = make_app()
    HostAllowance.objects.create(
        app=app, rule=HostRule.DEVICES, subject="/dev/kvm", reason="x", allowed_by="ada"
    )
    person(Role.ADMINISTRATOR)
    answer = client.post(OF_APP, {**GPU, **typed})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert HostAllowance.objects.count() == 1


def test_one_of_another_app_is_not_withdrawn_here(client: Client, person: Person) -> None:
    make_app("shop")
    other = HostAllowance.objects.create(
        app=make_app("blog"), rule=HostRule.KERNEL, reason="x", allowed_by="ada"
    )
    person(Role.ADMINISTRATOR)
    assert client.post(f"{OF_APP}{other.pk}/withdraw/").status_code == 404
    assert client.post(f"{OF_PANEL}{other.pk}/withdraw/").status_code == 404
    assert HostAllowance.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("columns", [{}, {"role": Role.OWNER, "app": True}])
def test_the_database_holds_each_to_one_subject(columns: dict[str, object]) -> None:
    if "app" in columns:
        columns = {**columns, "app": make_app()}
    with pytest.raises(IntegrityError), transaction.atomic():
        HostAllowance.objects.create(**columns, rule=HostRule.KERNEL, reason="x", allowed_by="ada")
