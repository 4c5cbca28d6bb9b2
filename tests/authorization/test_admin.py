"""Every page of the admin × everybody × their own and a foreign object."""

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Role
from tests.authorization.people import VISITORS, Visitor
from tests.authorization.routes import ADMIN, ADMIN_PAGES, On, patterns
from tests.authorization.test_pages import HIDDEN, REFUSED, SIGN_IN, THROUGH, expected, outcome
from tests.authorization.things import Things, own_and_foreign

pytestmark = pytest.mark.django_db

# To sign in and out leads to the panel's own pages, nothing is searched by autocomplete, and no model has a
# page of its own outside of the admin that a link could lead to.
EMPTY = {"admin:login", "admin:logout", "admin:autocomplete", "admin:view_on_site"}
CHILDREN = ("changelist", "add", "change", "delete", "history")


@pytest.fixture
def things(db: None) -> tuple[Things, Things]:
    return own_and_foreign()


def answered(client: Client, address: str, *, post: bool = False) -> str:
    """Return what the admin says; a foreign object it calls missing on its first page."""
    response: HttpResponse = client.post(address, {"post": "yes"}) if post else client.get(address)
    if response.status_code == 302 and response["Location"] == "/admin/":
        return HIDDEN
    if outcome(response) == SIGN_IN:
        # Whoever is signed in and may see nothing is told so by the page that the admin sends them to.
        return outcome(client.get(response["Location"]))
    return outcome(response)


def wanted(visitor: Visitor, on: On, least: str | None, seen: str, *, own: bool) -> str:
    """Return what an object's page says where it takes the role `least` and seeing it the role `seen`."""
    if not visitor.signed_in:
        return SIGN_IN
    if not visitor.has(Role.VIEWER, own=True):
        return REFUSED
    if least is None or not visitor.has(least, own=on == On.APP):
        # What somebody may do with nothing is refused before any object is looked up.
        return REFUSED
    if on == On.APP and not visitor.has(seen, own=own):
        return HIDDEN
    return THROUGH if visitor.has(least, own=own) else REFUSED


def test_the_tables_know_every_page_of_the_admin() -> None:
    models = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert models == ADMIN.keys()
    known = {f"admin:{model}_{page}" for model in ADMIN for page in CHILDREN} | ADMIN_PAGES.keys() | EMPTY
    # Django's own ways from an old address and from an unknown one.
    known |= {"admin:<path:object_id>/", "admin:(?P<url>.*)$"}
    assert {name for name, _pattern in patterns() if name.startswith("admin:")} == known


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
def test_every_page_lets_through_whom_the_tables_name(
    client: Client, things: tuple[Things, Things], visitor: Visitor
) -> None:
    visitor.come(client, things[0].app)
    for model, (on, see, add, change, delete) in ADMIN.items():
        anywhere = REFUSED if visitor.signed_in else SIGN_IN
        listed = THROUGH if visitor.has(see, own=on == On.APP) else anywhere
        assert answered(client, reverse(f"admin:{model}_changelist")) == listed, model
        adds = wanted(visitor, On.PANEL, add, see, own=False)
        assert answered(client, reverse(f"admin:{model}_add")) == adds, model
        for own in (True, False):
            pk = things[0 if own else 1].in_admin(model).pk
            for page, least in (("change", see), ("history", see), ("delete", delete)):
                address = reverse(f"admin:{model}_{page}", args=[pk])
                said = wanted(visitor, on, least, see, own=own)
                assert answered(client, address) == said, f"{visitor.name}: {address}"
            for page, least in (("change", change), ("delete", delete)):
                address = reverse(f"admin:{model}_{page}", args=[pk])
                said = wanted(visitor, on, least, see, own=own)
                with transaction.atomic():
                    assert answered(client, address, post=True) == said, f"{visitor.name}: POST {address}"
                    transaction.set_rollback(True)


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
def test_the_other_pages_let_through_whom_the_table_names(
    client: Client, things: tuple[Things, Things], visitor: Visitor
) -> None:
    visitor.come(client, things[0].app)
    for name, route in ADMIN_PAGES.items():
        address = reverse(name, kwargs=things[0].address(route.names))
        said = expected(route, "GET", visitor, own=True)
        assert answered(client, address) == said, f"{visitor.name}: {address}"
