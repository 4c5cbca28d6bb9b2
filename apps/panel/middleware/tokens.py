"""Requests and WebSockets that show a token (`Authorization: Bearer sd_...`) in place of a session."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from allauth.core.internal.ratelimit import consume
from channels.security.websocket import WebsocketDenier
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils.translation import gettext

from apps.accounts import tokens
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.tokens import InvalidToken
from apps.core.database import DatabaseUnusable
from apps.core.errors import DomainError
from apps.panel.consumers.reads import read

_SCHEME: Final = "bearer "
# Wrong tokens that one address may show in a minute before it is told to wait.
WRONG_PER_MINUTE: Final = 20
# What an address may begin with. All else is about people: their account, the admin, sign-in.
OPEN_TO_TOKENS: Final = frozenset({"", "apps", "events", "engine", "healthz", "audit"})
_CHALLENGE: Final = 'Bearer realm="SimpleDeploy", error="invalid_token"'


class TooManyWrongTokens(DomainError):
    """More wrong tokens from an address than are written into the audit."""

    http_status = 429

    def __init__(self) -> None:
        super().__init__(gettext("Too many wrong tokens came from this address. Wait a minute."))


class TokenMiddleware:
    """Let a request with a token in as its account: without cookies, session or CSRF check.

    A browser never sends such a header by itself, so no other site can make it. A wrong token is told with
    401; it is never tried as a stranger's request besides. Tokens in an address are not looked at.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        text = bearer(request.META.get("HTTP_AUTHORIZATION", ""))
        if text is None:
            return self.get_response(request)
        try:
            user = tokens.whom(text, request.META.get("REMOTE_ADDR", ""))
        except InvalidToken as error:
            return _refused(request, error)
        except DatabaseError as error:
            return _told(DatabaseUnusable.of(error))
        if request.path_info.split("/")[1] not in OPEN_TO_TOKENS:
            return HttpResponseForbidden("A token cannot be used here.\n", content_type="text/plain")
        request.COOKIES = {}
        # What Django's own middleware would find out from the session, and its check of forms.
        request._cached_user = request._acached_user = user  # type: ignore[attr-defined]
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.cookies.clear()
        return response


class TokenOrSession:
    """Serve a WebSocket that shows a token by `by_token`, and others, after their checks, by `by_session`."""

    def __init__(self, *, by_token: Any, by_session: Any) -> None:
        self._by_token, self._by_session = by_token, by_session

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        text = bearer(headers.get(b"authorization", b"").decode("latin-1"))
        if text is None:
            await self._by_session(scope, receive, send)
            return
        address = (scope.get("client") or ("",))[0]
        try:
            user = await read(tokens.whom, text, address)
        except InvalidToken:
            agent = headers.get(b"user-agent", b"").decode("latin-1")
            with contextlib.suppress(DomainError):
                await read(_is_counted, _request(address, agent))
            await WebsocketDenier()(scope, receive, send)
            return
        await self._by_token({**scope, "user": user}, receive, send)


def bearer(header: str) -> str | None:
    """Return the token of an `Authorization` header; None where it is no bearer's."""
    return header[len(_SCHEME) :].strip() if header[: len(_SCHEME)].lower() == _SCHEME else None


def _refused(request: HttpRequest, error: InvalidToken) -> HttpResponse:
    """Return the answer to a wrong token."""
    try:
        if not _is_counted(request):
            return _told(TooManyWrongTokens(), {"Retry-After": "60"})
    except DomainError as unwritten:
        # An audit that takes no entry.
        return _told(unwritten)
    return _told(error, {"WWW-Authenticate": _CHALLENGE})


def _told(error: DomainError, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{error}\n", status=error.http_status, content_type="text/plain", headers=headers)


def _is_counted(request: HttpRequest) -> bool:
    """Write a wrong token into the audit; False where its address has shown too many for that."""
    limit = {"token": f"{WRONG_PER_MINUTE}/m/key"}
    address = request.META.get("REMOTE_ADDR") or "unknown"
    if consume(request, app="panel", action="token", config=limit, key=address, limit_get=True) is None:
        return False
    record(Actor.stranger(request, "unknown"), AuditAction.TOKEN_REFUSED, "a token", outcome="refused")
    return True


def _request(address: str, agent: str) -> HttpRequest:
    """Return what stands for the handshake of a WebSocket where a request is asked for."""
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}
    return request
