"""The environment's page: names, and values for owners who ask for them."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, Grant, Role, User
from apps.applications.models import App, ComposeVersion
from tests.accounts.people import ROLES
from tests.panel.pages import YAML, make_app, make_version, text
from tests.panel.test_recently_signed_in import comes_back_to, grow_old

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
ADDRESS = "/apps/shop/environment/"
SECRET, OTHER = "correct-horse-battery", "<staple> & 'more'"
TEXT = f'TOKEN={SECRET}\nOTHER="{OTHER}"\n# OLD=hidden-for-good\n'


@pytest.fixture
def version() -> ComposeVersion:
    app = make_app()
    version = make_version(app, YAML, TEXT)
    App.objects.filter(pk=app.pk).update(current_version=version)
    return version


@pytest.mark.parametrize("role", ROLES)
def test_it_is_for_owners(client: Client, person: Person, version: ComposeVersion, role: str) -> None:
    person(role)
    wanted = 200 if role in (Role.OWNER, Role.ADMINISTRATOR) else 403 if role else 404
    assert client.get(ADDRESS).status_code == wanted
    shown = client.post(ADDRESS, {"all": "1"})
    assert shown.status_code == wanted
    assert (SECRET in shown.content.decode()) is (wanted == 200)
    assert AuditEntry.objects.filter(action="secret.revealed").exists() is (wanted == 200)


def test_an_owner_of_another_app_does_not_reach_it(client: Client, person: Person, version: ComposeVersion):
    Grant.objects.create(user=person(""), app=make_app("blog"), role=Role.OWNER, given_by="ada")
    assert client.post(ADDRESS, {"all": "1"}).status_code == 404


def test_it_shows_names_and_no_value_before_it_is_asked(client, person, version):
    person(Role.OWNER)
    page = text(client, ADDRESS)
    assert "TOKEN" in page
    assert SECRET not in page
    assert not AuditEntry.objects.filter(action="secret.revealed").exists()


def test_it_shows_one_value_and_says_so_in_the_audit(client, person, version):
    owner = person(Role.OWNER)
    page = client.post(ADDRESS, {"version": version.number, "name": "TOKEN"}, REMOTE_ADDR="10.0.0.7")
    assert SECRET in page.content.decode()
    assert "staple" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    entry = AuditEntry.objects.get(action="secret.revealed")
    assert (entry.actor, entry.app_slug, entry.on, entry.address) == (
        owner.username,
        "shop",
        f"version {version.number} of shop",
        "10.0.0.7",
    )
    assert json.loads(entry.after) == {"shown": ["TOKEN"]}


def test_it_shows_all_values_but_nothing_that_is_commented_out(client, person, version):
    person(Role.OWNER)
    page = client.post(ADDRESS, {"all": "1"}).content.decode()
    assert SECRET in page
    assert "&lt;staple&gt; &amp; &#x27;more&#x27;" in page
    assert "hidden-for-good" not in page


def test_an_earlier_version_is_shown_by_its_number(client, person, version):
    person(Role.OWNER)
    make_version(version.app, YAML, "TOKEN=a-newer-value-of-it\n")
    page = client.post(ADDRESS, {"version": version.number, "name": "TOKEN"}).content.decode()
    assert SECRET in page
    assert "a-newer-value-of-it" not in page


@pytest.mark.parametrize("wanted", ["99", "-1", "x", "٣", "9" * 30])
def test_a_version_that_is_not_there_is_not_found(client, person, version, wanted):
    person(Role.OWNER)
    assert client.get(ADDRESS, {"version": wanted}).status_code == 404
    assert client.post(ADDRESS, {"version": wanted, "all": "1"}).status_code == 404


@pytest.mark.parametrize("data", [{"name": "NO_SUCH"}, {"name": ""}, {}])
def test_a_name_that_is_not_there_is_not_found_and_not_audited(client, person, version, data):
    person(Role.OWNER)
    assert client.post(ADDRESS, data).status_code == 404
    assert not AuditEntry.objects.filter(action="secret.revealed").exists()


def test_it_asks_who_it_is_first(client, person, version):
    person(Role.OWNER)
    grow_old(client)
    asked = client.post(ADDRESS, {"all": "1"}, headers={"Referer": f"http://testserver{ADDRESS}"})
    assert asked.status_code == 302
    assert comes_back_to(asked["Location"]) == ADDRESS
    assert not AuditEntry.objects.filter(action="secret.revealed").exists()


def test_an_app_without_an_environment_says_so(client, person):
    make_app()
    person(Role.OWNER)
    assert "no environment" in text(client, ADDRESS)


@pytest.mark.parametrize(
    "address", ["/apps/shop/", "/apps/shop/edit/", "/apps/shop/versions/", "/apps/shop/versions/2/", ADDRESS]
)
def test_no_page_shows_a_value_by_itself(client, person, version, fake_engine, address):
    person(Role.ADMINISTRATOR)
    page = text(client, address)
    assert SECRET not in page
    assert "hidden-for-good" not in page


def test_a_script_gets_the_value_it_asks_for_and_the_audit_says_so(client, person, version):
    person(Role.OWNER)
    sent = {"version": version.number, "name": "TOKEN"}
    answer = client.post(ADDRESS, sent, headers={"accept": "application/json"})
    assert answer.json() == {"values": {"TOKEN": SECRET}}
    assert "no-store" in answer["Cache-Control"]
    assert AuditEntry.objects.filter(action="secret.revealed").count() == 1


def test_a_script_is_led_to_the_confirmation_when_the_sign_in_is_old(client, person, version):
    person(Role.OWNER)
    grow_old(client)
    headers = {
        "accept": "application/json",
        "hx-request": "true",
        "hx-current-url": "http://testserver/apps/shop/edit/",
    }
    answer = client.post(ADDRESS, {"version": version.number, "name": "TOKEN"}, headers=headers)
    assert answer.status_code == 204
    assert "next=%2Fapps%2Fshop%2Fedit%2F" in answer["HX-Redirect"]
