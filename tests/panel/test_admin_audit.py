"""The audit in the admin: read, filtered, exported, and nothing else."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from tests.accounts.people import make_person
from tests.panel.pages import make_app, text

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/auditentry/"
EXPORT = f"{LIST}export/"


def numbers(client: Client, query: str) -> list[int]:
    return [entry.number for entry in client.get(f"{LIST}?{query}").context["cl"].result_list]


@pytest.fixture
def ada() -> User:
    return make_person("ada", Role.ADMINISTRATOR)


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    client.force_login(ada)
    record(
        Actor("bob", "web 10.0.0.7", address="10.0.0.7", agent="<b>Firefox</b>"),
        AuditAction.APP_CHANGED,
        "app shop",
        app_slug="shop",
        before={"name": "<i>Shop</i>"},
        after={"name": "Our shop", "auto_rollback": True},
    )
    return client


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.ADMINISTRATOR])
def test_only_administrators_see_it(client: Client, role: str) -> None:
    client.force_login(make_person("eve", role))
    for address in (LIST, f"{LIST}1/change/", EXPORT):
        assert client.get(address).status_code == 403
    assert "auditentry" not in text(client, "/admin/")


def test_an_entry_shows_what_was_before_and_after_and_escapes_it(admin: Client) -> None:
    page = text(admin, f"{LIST}2/change/")
    for shown in ("bob", "10.0.0.7", "App settings changed", "&lt;i&gt;Shop&lt;/i&gt;", "Our shop", "true"):
        assert shown in page
    assert "<b>Firefox" not in page
    assert AuditEntry.objects.get(number=2).hash in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("person=ada", [1]),
        ("action__exact=app.changed", [2]),
        ("app=shop", [2]),
        ("q=10.0.0.7", [2]),
        ("at__gte=2020-01-01T00:00Z&at__lt=2021-01-01T00:00Z", []),
        ("at__gte=2020-01-01T00:00Z", [2, 1]),
    ],
)
def test_it_is_filtered_by_person_action_app_address_and_time(
    admin: Client, query: str, found: list[int]
) -> None:
    assert numbers(admin, query) == found


def test_nothing_is_added_changed_or_deleted(admin: Client) -> None:
    before = list(AuditEntry.objects.order_by("number").values())
    sent = {"actor": "mallory", "post": "yes", "_save": "Save"}
    for address in (f"{LIST}add/", f"{LIST}2/change/", f"{LIST}2/delete/"):
        assert admin.post(address, sent).status_code == 403
    admin.post(LIST, {"action": "delete_selected", "_selected_action": "2", "post": "yes"})
    kept = AuditEntry.objects.filter(number__lte=2).order_by("number")
    assert list(kept.values()) == before


def test_each_page_makes_the_same_number_of_queries_however_many_entries(admin: Client) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            text(admin, LIST)
        counts.append(len(queries))
        for number in range(20):
            record(Actor(f"p{number}", "test"), AuditAction.APP_CHANGED, "app", app_slug=f"app-{number}")
    assert counts[0] == counts[1]


def test_the_export_has_what_was_filtered_and_is_itself_audited(ada: User) -> None:
    async def fetch() -> str:
        client = AsyncClient()
        await client.aforce_login(ada)
        response: Any = await client.get(f"{EXPORT}?person=ada")
        assert response.is_async
        assert response["Content-Type"] == "application/x-ndjson"
        assert ".jsonl" in response["Content-Disposition"]
        return b"".join([part async for part in response]).decode()

    lines = async_to_sync(fetch)().splitlines()

    assert [json.loads(line)["action"] for line in lines] == ["session.signed_in", "audit.exported"]
    exported = AuditEntry.objects.get(action=AuditAction.AUDIT_EXPORTED)
    assert exported.record()["after"] == {"filters": {"person": "ada"}}


def test_an_app_links_to_what_the_audit_has_about_it(admin: Client) -> None:
    make_app()
    assert f'href="{LIST}?app=shop"' in text(admin, "/apps/shop/versions/")
    viewer = Client()
    viewer.force_login(make_person("vera", Role.VIEWER))
    assert LIST not in text(viewer, "/apps/shop/versions/")


def test_the_admins_own_page_for_the_password_leads_to_the_panels(admin: Client) -> None:
    assert admin.post("/admin/password_change/", {"new_password1": "x"})["Location"] == "/account/password/"
