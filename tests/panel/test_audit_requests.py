"""What the audit has about signing in, and about what people tried and may not do."""

import pytest
from django.test import Client

from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.accounts.audit.refusals import MOST_A_MINUTE
from apps.accounts.models import Role
from tests.accounts.people import PASSWORD, make_person
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db


def entries(action: AuditAction) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("number"))


def sign_in(client: Client, username: str, password: str = PASSWORD) -> None:
    client.post("/login/", {"username": username, "password": password})


def test_signing_in_and_out_is_told_with_where_from() -> None:
    ada = make_person("ada", Role.VIEWER)
    client = Client(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Firefox")

    sign_in(client, "ada")
    client.post("/logout/")

    (entry,), (left,) = entries(AuditAction.SIGNED_IN), entries(AuditAction.SIGNED_OUT)
    assert (entry.actor, entry.user_id, entry.address, entry.agent) == ("ada", ada.pk, "192.0.2.7", "Firefox")
    assert (left.actor, left.user_id) == ("ada", ada.pk)


@pytest.mark.parametrize("tried", ["ada", "ADA"])
def test_a_failed_sign_in_names_the_account_and_not_the_password(client: Client, tried: str) -> None:
    make_person("ada", Role.VIEWER)
    sign_in(client, tried, "a wrong password 99")
    (entry,) = entries(AuditAction.SIGN_IN_FAILED)
    assert (entry.actor, entry.user_id, entry.outcome) == ("ada", None, "refused")
    assert "wrong" not in str(entry.record())


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (PASSWORD, "co… (28 characters)"),
        ("abc", "… (3 characters)"),
        ("x" * 149, "xx… (149 characters)"),
    ],
)
def test_of_a_name_that_nobody_has_little_is_kept_as_it_may_be_a_password(
    client: Client, typed: str, kept: str
) -> None:
    make_person("ada", Role.VIEWER)
    sign_in(client, typed, "whatever")
    (entry,) = entries(AuditAction.SIGN_IN_FAILED)
    assert entry.actor == kept
    assert typed not in str(entry.record())


def test_what_somebody_may_not_do_is_told_with_the_page_and_the_app(client: Client) -> None:
    make_app()
    client.force_login(make_person("vera", Role.VIEWER))
    assert client.post("/apps/shop/stop/?note=not-this").status_code == 403
    (entry,) = entries(AuditAction.REFUSED)
    assert (entry.actor, entry.on, entry.app_slug, entry.outcome) == (
        "vera",
        "POST app-action",
        "shop",
        "refused",
    )
    assert entry.record()["after"] == {"slug": "shop", "action": "stop"}


def test_what_the_admin_refuses_is_told_too(client: Client) -> None:
    client.force_login(make_person("vera", Role.VIEWER))
    assert client.get("/admin/accounts/user/").status_code == 403
    assert [entry.on for entry in entries(AuditAction.REFUSED)] == ["GET admin:accounts_user_changelist"]


def test_whoever_tries_everything_does_not_fill_the_audit(client: Client) -> None:
    client.force_login(make_person("vera", Role.VIEWER))
    for _ in range(MOST_A_MINUTE + 5):
        assert client.get("/registries/").status_code == 403
    other = Client()
    other.force_login(make_person("otto", Role.VIEWER))
    other.get("/registries/")

    told = entries(AuditAction.REFUSED)
    assert [entry.actor for entry in told] == ["vera"] * MOST_A_MINUTE + ["otto"]
    assert told[MOST_A_MINUTE - 1].outcome == "refused; more within this minute is not told"


def test_a_stranger_who_is_sent_to_the_sign_in_is_not_told(client: Client) -> None:
    make_person("ada", Role.ADMINISTRATOR)
    assert client.get("/registries/").status_code == 302
    assert not AuditEntry.objects.exists()
