"""A panel behind a proxy that ends TLS, as browsers and liars meet it over real sockets."""

import re
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.lab.panel import PASSWORD, USERNAME, PanelProcess

PROXY, LIAR = "127.0.0.2", "127.0.0.3"
OVER_TLS = {"Host": "localhost", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def panel(panel_process: Callable[..., PanelProcess]) -> PanelProcess:
    return panel_process(
        environment={
            "SIMPLEDEPLOY_TLS": "1",
            "SIMPLEDEPLOY_TRUSTED_PROXIES": PROXY,
            "SIMPLEDEPLOY_HSTS_SECONDS": "31536000",
        }
    )


@pytest.fixture
def ask(panel: PanelProcess) -> Iterator[Callable[..., HTTPResponse]]:
    """Ask the panel from an address of this machine."""
    connections: list[HTTPConnection] = []

    def asking(
        path: str, *, source: str, headers: dict[str, str], form: dict[str, str] | None = None
    ) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", panel.port, timeout=20, source_address=(source, 0))
        connections.append(connection)
        body = None if form is None else urlencode(form)
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("GET" if form is None else "POST", path, body, headers | kind)
        return connection.getresponse()

    yield asking
    for connection in connections:
        connection.close()


def test_only_the_proxy_speaks_for_others(panel: PanelProcess, ask: Callable[..., HTTPResponse]) -> None:
    for source, headers in ((PROXY, {"Host": "localhost"}), (LIAR, OVER_TLS)):
        plain = ask("/events/?app=shop", source=source, headers=headers)
        assert (plain.status, plain.headers["Location"]) == (301, "https://localhost/events/?app=shop")
    assert ask("/healthz", source=LIAR, headers={"Host": "localhost"}).status == 200
    claimed = OVER_TLS | {"X-Forwarded-Host": "evil.example"}
    assert ask("/login/", source=PROXY, headers=claimed).status == 400

    page = ask("/login/", source=PROXY, headers=OVER_TLS)
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    csrf = expect_cookie(page, "__Host-csrftoken")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token
    cookies = {"Cookie": f"__Host-csrftoken={csrf}", "Origin": "https://localhost"}
    words = {"username": USERNAME, "login": USERNAME, "password": PASSWORD}
    form = {"csrfmiddlewaretoken": token[1], **words}
    foreign = cookies | {"Origin": "http://localhost"}
    assert ask("/login/", source=PROXY, headers=OVER_TLS | foreign, form=form).status == 403

    language = {"csrfmiddlewaretoken": token[1], "language": "de"}
    chosen = ask("/language/", source=PROXY, headers=OVER_TLS | cookies, form=language)
    assert expect_cookie(chosen, "__Host-language") == "de"

    signed_in = ask("/login/", source=PROXY, headers=OVER_TLS | cookies, form=form)
    assert signed_in.status == 302
    session = {"Cookie": f"__Host-sessionid={expect_cookie(signed_in, '__Host-sessionid')}"}
    assert ask("/", source=PROXY, headers=OVER_TLS | session).status == 200
    # The same cookies without TLS are led to it and get nothing.
    assert ask("/", source=LIAR, headers=OVER_TLS | session).status == 301

    assert opens(panel, PROXY, OVER_TLS | session, origin="https://localhost")
    assert not opens(panel, PROXY, OVER_TLS | session, origin="http://localhost")
    assert not opens(panel, LIAR, OVER_TLS | session, origin="https://localhost")


def expect_cookie(response: HTTPResponse, name: str) -> str:
    """Return the value of a cookie that is for scripts, other sites and plain http out of reach."""
    for line in response.headers.get_all("Set-Cookie") or []:
        if line.startswith(f"{name}="):
            words = {part.strip().lower() for part in line.split(";")[1:]}
            assert {"secure", "httponly", "samesite=lax", "path=/"} <= words
            assert not any(word.startswith("domain") for word in words)
            return line.split(";")[0].partition("=")[2]
    raise AssertionError(f"no cookie {name}: {response.headers.get_all('Set-Cookie')}")


def opens(panel: PanelProcess, source: str, headers: dict[str, str], *, origin: str) -> bool:
    """Tell whether the panel accepts a WebSocket."""
    given = {name: value for name, value in headers.items() if name != "Host"}
    try:
        with connect(
            "ws://localhost/ws/apps/",
            sock=socket.create_connection(("127.0.0.1", panel.port), source_address=(source, 0)),
            origin=origin,  # type: ignore[arg-type]
            additional_headers=given,
            compression=None,
        ) as client:
            return '"apps"' in str(client.recv(timeout=10))
    except InvalidStatus:
        return False
