"""Whom the panel takes for its client when proxies stand between, for pages and WebSockets alike."""

from ipaddress import ip_network
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from pytest_django.fixtures import Settings

from apps.panel.middleware.proxies import TrustedProxies, seen_by_client

PROXY, INNER_PROXY, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.9", "198.51.100.7"
TRUSTED = [ip_network("10.0.0.0/24"), ip_network("fd00::/8")]
KINDS = pytest.mark.parametrize("kind", ["http", "websocket"])


def scope(kind: str = "http", peer: str = PROXY, **headers: str) -> dict[str, Any]:
    """Return what Daphne makes of a request; header names are written with underscores."""
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": kind,
        "client": [peer, 50000],
        "root_path": "/elsewhere",
        "headers": [(b"host", b"inner:8000"), *listed],
    }


def host_of(seen: Any) -> bytes:
    return dict(seen["headers"])[b"host"]


@KINDS
def test_a_trusted_proxy_says_who_asks_and_how(kind: str) -> None:
    told = {
        "x_forwarded_for": CLIENT,
        "x_forwarded_proto": "https",
        "x_forwarded_host": "deploy.example:8443",
    }
    seen = seen_by_client(scope(kind, **told), TRUSTED)

    assert seen["client"] == [CLIENT, 0]
    assert seen["scheme"] == {"http": "https", "websocket": "wss"}[kind]
    assert seen["headers"] == [(b"host", b"deploy.example:8443")]


@KINDS
def test_nobody_else_is_believed(kind: str) -> None:
    told = {"x_forwarded_for": "127.0.0.1", "x_forwarded_proto": "https", "x_forwarded_host": "evil.example"}
    seen = seen_by_client(scope(kind, peer=LIAR, **told), TRUSTED)

    assert seen["client"] == [LIAR, 50000]
    assert seen["scheme"] == {"http": "http", "websocket": "ws"}[kind]
    assert seen["headers"] == [(b"host", b"inner:8000")]


@KINDS
def test_without_settings_nobody_is_believed(kind: str) -> None:
    seen = seen_by_client(scope(kind, peer="127.0.0.1", x_forwarded_for=CLIENT), [])
    assert seen["client"] == ["127.0.0.1", 50000]


@pytest.mark.parametrize(
    ("passed_on", "client"),
    [
        # A client may write what it likes: each proxy adds to the end whom it was asked by.
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"10.0.0.9, {CLIENT}, {INNER_PROXY}", CLIENT),
        (f"{LIAR}, {CLIENT}", CLIENT),
        (f"{INNER_PROXY}, 10.0.0.3", INNER_PROXY),
        (f"{CLIENT}:51234", CLIENT),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("2001:db8::5, fd00::1", "2001:db8::5"),
        (f"::ffff:{CLIENT}", CLIENT),
        # What is no address tells nothing, and neither does what stands before it.
        (f"{CLIENT}, unknown", PROXY),
        ("<script>", PROXY),
        ("\x00", PROXY),
        ("1.2.3.4\n5.6.7.8", PROXY),
        ("127.1", PROXY),
        ("0x7f000001", PROXY),
        ("9" * 5000, PROXY),
        ("", PROXY),
        (" , ,", PROXY),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(passed_on: str, client: str) -> None:
    seen = seen_by_client(scope(x_forwarded_for=passed_on), TRUSTED)
    assert seen["client"][0] == client


def test_several_headers_are_read_as_one_list() -> None:
    asked = scope()
    asked["headers"] += [(b"X-Forwarded-For", LIAR.encode()), (b"x-forwarded-for", CLIENT.encode())]
    assert seen_by_client(asked, TRUSTED)["client"][0] == CLIENT


def test_the_last_proxy_has_the_word_about_protocol_and_host() -> None:
    told = {"x_forwarded_proto": "https, http", "x_forwarded_host": "evil.example, deploy.example"}
    seen = seen_by_client(scope(**told), TRUSTED)
    assert seen["scheme"] == "http"
    assert host_of(seen) == b"deploy.example"


@pytest.mark.parametrize(
    "name", ["forwarded", "x_real_ip", "x_forwarded_port", "true_client_ip", "x_original_url"]
)
def test_no_other_header_reaches_the_application(name: str) -> None:
    for peer in (PROXY, LIAR):
        seen = seen_by_client(scope(peer=peer, **{name: CLIENT}), TRUSTED)
        assert [header for header, _ in seen["headers"]] == [b"host"]


def test_a_client_does_not_move_the_panel_below_another_path() -> None:
    assert seen_by_client(scope(daphne_root_path="//evil.example"), TRUSTED)["root_path"] == ""


def test_a_connection_without_an_address_is_nobody() -> None:
    asked = scope(x_forwarded_for=CLIENT) | {"client": None}
    assert seen_by_client(asked, TRUSTED)["client"] is None


@KINDS
async def test_the_application_gets_what_the_settings_let_it_see(kind: str, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_TRUSTED_PROXIES = TRUSTED
    served: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        served.append(scope)

    asked = ApplicationCommunicator(TrustedProxies(inner), scope(kind, x_forwarded_for=CLIENT))
    await asked.wait()
    assert served[0]["client"] == [CLIENT, 0]
