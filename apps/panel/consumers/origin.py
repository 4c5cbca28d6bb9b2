"""Refusal of WebSockets that other sites open."""

from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings


class SameOriginValidator:
    """Lets a WebSocket through only where a page of this panel opens it: same protocol, host and port.

    Allowed hosts alone do not do: browsers send the panel's cookies from every port of its host, so
    a page of an app that is deployed beside the panel could read along. The protocol is what the client
    used towards a trusted proxy. As for forms, an origin of CSRF_TRUSTED_ORIGINS is let through too (a
    proxy that is not trusted, or changes the Host header).
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        protocol = "https" if scope.get("scheme") == "wss" else "http"
        same = bool(host) and origin == f"{protocol}://{host}"
        application = self.inner if same or origin in settings.CSRF_TRUSTED_ORIGINS else WebsocketDenier()
        await application(scope, receive, send)
