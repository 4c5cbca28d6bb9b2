"""Signing in by a provider of accounts: whom its groups let in, as what, and what is never believed."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Grant, Role, User
from apps.accounts.people import administrators
from simpledeploy_site import environment
from tests.accounts.people import PASSWORD, make_person
from tests.lab.http import _NoRedirect
from tests.lab.oidc import CLIENT_ID, CLIENT_SECRET, Provider
from tests.panel.pages import make_app, text
from tests.panel.second_factors import give_app

pytestmark = pytest.mark.django_db

BEGIN = "/login/provider/"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider, settings: Any) -> Provider:
    settings.SIMPLEDEPLOY_OIDC_ISSUER = running.issuer
    settings.SIMPLEDEPLOY_OIDC_CLIENT_ID = CLIENT_ID
    settings.SIMPLEDEPLOY_OIDC_CLIENT_SECRET = CLIENT_SECRET
    settings.SIMPLEDEPLOY_OIDC_SCOPES = ["openid", "profile", "groups"]
    settings.SIMPLEDEPLOY_OIDC_NAME = "Example accounts"
    settings.SIMPLEDEPLOY_OIDC_ROLES = {"admins": "administrator", "devs": "deployer", "all": "viewer"}
    running.person = {"sub": "1", "preferred_username": "ada", "given_name": "Ada", "groups": ["devs", "all"]}
    running.userinfo, running.change, running.sign = None, dict, running.signed
    make_person("root", Role.ADMINISTRATOR)
    return running


def at_provider(address: str) -> str:
    """Follow the browser to the provider, and return the path by which it comes back."""
    opener = urllib.request.build_opener(_NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as redirect:
        opener.open(address)
    with redirect.value as answer:
        parts = urlsplit(answer.headers["Location"])
    assert (parts.netloc, parts.path) == ("testserver", "/login/provider/callback/")
    return f"{parts.path}?{parts.query}"


def sign_in(client: Client, begin: str = BEGIN) -> Any:
    return client.get(at_provider(client.get(begin)["Location"]))


def refused(client: Client) -> str:
    """Try to sign in, which must fail, and return the page that says so."""
    answer = sign_in(client)
    assert answer["Location"] == "/login/"
    assert "_auth_user_id" not in client.session
    return client.get("/login/").content.decode()


def test_the_first_sign_in_makes_the_account_that_the_groups_give(client: Client, provider: Provider) -> None:
    team = Group.objects.create(name="devs")
    Group.objects.create(name="others")
    assert 'href="/login/provider/?next=%2Fevents%2F"' in text(client, "/login/?next=/events/")

    assert sign_in(client, f"{BEGIN}?next=/events/")["Location"] == "/events/"

    ada = User.objects.get(username="ada")
    assert (ada.role, ada.first_name, list(ada.groups.all())) == (Role.DEPLOYER, "Ada", [team])
    assert not ada.has_usable_password()
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert not SocialToken.objects.exists()
    assert sorted(provider.asked["scope"].split()) == ["groups", "openid", "profile"]
    actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert {"person.added", "session.signed_in"} <= set(actions)


def test_role_and_teams_follow_the_groups_at_each_sign_in(client: Client, provider: Provider) -> None:
    team = Group.objects.create(name="all")
    sign_in(client)
    provider.person["groups"] = ["admins"]
    sign_in(Client())
    ada = User.objects.get(username="ada")
    assert (ada.role, ada.groups.count()) == (Role.ADMINISTRATOR, 0)

    provider.person |= {"groups": ["all"], "preferred_username": "renamed"}
    sign_in(Client())
    ada.refresh_from_db()
    assert (ada.username, ada.role, list(ada.groups.all())) == ("ada", Role.VIEWER, [team])
    assert AuditEntry.objects.filter(action="person.changed").count() >= 3


@pytest.mark.parametrize("groups", [[], ["unknown"], None, "unknown", {"admins": 1}, [["admins"], 1, None]])
def test_whom_no_group_gives_anything_gets_no_account(
    client: Client, provider: Provider, groups: Any
) -> None:
    provider.person["groups"] = groups
    page = refused(client)
    assert "None of your groups gives you anything" in page
    assert not User.objects.filter(username="ada").exists()
    assert not SocialAccount.objects.exists()
    assert AuditEntry.objects.filter(action="session.sign_in_failed", actor="ada").exists()


def test_who_loses_every_group_loses_what_they_gave(client: Client, provider: Provider) -> None:
    sign_in(client)
    assert client.get("/apps/new/").status_code == 200
    provider.person["groups"] = []
    assert "None of your groups" in refused(Client())
    assert User.objects.get(username="ada").role == ""
    assert client.get("/apps/new/").status_code == 403


def test_what_an_owner_gave_on_an_app_stays(client: Client, provider: Provider) -> None:
    sign_in(client)
    ada = User.objects.get(username="ada")
    Grant.objects.create(user=ada, app=make_app("shop"), role=Role.VIEWER, given_by="root")
    provider.person["groups"] = []
    assert sign_in(client)["Location"] == "/"
    assert client.get("/apps/shop/").status_code == 200


def test_the_last_administrator_stays_one(client: Client, provider: Provider) -> None:
    provider.person["groups"] = ["admins"]
    sign_in(client)
    User.objects.filter(username="root").delete()
    ada = User.objects.get(username="ada")
    provider.person["groups"] = ["all"]
    assert sign_in(Client())["Location"] == "/"
    assert list(administrators()) == [ada]
    assert AuditEntry.objects.filter(outcome__startswith="refused: the last administrator").exists()


@pytest.mark.parametrize("name", ["root", "ROOT", "", "a b<script>", "x" * 200, "a\x00b"])
def test_an_account_of_the_panel_is_never_linked(client: Client, provider: Provider, name: str) -> None:
    User.objects.filter(username="root").update(email="root@example.org")
    provider.person |= {
        "preferred_username": name,
        "email": "root@example.org",
        "email_verified": True,
        "groups": ["admins"],
    }
    assert "cannot be used here" in refused(client)
    assert User.objects.count() == 1
    assert not SocialAccount.objects.exists()


def test_whoever_is_signed_in_links_nothing(client: Client, provider: Provider) -> None:
    root = User.objects.get()
    client.force_login(root)
    sign_in(client, f"{BEGIN}?process=connect&scope=offline_access&auth_params=prompt%3Dnone")
    assert SocialAccount.objects.get().user.username == "ada"
    assert "offline_access" not in provider.asked["scope"]
    assert "prompt" not in provider.asked


def test_a_disabled_account_stays_out(client: Client, provider: Provider) -> None:
    sign_in(client)
    User.objects.filter(username="ada").update(is_active=False)
    again = Client()
    assert sign_in(again)["Location"] == "/login/"
    assert "_auth_user_id" not in again.session


def test_a_second_factor_is_asked_for_here_too(client: Client, provider: Provider) -> None:
    sign_in(client)
    give_app(User.objects.get(username="ada"))
    again = Client()
    assert sign_in(again)["Location"] == "/login/second-factor/"
    assert "_auth_user_id" not in again.session


def test_who_has_no_password_confirms_at_the_provider(client: Client, provider: Provider) -> None:
    provider.person["groups"] = ["admins"]
    sign_in(client)
    session = client.session
    session["shown_at"] = 0.0
    session.save()
    asked = client.get("/registries/add/")["Location"]
    page = client.get(asked)
    assert page.context["address"] == f"{BEGIN}?again=&next=%2Fregistries%2Fadd%2F"

    answer = sign_in(client, page.context["address"])

    assert (provider.asked["prompt"], provider.asked["max_age"]) == ("login", "0")
    assert answer["Location"] == "/registries/add/"
    assert client.get("/registries/add/").status_code == 200


def test_groups_may_come_from_the_userinfo_endpoint(client: Client, provider: Provider) -> None:
    provider.change = lambda claims: {name: claims[name] for name in claims if name != "groups"}
    assert sign_in(client)["Location"] == "/"
    assert User.objects.get(username="ada").role == Role.DEPLOYER


OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 3600},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"iat": int(time.time()) + 3600},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    client: Client, provider: Provider, change: dict[str, Any]
) -> None:
    provider.change = lambda claims: {
        name: value for name, value in (claims | change).items() if value is not None
    }
    assert "did not work" in refused(client)
    assert not User.objects.filter(username="ada").exists()


@pytest.mark.parametrize(
    "forged", ["another key", "none", "the secret", "a bad signature", "no token", "text"]
)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    client: Client, provider: Provider, forged: str
) -> None:
    ways = {
        "another key": lambda claims: provider.signed(claims, OTHER_KEY),
        "none": lambda claims: provider.signed(claims, "", "none"),
        "the secret": lambda claims: provider.signed(claims, CLIENT_SECRET * 3, "HS256"),
        "a bad signature": lambda claims: provider.signed(claims)[:-8] + "AAAAAAAA",
        "no token": lambda claims: "",
        "text": lambda claims: "not a token",
    }
    provider.sign = ways[forged]
    refused(client)
    assert not User.objects.filter(username="ada").exists()


def test_userinfo_of_somebody_else_is_refused(client: Client, provider: Provider) -> None:
    provider.change = lambda claims: {name: claims[name] for name in claims if name != "groups"}
    provider.userinfo = {"sub": "2", "groups": ["admins"]}
    refused(client)
    assert not User.objects.filter(username="ada").exists()


def test_an_answer_is_good_for_the_browser_that_asked_and_once(client: Client, provider: Provider) -> None:
    back = at_provider(client.get(BEGIN)["Location"])
    assert Client().get(back)["Location"] == "/login/"
    assert client.get(back)["Location"] == "/"
    client.post("/logout/")
    assert client.get(back)["Location"] == "/login/"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?error=access_denied"])
def test_odd_answers_lead_to_the_sign_in(client: Client, provider: Provider, query: str) -> None:
    assert client.get(f"{BEGIN}callback/{query}")["Location"] == "/login/"
    assert "did not work" in text(client, "/login/")


def test_an_answer_with_nul_is_refused(client: Client, provider: Provider) -> None:
    assert client.get(f"{BEGIN}callback/?state=%00&code=%00").status_code == 400
    assert "_auth_user_id" not in client.session


def test_a_refusal_of_the_provider_leads_to_the_sign_in(client: Client, provider: Provider) -> None:
    state = parse_qs(urlsplit(client.get(BEGIN)["Location"]).query)["state"][0]
    assert client.get(f"{BEGIN}callback/?error=access_denied&state={state}")["Location"] == "/login/"


def test_a_provider_that_is_away_is_told(
    client: Client, provider: Provider, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SIMPLEDEPLOY_OIDC_ISSUER = "http://127.0.0.1:9"
    assert client.get(BEGIN)["Location"] == "/login/"
    assert "Signing in by Example accounts did not work" in text(client, "/login/")
    assert CLIENT_SECRET not in caplog.text


def test_it_leads_to_no_other_host_afterwards(client: Client, provider: Provider) -> None:
    assert sign_in(client, f"{BEGIN}?next=https://evil.example/")["Location"] == "/"


def test_a_wrong_secret_is_the_operators_mistake_and_told_to_nobody(
    client: Client, provider: Provider, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SIMPLEDEPLOY_OIDC_CLIENT_SECRET = "a-wrong-secret"
    assert "a-wrong-secret" not in refused(client) + caplog.text


def test_without_a_provider_there_is_no_such_page(client: Client) -> None:
    make_person("root", Role.ADMINISTRATOR)
    assert "provider" not in text(client, "/login/")
    assert client.get(BEGIN).status_code == 404
    assert client.get(f"{BEGIN}callback/?code=x&state=y").status_code == 404


def test_people_of_the_provider_have_no_password_to_try(client: Client, provider: Provider) -> None:
    sign_in(client)
    answer = Client().post("/login/", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    assert client.get("/account/password/").status_code == 409


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (environment.issuer, "http://accounts.example.org"),
        (environment.issuer, "accounts.example.org"),
        (environment.issuer, "https://user:pw@accounts.example.org"),
        (environment.issuer, "https://accounts.example.org/?a=b"),
        (environment.group_roles, "admins"),
        (environment.group_roles, "admins=root"),
        (environment.group_roles, "=viewer"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, read: Any, value: str
) -> None:
    monkeypatch.setenv("SIMPLEDEPLOY_X", value)
    with pytest.raises(ImproperlyConfigured, match="SIMPLEDEPLOY_X"):
        read("SIMPLEDEPLOY_X")


def test_groups_are_mapped_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEDEPLOY_X", "cn=ops=operator, devs=deployer,")
    assert environment.group_roles("SIMPLEDEPLOY_X") == {"cn=ops": "operator", "devs": "deployer"}
