"""Requests and WebSockets with a token: what they may, and that they end with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.actor import Actor
from apps.accounts.models import AuditEntry, Role, Token, User
from apps.accounts.policy import Permission
from apps.deployments.models import DeployEvent
from apps.panel.consumers.live import NOT_FOUND, NOT_SIGNED_IN
from apps.panel.middleware.tokens import WRONG_PER_MINUTE
from simpledeploy_site.asgi import application
from tests.accounts.people import PASSWORD, make_person
from tests.accounts.tokens import bearer, make_token
from tests.panel.live import in_thread
from tests.panel.live import make_event as make_live_event
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict() -> Client:
    return Client(enforce_csrf_checks=True)


def test_a_token_acts_for_its_account_without_session_cookie_or_csrf(strict: Client, fake_engine) -> None:
    make_app()
    _token, text = make_token(make_person("olga", Role.OPERATOR), name="restarts")
    answer = strict.post("/apps/shop/restart/", headers=bearer(text), REMOTE_ADDR="10.0.0.9")
    assert answer.status_code == 302
    assert not answer.cookies
    assert not Session.objects.exists()
    assert DeployEvent.objects.get().requested_by == "olga"
    entry = AuditEntry.objects.get(action="event.requested")
    assert (entry.actor, entry.token, entry.address) == ("olga", "restarts", "10.0.0.9")


def test_a_token_goes_before_a_session_and_does_not_touch_it(client: Client) -> None:
    make_app()
    client.force_login(make_person("ada", Role.ADMINISTRATOR))
    _token, text = make_token(make_person("nobody"))
    assert client.get("/apps/shop/", headers=bearer(text)).status_code == 404
    assert client.get("/apps/shop/").status_code == 200


def test_a_token_narrows_to_its_permissions_and_apps(client: Client, fake_engine) -> None:
    shop, _blog = make_app("shop"), make_app("blog")
    owner = make_person("olga", Role.OWNER)
    _token, text = make_token(owner, permissions=[Permission.VIEW], apps=[shop.pk])
    headers = bearer(text)
    assert client.get("/apps/shop/", headers=headers).status_code == 200
    assert client.get("/apps/blog/", headers=headers).status_code == 404
    assert "blog" not in client.get("/", headers=headers).content.decode()
    assert client.post("/apps/shop/restart/", headers=headers).status_code == 403
    assert client.post("/apps/blog/restart/", headers=headers).status_code == 404


def test_a_token_gives_no_more_than_its_account_has(client: Client, fake_engine) -> None:
    make_app()
    viewer = make_person("vera", Role.VIEWER)
    _token, text = make_token(viewer)
    assert client.post("/apps/shop/restart/", headers=bearer(text)).status_code == 403
    User.objects.filter(pk=viewer.pk).update(role="")
    assert client.get("/apps/shop/", headers=bearer(text)).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/apps/shop/environment/",
        "/apps/shop/access/",
        "/apps/shop/remove/",
        "/registries/",
        "/registries/add/",
        "/account/",
        "/account/tokens/",
        "/account/confirm/",
        "/account/password/",
        "/admin/",
        "/admin/accounts/user/",
        "/login/",
        "/setup/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_asks_for_a_person_is_closed_to_tokens(client: Client, address: str, method: str) -> None:
    make_app()
    _token, text = make_token(make_person("ada", Role.ADMINISTRATOR))
    assert getattr(client, method)(address, headers=bearer(text)).status_code == 403


def test_no_token_can_be_made_for_what_is_closed_to_them() -> None:
    ada = make_person("ada", Role.ADMINISTRATOR)
    for permission in set(Permission) - set(tokens.PERMISSIONS):
        with pytest.raises(tokens.InvalidTokenRequest):
            make_token(ada, permissions=[permission])
    # Also where somebody writes it into the table.
    token, text = make_token(ada, permissions=[Permission.VIEW])
    Token.objects.filter(pk=token.pk).update(permissions=[p.value for p in Permission])
    scope = tokens.whom(text).scope
    assert scope is not None
    assert scope.permissions == set(tokens.PERMISSIONS)


def _expire(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def _revoke(token: Token) -> None:
    tokens.revoke(token, Actor("ada", "test"))


def _disable(token: Token) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


@pytest.mark.parametrize("end", [_expire, _revoke, _disable])
def test_a_token_ends_at_once(client: Client, end: Callable[[Token], None]) -> None:
    make_app()
    token, text = make_token(make_person("vera", Role.VIEWER))
    assert client.get("/apps/shop/", headers=bearer(text)).status_code == 200
    end(token)
    answer = client.get("/apps/shop/", headers=bearer(text))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="SimpleDeploy", error="invalid_token"'


@pytest.mark.parametrize(
    "text", ["", "x", "sd_", "sd_" + "A" * 43, "sd_" + "A" * 9000, "sd_\x00é", "Bearer sd_"]
)
def test_a_wrong_token_is_told_and_never_tried_as_a_stranger(client: Client, text: str) -> None:
    answer = client.get("/login/", headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR="10.0.0.9")
    assert answer.status_code == 401
    assert answer.content.startswith(b"This token is not valid")
    entry = AuditEntry.objects.get(action="token.refused")
    assert (entry.address, entry.outcome) == ("10.0.0.9", "refused")
    assert not text or text not in str(AuditEntry.objects.values_list())


def test_part_of_a_token_or_another_case_is_wrong(client: Client) -> None:
    _token, text = make_token(make_person("vera", Role.VIEWER))
    for wrong in (text[:-1], text + "A", text.swapcase(), text[3:], Token.objects.get().digest):
        assert client.get("/", headers=bearer(wrong)).status_code == 401
    assert client.get("/", headers={"Authorization": f"bearer  {text} "}).status_code == 200


def test_who_shows_many_wrong_tokens_waits_and_others_do_not(client: Client) -> None:
    _token, text = make_token(make_person("vera", Role.VIEWER))
    for _ in range(WRONG_PER_MINUTE):
        assert client.get("/", headers=bearer("sd_wrong")).status_code == 401
    answer = client.get("/", headers=bearer("sd_wrong"))
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert AuditEntry.objects.filter(action="token.refused").count() == WRONG_PER_MINUTE
    assert client.get("/", headers=bearer(text)).status_code == 200


def test_a_database_that_does_not_answer_is_told_and_lets_nobody_in(client: Client, monkeypatch) -> None:
    def broken(*_args: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(tokens, "_note_use", broken)
    _token, text = make_token(make_person("vera", Role.VIEWER))
    answer = client.get("/", headers=bearer(text))
    assert answer.status_code == 503
    assert b"database is locked" in answer.content


def test_a_token_in_an_address_is_not_looked_at(client: Client) -> None:
    _token, text = make_token(make_person("vera", Role.VIEWER))
    for name in ("token", "access_token", "authorization"):
        assert client.get(f"/?{name}={text}").status_code == 302
    assert client.post("/login/", {"token": text}).status_code != 302


def test_the_last_use_is_written_once_a_minute(client: Client, django_assert_num_queries) -> None:
    token, text = make_token(make_person("vera", Role.VIEWER))
    client.get("/", headers=bearer(text), REMOTE_ADDR="10.0.0.1")
    token.refresh_from_db()
    first = token.last_used_at
    assert token.last_used_from == "10.0.0.1"
    client.get("/", headers=bearer(text), REMOTE_ADDR="10.0.0.2")
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_from) == (first, "10.0.0.1")
    Token.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    client.get("/", headers=bearer(text), REMOTE_ADDR="10.0.0.2")
    token.refresh_from_db()
    assert token.last_used_from == "10.0.0.2"


def test_a_machine_never_signs_in_with_a_password(client: Client) -> None:
    machine = tokens.make_machine("ci", Role.VIEWER, Actor("ada", "test"))
    machine.set_password(PASSWORD)
    machine.save()
    assert not User.objects.get(username="ci").has_usable_password()
    client.post("/login/", {"login": "ci", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def _socket(path: str, text: str) -> WebsocketCommunicator:
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {text}".encode())]
    return WebsocketCommunicator(application, path, headers=headers)


@pytest.mark.django_db(transaction=True)
async def test_a_websocket_is_open_to_a_token_until_it_is_revoked() -> None:
    event = await in_thread(make_live_event)()
    vera = await in_thread(make_person)("vera", Role.VIEWER)
    token, text = await in_thread(make_token)(vera)
    socket = _socket(f"/ws/events/{event}/", text)
    assert (await socket.connect(timeout=5))[0]
    await in_thread(_revoke)(token)
    while (message := await socket.receive_output(timeout=5))["type"] != "websocket.close":
        pass
    assert message["code"] == NOT_SIGNED_IN


@pytest.mark.django_db(transaction=True)
async def test_a_websocket_holds_a_token_to_its_apps_and_refuses_a_wrong_one() -> None:
    shop, blog = [await in_thread(make_live_event)(slug) for slug in ("shop", "blog")]
    vera = await in_thread(make_person)("vera", Role.VIEWER)
    event = await in_thread(DeployEvent.objects.get)(pk=shop)
    _token, text = await in_thread(make_token)(vera, apps=[event.app_id])
    assert (await _socket(f"/ws/events/{blog}/", text).connect(timeout=5)) == (False, NOT_FOUND)
    opened = _socket(f"/ws/events/{shop}/", text)
    assert (await opened.connect(timeout=5))[0]
    await opened.disconnect()
    assert not (await _socket(f"/ws/events/{shop}/", "sd_wrong").connect(timeout=5))[0]
    assert await in_thread(AuditEntry.objects.filter(action="token.refused").count)() == 1
