"""Authenticator apps and recovery codes: setting up, signing in, confirming, and where one is required."""

import re
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core import management
from django.db import connection
from django.test import Client

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from tests.accounts.people import PASSWORD, make_person
from tests.panel.live import in_thread, session_of, socket
from tests.panel.pages import HTMX, text
from tests.panel.second_factors import KEY, code, code_step, give_app, password_step

pytestmark = pytest.mark.django_db

FACTOR = "/account/second-factor/"
APP = f"{FACTOR}app/"
CODES = f"{FACTOR}codes/"


@pytest.fixture(autouse=True)
def one_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test end in another period than it began in."""
    now = auth.time.time()
    monkeypatch.setattr(auth.time, "time", lambda: now)


@pytest.fixture
def ada() -> User:
    return make_person("ada", Role.OPERATOR)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def set_up_app(client: Client) -> tuple[str, list[str]]:
    """Set up an app at `client`, and return its key and the recovery codes."""
    key = re.search(r"<code>([A-Z2-7]{32})</code>", text(client, APP))[1]
    answer = client.post(APP, {"code": code(key)})
    assert answer["Location"] == CODES
    return key, re.findall(r"\b\d{8}\b", text(client, CODES))


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("number").values_list("action", flat=True))


@pytest.mark.django_db(transaction=True)
def test_an_app_is_set_up_and_then_asked_for(client: Client, ada: User) -> None:
    client.force_login(ada)
    page = text(client, APP)
    assert 'src="data:image/svg+xml;base64,' in page
    key, codes = set_up_app(client)

    assert len(set(codes)) == 10
    assert actions().count("second_factor.added") == 2
    signing_in = password_step(ada)
    assert not is_in(signing_in)
    assert code_step(signing_in, code(key, later=1)).status_code == 200
    assert not is_in(signing_in)


@pytest.mark.django_db(transaction=True)
def test_the_other_sessions_end_when_one_is_set_up(ada: User) -> None:
    here, there = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="192.0.2.2")
    for client in (here, there):
        client.post("/login/", {"username": "ada", "password": PASSWORD})
    set_up_app(here)
    assert is_in(here)
    assert not is_in(there)


def test_the_code_completes_the_sign_in_and_is_good_once(ada: User) -> None:
    give_app(ada)
    client = password_step(ada)
    assert code_step(client, code())["Location"] == "/"
    assert is_in(client)

    again = password_step(ada)
    assert "Incorrect code" in code_step(again, code()).content.decode()
    assert not is_in(again)


@pytest.mark.django_db(transaction=True)
def test_the_code_that_set_the_app_up_signs_nobody_in(client: Client, ada: User) -> None:
    client.force_login(ada)
    key, _codes = set_up_app(client)
    again = password_step(ada)
    code_step(again, code(key))
    assert not is_in(again)


@pytest.mark.parametrize("given", ["", "000000", "1" * 5000, "a\x00b", "١٢٣٤٥٦"])
def test_a_wrong_code_signs_nobody_in(ada: User, given: str) -> None:
    give_app(ada)
    client = password_step(ada)
    wrong = "999999" if given == code() else given
    assert code_step(client, wrong).status_code == 200
    assert not is_in(client)


def test_codes_are_counted_per_person_and_written_down(ada: User) -> None:
    give_app(ada)
    for number in range(5):
        code_step(password_step(ada), f"00000{number}")
    client = password_step(ada)
    page = code_step(client, code()).content.decode()
    assert "Too many failed login attempts" in page
    assert not is_in(client)
    assert actions().count("session.sign_in_failed") >= 5


def test_nobody_comes_to_the_code_without_the_password(client: Client, ada: User) -> None:
    give_app(ada)
    assert client.get("/login/second-factor/")["Location"] == "/login/"
    assert code_step(client, code())["Location"] == "/login/"


@pytest.mark.django_db(transaction=True)
def test_a_recovery_code_is_good_once_and_shown_once(client: Client, ada: User) -> None:
    client.force_login(ada)
    _key, codes = set_up_app(client)
    again = text(client, CODES)
    assert not any(one in again for one in codes)

    assert code_step(password_step(ada), codes[3])["Location"] == "/"
    used = password_step(ada)
    code_step(used, codes[3])
    assert not is_in(used)

    client.post(f"{CODES}new/")
    old = password_step(ada)
    code_step(old, codes[4])
    assert not is_in(old)
    assert "second_factor.codes_renewed" in actions()


def test_setting_up_and_removing_ask_who_it_is(client: Client, ada: User) -> None:
    client.force_login(ada)
    give_app(ada)
    session = client.session
    session["shown_at"] = 0.0
    session.save()
    for page in (APP, f"{APP}remove/", f"{FACTOR}keys/add/", CODES, f"{CODES}new/"):
        for answer in (client.get(page), client.post(page)):
            assert answer["Location"].startswith("/account/confirm/"), page
    assert Authenticator.objects.filter(user=ada).exists()


def test_a_code_confirms_too(client: Client, ada: User) -> None:
    give_app(ada)
    client.force_login(ada)
    session = client.session
    session["shown_at"] = 0.0
    session.save()
    asked = client.get(f"{APP}remove/")["Location"]
    assert "/account/confirm/code/?next=" in text(client, asked)
    answer = client.post("/account/confirm/code/", {"code": code(), "next": f"{APP}remove/"})
    assert answer["Location"] == f"{APP}remove/"
    assert client.post(f"{APP}remove/").status_code == 302
    assert not Authenticator.objects.filter(user=ada).exists()
    assert "second_factor.removed" in actions()


def test_what_is_stored_is_encrypted_and_follows_the_keys(
    client: Client, ada: User, settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = give_app(ada)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = cursor.fetchone()[0]
    assert KEY not in str(stored)

    old = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS[0]
    fresh = Fernet.generate_key().decode()
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [fresh, old]
    management.call_command("rotate_keys")
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [fresh]

    assert "mfa_authenticator" in capsys.readouterr().out
    app.refresh_from_db()
    assert code_step(password_step(ada), code())["Location"] == "/"


def test_the_key_that_is_being_set_up_is_not_readable_in_the_session(client: Client, ada: User) -> None:
    client.force_login(ada)
    key = re.search(r"<code>([A-Z2-7]{32})</code>", text(client, APP))[1]
    assert client.session["mfa.totp.secret"] == key
    stored = Session.objects.get(session_key=client.session.session_key)
    assert key not in stored.session_data + str(stored.get_decoded())


@pytest.mark.parametrize(
    ("setting", "role", "led"),
    [
        ("none", Role.ADMINISTRATOR, False),
        ("administrators", Role.ADMINISTRATOR, True),
        ("administrators", Role.OWNER, False),
        ("all", Role.VIEWER, True),
    ],
)
def test_where_one_is_required_nothing_else_is_open(
    client: Client, person: Callable[[str], User], settings, setting: str, role: str, led: bool
) -> None:
    settings.SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR = setting
    user = person(role)

    pages = [
        "/",
        "/events/",
        "/account/",
        "/account/sessions/",
        "/admin/",
        "/admin/accounts/user/",
        "/nope/x/",
    ]
    answers = [client.get(page) for page in pages] + [client.post("/apps/new/", {"slug": "x"})]
    assert [answer.get("Location") == FACTOR for answer in answers] == [
        led and page != "/nope/x/" for page in pages
    ] + [led]
    fragment = client.get("/", headers=HTMX)
    assert (fragment.get("HX-Redirect") == FACTOR) == led
    assert "requires a second factor of you" in text(client, FACTOR) or not led

    give_app(user)
    assert client.get("/").status_code == 200


def test_who_lacks_one_can_set_it_up_and_sign_out(client: Client, ada: User, settings) -> None:
    settings.SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR = "all"
    client.force_login(ada)
    set_up_app(client)
    assert client.get("/").status_code == 200
    other = Client()
    other.force_login(make_person("bob", Role.VIEWER))
    assert other.post("/logout/")["Location"] == "/login/"


def test_the_last_one_that_is_required_stays(client: Client, ada: User, settings) -> None:
    settings.SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR = "all"
    client.force_login(ada)
    give_app(ada)
    page = client.post(f"{APP}remove/").content.decode()
    assert "This panel requires a second factor of you" in page
    assert Authenticator.objects.filter(user=ada).exists()


@pytest.mark.parametrize("page", [APP, f"{APP}remove/", f"{FACTOR}keys/1/remove/", CODES, f"{CODES}new/"])
def test_it_needs_a_sign_in(client: Client, ada: User, page: str) -> None:
    for answer in (client.get(page), client.post(page)):
        assert answer["Location"].startswith("/login/")


def test_nobody_removes_somebody_elses_key(client: Client, ada: User) -> None:
    bob = make_person("bob", Role.VIEWER)
    key = Authenticator.objects.create(user=bob, type=Authenticator.Type.WEBAUTHN, data={"name": "Key 1"})
    client.force_login(ada)
    for number in (key.pk, 0, 10**15):
        assert client.get(f"{FACTOR}keys/{number}/remove/").status_code == 404
        assert client.post(f"{FACTOR}keys/{number}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "null", "1", '{"id": 1}', '{"id": "x", "response": {}}']
)
@pytest.mark.parametrize("page", [f"{FACTOR}keys/add/", "/account/confirm/key/", "/login/second-factor/"])
def test_an_odd_credential_is_refused(client: Client, ada: User, page: str, credential: str) -> None:
    give_app(ada)
    if page.startswith("/login/"):
        client = password_step(ada)
    else:
        client.force_login(ada)
        session = client.session
        session["shown_at"] = session["shown_at"] if page.startswith(FACTOR) else 0.0
        session.save()
    client.get(page)
    assert client.post(page, {"credential": credential}).status_code in (200, 302)
    assert not Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).exists()
    assert client.get("/registries/add/").status_code in (302, 403)


@pytest.mark.django_db(transaction=True)
async def test_websockets_are_closed_to_who_lacks_one(settings) -> None:
    settings.SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR = "all"
    user = await in_thread(make_person)("vera", Role.VIEWER)
    session = await in_thread(session_of)(user)
    refused = socket("/ws/apps/", session)
    assert (await refused.connect(timeout=5)) == (False, 4401)

    await in_thread(give_app)(user)
    served = socket("/ws/apps/", session)
    assert (await served.connect(timeout=5))[0]
    await served.disconnect(timeout=5)


@pytest.mark.django_db(transaction=True)
def test_the_command_line_resets_what_somebody_lost(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    client.post("/login/", {"username": "ada", "password": PASSWORD})
    set_up_app(client)

    management.call_command("reset_second_factor", "ada")

    assert "ada has no second factor now; 2 removed." in capsys.readouterr().out
    assert not is_in(client)
    assert Client().post("/login/", {"username": "ada", "password": PASSWORD})["Location"] == "/"
    assert AuditEntry.objects.filter(action="second_factor.removed", origin="command line").exists()


def test_the_command_line_knows_who_is_nobody(ada: User) -> None:
    with pytest.raises(management.CommandError, match="nobody called 'eve'") as error:
        management.call_command("reset_second_factor", "eve")
    assert error.value.returncode == 2
