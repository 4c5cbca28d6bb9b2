"""What the tests of the WebSockets share: an event, people, and clients of the whole ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployments import live
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from simpledeploy_site.asgi import application

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_event(slug: str = "shop", status: Status = Status.RUNNING, action: Action = Action.DEPLOY) -> int:
    """Return the id of a new event of the app `slug`, which is made where it is missing."""
    app = App.objects.live().filter(slug=slug).first() or App.objects.create(slug=slug, name=slug)
    return DeployEvent.objects.create(
        app=app, slug=slug, action=action, status=status, requested_by="alice"
    ).pk


def change_event(event_id: int, **columns: Any) -> None:
    """Change an event as its worker does, and announce it."""
    DeployEvent.objects.filter(pk=event_id).update(**columns)
    live.event_changed(event_id, DeployEvent.objects.get(pk=event_id).slug)


def in_thread(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return `function` to be awaited: it runs in a thread, whose connection is closed after it."""

    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        finally:
            connections.close_all()

    return sync_to_async(call, thread_sensitive=False)


def session_of(user: User | None) -> str:
    """Return the key of a new session of `user`."""
    client = Client()
    client.force_login(user)
    return client.session.session_key


def make_user(username: str = "vera", role: Role | str = Role.VIEWER) -> User:
    """Return a new person."""
    return User.objects.create_user(username, role=role)


def socket(
    path: str,
    session: str = "",
    *,
    host: str = "localhost",
    origin: str | None = "http://localhost",
    asks: str = "",
    chose: str = "",
) -> WebsocketCommunicator:
    """Return a WebSocket to the whole application, as a page at `origin` opens it.

    `asks` is what the browser says of its languages, `chose` the language that the person has chosen.
    """
    cookie = f"sessionid={session}" + (f"; {settings.LANGUAGE_COOKIE_NAME}={chose}" if chose else "")
    headers = [(b"host", host.encode()), (b"cookie", cookie.encode()), (b"accept-language", asks.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return WebsocketCommunicator(application, path, headers=headers)


class Watcher:
    """A client that keeps what it is sent; `reading` can be cleared to make it a slow one."""

    def __init__(self, path: str, session: str, **languages: str) -> None:
        communicator = socket(path, session, **languages)
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self.reading = asyncio.Event()
        self.reading.set()
        self.accepted = asyncio.Event()
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._received.put_nowait({"type": "websocket.connect"})
        self._closed = asyncio.Event()
        self.application = asyncio.create_task(
            application(communicator.scope, self._received.get, self._send)
        )

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        if message["type"] == "websocket.accept":
            self.accepted.set()
        elif message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
            self._closed.set()
        else:
            self.frames.append(json.loads(message["text"]))

    async def closed(self, timeout: float = 20) -> int | None:
        """Wait until the server closes, and return its code."""
        await asyncio.wait_for(self._closed.wait(), timeout)
        await self.leave()
        return self.code

    async def leave(self) -> None:
        """Go away, as a closed page does."""
        self.reading.set()
        self._received.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.application, 5)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines, in the order they came."""
        return [line for frame in self.frames if frame["type"] == "lines" for line in frame["lines"]]

    @property
    def numbers(self) -> list[int]:
        return [line["seq"] for line in self.lines]

    @property
    def states(self) -> list[tuple[str, str, int]]:
        """Each (status, step, position) that was sent."""
        return [(f["status"], f["step"], f["position"]) for f in self.frames if f["type"] == "state"]
