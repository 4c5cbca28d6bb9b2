"""The same change by page, admin and command line has the same entry, but for who made it and from where."""

import getpass
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from apps.core.secret import MASK
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.deployer.command_line import Manage, manage
from tests.panel.admin_records import make_credential, make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import make_app

__all__ = ["manage"]

pytestmark = pytest.mark.django_db

ADMIN = "/admin/registries/registrycredential/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_person("ada", Role.ADMINISTRATOR))
    return client


def last() -> dict[str, Any]:
    """Return the last entry, without what differs between any two."""
    entry = AuditEntry.objects.order_by("number").last()
    assert entry is not None
    own = ("number", "at", "previous", "key", "user_id", "address", "agent")
    return {name: value for name, value in entry.record().items() if name not in own}


def forget() -> None:
    RegistryCredential.objects.all().delete()


def test_a_new_registry(admin: Client, manage: Manage) -> None:
    wanted = {
        "token": "",
        "action": "registry.added",
        "on": "registry ghcr.io",
        "app_slug": "",
        "before": None,
        "after": {"username": "robot", "password": MASK, "only_apps": "shop"},
        "outcome": "done",
    }
    web = {"actor": "ada", "origin": "web 127.0.0.1"}

    fields = {"host": "ghcr.io", "username": "robot", "only_apps": "shop"}
    assert admin.post("/registries/add/", {**fields, "password": "a-secret"}).status_code == 302
    assert last() == wanted | web
    forget()
    assert admin.post(f"{ADMIN}add/", {**fields, "new_password": "a-secret"}).status_code == 302
    assert last() == wanted | web
    forget()
    words = ("registry", "add", "ghcr.io", "--username", "robot", "--only-app", "shop")
    assert manage(*words, stdin=b"a-secret\n").code == 0
    assert last() == wanted | {"actor": getpass.getuser(), "origin": "command line"}


def test_a_registry_that_goes(admin: Client, manage: Manage) -> None:
    told = []
    for page in ("/registries/{}/remove/", ADMIN + "{}/delete/"):
        admin.post(page.format(make_credential().pk), {"post": "yes"})
        told.append(last())
    credential = make_credential()
    assert manage("registry", "remove", credential.host).code == 0
    told.append(last() | {"actor": "ada", "origin": "web 127.0.0.1"})
    assert told[0] == told[1] == told[2]
    assert told[0]["before"]["password"] == MASK
    assert told[0]["after"] is None


def test_the_settings_of_an_app(admin: Client) -> None:
    app = make_app()
    fields = {"name": "Our shop", "verify_timeout": 60, "calm_seconds": app.calm_seconds}
    assert admin.post("/apps/shop/settings/", fields).status_code == 302
    by_page = last()
    assert by_page["before"] == {"name": "shop", "verify_timeout": 120}
    assert by_page["after"] == {"name": "Our shop", "verify_timeout": 60}

    address = f"/admin/applications/app/{app.pk}/change/"
    assert admin.post(address, {"name": "shop", "verify_timeout": 120}).status_code == 302
    assert admin.post(address, {"name": "Our shop", "verify_timeout": 60}).status_code == 302
    assert last() == by_page

    count = AuditEntry.objects.count()
    admin.post(address, {"name": "Our shop", "verify_timeout": 60})
    assert AuditEntry.objects.count() == count


def test_another_try_of_an_event(admin: Client, manage: Manage, fake_engine: FakeEngine) -> None:
    app = make_app()
    failed = make_event(app, version=app.current_version, status="failed")
    assert admin.post(f"/events/{failed.pk}/retry/").status_code == 302
    by_page = last()
    assert by_page["action"] == "event.requested"
    assert by_page["after"] == {"action": "deploy", "version": 1, "arguments": {}}
    assert manage("app", "retry", str(failed.pk), "--detach").code == 0
    by_command = last() | {"actor": "ada", "origin": "web 127.0.0.1"}
    assert by_command["on"] != by_page["on"]
    assert by_command | {"on": by_page["on"]} == by_page


def test_a_password_whose_key_is_gone_can_be_set_anew_and_is_told(admin: Client, settings: Settings) -> None:
    credential = make_credential()
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    # The session was encrypted with the key that is gone.
    admin.force_login(User.objects.get(username="ada"))
    sent = {"username": credential.username, "only_apps": credential.only_apps, "new_password": "another-one"}
    assert admin.post(f"{ADMIN}{credential.pk}/change/", sent).status_code == 302
    assert last()["after"] == {"password": MASK}
