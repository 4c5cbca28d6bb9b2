"""The WebSocket between a page's terminal and a shell in a container."""

import asyncio
import contextlib
import json
import re
import time
from collections import deque
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from django.conf import settings

from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.sign_in.recent import is_recent_in
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployer.console.console import SHELLS, Console, Place, require_unprotected
from apps.deployer.console.consoles import TooManyConsoles, consoles
from apps.deployer.runner import default_runner
from apps.deployer.runner.terminal import LITTLE_TYPED, Terminal
from apps.deployments.console_sessions import ConsoleEnd
from apps.deployments.live import Gap, Message
from apps.panel.consumers.container_logs import find
from apps.panel.consumers.live import BAD_REQUEST, NORMAL, NOT_FOUND, NOT_SIGNED_IN, TOO_MANY, LiveConsumer
from apps.panel.consumers.reads import read

# Who signed in too long ago confirms who they are, on the page.
NOT_RECENT = 4428
# Seconds before a console ends for idleness when that is announced.
_WARNING_SECONDS = 60.0
# What follows within this time is sent together.
_BATCH_SECONDS = 0.01


class Outbox:
    """What threads have for a client, waiting in the event loop; bounded by the terminal's window."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[bytes | dict[str, Any]] = deque()
        self._has_room = False
        self._arrived = asyncio.Event()

    def put(self, item: bytes | dict[str, Any]) -> None:
        """Add bytes or a message; from any thread."""
        self._items.append(item)
        self._wake()

    def put_typed(self) -> None:
        """Add that there is room for more to be typed; from any thread. It is told once, however often."""
        self._has_room = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody is there any more
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self) -> list[bytes | dict[str, Any]]:
        """Wait for something and return all there is, bytes that follow one another in one piece."""
        await self._arrived.wait()
        self._arrived.clear()
        taken: list[bytes | dict[str, Any]] = []
        while self._items:
            item = self._items.popleft()
            if isinstance(item, bytes) and taken and isinstance(taken[-1], bytes):
                taken[-1] += item
            else:
                taken.append(item)
        if self._has_room:
            self._has_room = False
            taken.append({"type": "typed"})
        return taken


class ConsoleConsumer(LiveConsumer):
    """`/ws/apps/<slug>/console/?service=&index=&shell=&columns=&rows=`: a shell for each connection.

    Binary frames are what is typed and what is printed. Text frames from the page: {"type": "size",
    "columns", "rows"}, {"type": "taken", "bytes"} when so much more of the output was shown. To the page:
    {"type": "opened" | "refused" | "closed", ...} (see `Console`), {"type": "idle", "seconds"} before it ends
    for idleness, {"type": "typed"} for each binary frame when there is room for more.
    """

    _NUMBER: ClassVar = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
    _SERVICE: ClassVar = re.compile(r"[a-zA-Z0-9._-]{1,200}")

    app: App | None = None
    console: Console | None = None

    async def refusal(self) -> int | None:
        slug = self.scope["url_route"]["kwargs"]["slug"]
        app = await read(find, self.user, slug, Permission.CONSOLE)
        if app is None or self.user.token is not None or (self.app is not None and app.pk != self.app.pk):
            return NOT_FOUND
        if self.app is None:
            if not await read(is_recent_in, self.scope["session"]):
                return NOT_RECENT
            if not self._understands(dict(parse_qsl(self.scope["query_string"].decode("latin-1")))):
                return BAD_REQUEST
            self.app = app
        elif app.protected:
            return NOT_FOUND
        return None

    def _understands(self, given: dict[str, str]) -> bool:
        """Read what is wanted; False where the address says nothing that can be."""
        numbers = [given.get(name, standard) for name, standard in (("columns", "80"), ("rows", "24"))]
        self.place = Place(given.get("service", ""), given.get("index", ""), given.get("shell", ""))
        if not (
            all(self._NUMBER.fullmatch(number) for number in numbers)
            and self._SERVICE.fullmatch(self.place.service)
            and (not self.place.number or self._NUMBER.fullmatch(self.place.number))
            and self.place.shell in SHELLS
        ):
            return False
        columns, rows = map(int, numbers)
        self.why: ConsoleEnd | None = None
        self.has_left = self.is_warned = False
        self.typed_at, self.unanswered, self.untaken = time.monotonic(), 0, 0
        self.outbox = Outbox()
        self.terminal = Terminal(self.outbox.put, columns, rows, self.outbox.put_typed)
        return True

    def topics(self) -> tuple[str, ...]:
        return ()

    async def _send_live(self) -> None:
        assert self.app is not None
        console = Console(
            default_runner(), self.app, self.place, self._actor(), self.terminal, self.outbox.put
        )
        try:
            require_unprotected(self.app)
            consoles.start(console, self.user.pk)
        except DomainError as error:
            await self.send(json.dumps({"type": "refused", "text": str(error)}))
            await self.close(TOO_MANY if isinstance(error, TooManyConsoles) else NORMAL)
            return
        self.console = console
        sender = asyncio.create_task(self._send_output())
        try:
            await super()._send_live()
        finally:
            # Who is cut off without a word of theirs is so by the server's own end.
            cut = ConsoleEnd.PAGE_CLOSED if self.has_left else ConsoleEnd.PANEL_STOPPED
            console.end(self.why or cut)
            sender.cancel()

    async def disconnect(self, code: int) -> None:
        self.has_left = True

    async def _access_lost(self) -> int | None:
        code = await super()._access_lost()
        if code is not None:
            self.why = ConsoleEnd.SIGNED_OUT if code == NOT_SIGNED_IN else ConsoleEnd.RIGHT_TAKEN
        return code

    async def take(self, message: Message | Gap | None) -> bool:
        left = self.typed_at + settings.SIMPLEDEPLOY_CONSOLE_IDLE_SECONDS - time.monotonic()
        if left <= 0 and self.console is not None:
            self.console.end(ConsoleEnd.IDLE)
        elif left <= _WARNING_SECONDS and not self.is_warned:
            self.is_warned = True
            await self.send(json.dumps({"type": "idle", "seconds": round(left)}))
        return False

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._stream is None or self.console is None:
            return
        if bytes_data is not None:
            self.typed_at, self.is_warned = time.monotonic(), False
            self.unanswered += 1
            if not self.terminal.type(bytes_data):
                self.console.end(ConsoleEnd.TOO_FAST)
            elif self.terminal.typed_ahead <= LITTLE_TYPED:
                self.outbox.put_typed()
            return
        try:
            match json.loads(text_data or ""):
                case {"type": "size", "columns": int(columns), "rows": int(rows)}:
                    self.terminal.resize(columns, rows)
                case {"type": "taken", "bytes": int(count)} if count > 0:
                    # Not what is still to be sent, whatever a client says: it would be made room for here.
                    count = min(count, self.untaken)
                    self.untaken -= count
                    self.terminal.taken(count)
        except (ValueError, RecursionError):
            await self.close(BAD_REQUEST)

    async def _send_output(self) -> None:
        while True:
            for item in await self.outbox.take():
                if isinstance(item, bytes):
                    self.untaken += len(item)
                    await self.send(bytes_data=item)
                elif item["type"] == "typed":
                    answered, self.unanswered = self.unanswered, 0
                    if answered:
                        await self.send(json.dumps({"type": "typed", "frames": answered}))
                else:
                    await self.send(json.dumps(item))
                    if item["type"] != "opened":
                        await self.close(NORMAL)
                        return
            await asyncio.sleep(_BATCH_SECONDS)

    def _actor(self) -> Actor:
        address = (self.scope.get("client") or ("",))[0]
        agent = dict(self.scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        return Actor(
            self.user.get_username(), f"web {address}".strip(), self.user, address=address, agent=agent
        )
