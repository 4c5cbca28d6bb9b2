"""A signed-in person without a browser: cookies, forms with their CSRF token, no JavaScript."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the panel answered: `url` is the address after all redirects that were followed."""

    status: int
    url: str
    text: str
    headers: Message

    @property
    def path(self) -> str:
        """The path of `url`."""
        return urllib.parse.urlsplit(self.url).path

    @property
    def location(self) -> str:
        """Where a redirect that was not followed points to, else ""."""
        return self.headers.get("Location", "")

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)


class Client:
    """An HTTP client that keeps cookies; errors (4xx, 5xx) are answers, not exceptions."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies = CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self.cookies)
        direct = urllib.request.ProxyHandler({})
        self._following = urllib.request.build_opener(direct, cookies)
        self._staying = urllib.request.build_opener(direct, cookies, _NoRedirect)

    def get(
        self,
        path: str,
        *,
        follow: bool = True,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """GET `path`; redirects are followed unless `follow` is false."""
        return self._ask(
            urllib.request.Request(self._url(path), headers=dict(headers or {})), follow, timeout
        )

    def post(
        self,
        path: str,
        data: Mapping[str, str | list[str]] | None = None,
        *,
        follow: bool = True,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """POST a form to `path`, with the CSRF token that the cookies hold; each of a list is a field."""
        form = {"csrfmiddlewaretoken": self.cookie("csrftoken"), **(data or {})}
        request = urllib.request.Request(
            self._url(path),
            data=urllib.parse.urlencode(form, doseq=True).encode(),
            headers=dict(headers or {}),
        )
        return self._ask(request, follow, timeout)

    def sign_in(self, username: str, password: str) -> "Client":
        """Sign in by the form at /login/. Raises AssertionError where the panel refuses."""
        self.get("/login/")
        answer = self.post("/login/", {"username": username, "password": password}, follow=False)
        assert answer.status == 302, f"Signing in as {username}: {answer.status} {answer.text[:500]}"
        return self

    def cookie(self, name: str) -> str:
        """Return the value of a cookie, "" where there is none."""
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == name), "")

    def cookie_header(self) -> str:
        """Return all cookies as a Cookie header, for a WebSocket client."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)

    def _url(self, path: str) -> str:
        return urllib.parse.urljoin(self.base_url, path)

    def _ask(self, request: urllib.request.Request, follow: bool, timeout: float) -> Answer:
        opener = self._following if follow else self._staying
        try:
            with opener.open(request, timeout=timeout) as response:
                return Answer(
                    response.status, response.url, response.read().decode(errors="replace"), response.headers
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url, error.read().decode(errors="replace"), error.headers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
