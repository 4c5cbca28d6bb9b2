"""What all WebSockets of the panel share: who may listen, in which language, and when it ends."""

import asyncio
import contextlib
import logging
import time
from typing import Any, TypeGuard

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError
from django.utils.translation import activate

from apps.accounts.sign_in.second_factor import is_missing
from apps.deployments.live import (
    ACCESS_TOPIC,
    GAP,
    Gap,
    Message,
    broadcaster,
)
from apps.panel.consumers import reads
from apps.panel.consumers.connections import TooManyConnections, open_connections
from apps.panel.consumers.reads import read
from apps.panel.languages import language_of

logger = logging.getLogger(__name__)

# Seconds after which rows are read without a hint: the event may be run by a process that sends none.
POLL_SECONDS = 1.0
# Seconds between looks at whether this person may still see what they see, where no message says it.
ACCESS_SECONDS = 15.0

# Close codes from 4000 on are the application's own (RFC 6455, 7.4.2).
NORMAL = 1000
BAD_REQUEST = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
TOO_MANY = 4429
FAILED = 4500


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends what its rows say, again whenever a message hints at a change; says nothing to others.

    It speaks the language of the page that opened it.

    Subclasses say what is refused (`refusal`), what is listened to (`topics`), and what to send for
    a message (`take`).
    """

    _stream: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._counted = contextlib.ExitStack()
        # For all that it calls, the reads in other threads included; nobody else's task is concerned.
        activate(language_of(scope))
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._counted.close()
            # Also where the server ends this application without a word of the client.
            if self._stream is not None:
                self._stream.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._stream

    async def connect(self) -> None:
        self.user = self.scope["user"]
        code = NOT_SIGNED_IN if not self.user.is_authenticated else await self._refusal()
        if code is not None:
            await self.close(code)
            return
        # A refused handshake would not tell the page why.
        await self.accept()
        try:
            address = (self.scope.get("client") or ("",))[0]
            self._counted.enter_context(open_connections.one_more(self.user.pk, address))
        except TooManyConnections:
            await self.close(TOO_MANY)
            return
        self._stream = asyncio.create_task(self._send_live())

    async def refusal(self) -> int | None:
        """Return the close code that says why `self.user` is not served, None where they are."""
        raise NotImplementedError

    def topics(self) -> tuple[str, ...]:
        """Return the topics whose messages `take` gets."""
        raise NotImplementedError

    async def take(self, message: Message | Gap | None) -> bool:
        """Send what `message` (None: nothing came for a while) changed; tell whether that was all."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Wait for what may follow a message closely."""

    async def _send_live(self) -> None:
        try:
            # Subscribed first: what happens while the rows are read is waiting when they are.
            async with broadcaster.subscribe(ACCESS_TOPIC, *self.topics()) as subscription:
                message: Message | Gap | None = GAP
                looked = time.monotonic()
                while True:
                    try:
                        if self._may_concern(message) or time.monotonic() - looked > ACCESS_SECONDS:
                            looked = time.monotonic()
                            if (code := await self._access_lost()) is not None:
                                await self.close(code)
                                return
                        if not _is_about_access(message) and await self.take(message):
                            await self.close(NORMAL)
                            return
                        message = await subscription.get(timeout=POLL_SECONDS)
                    except DatabaseError as error:
                        logger.warning("Live updates wait for the database: %s", error)
                        await asyncio.sleep(POLL_SECONDS)
                        message = GAP
        except Exception:
            await self.close(FAILED)
            raise

    async def _refusal(self) -> int | None:
        # Who lacks the second factor that is required is led to it by whatever page they load.
        return NOT_SIGNED_IN if await read(is_missing, self.user) else await self.refusal()

    def _may_concern(self, message: Message | Gap | None) -> bool:
        """Tell whether `message` may mean that this person's access changed; one may be lost in a gap."""
        if isinstance(message, Gap):
            return True
        return _is_about_access(message) and message["user"] in (None, self.user.pk)

    async def _access_lost(self) -> int | None:
        if self.user.token is None:
            self.user = await read(reads.current_user, self.scope["session"].session_key)
        else:
            self.user = await read(reads.current_user_of_token, self.user.token.pk)
        return NOT_SIGNED_IN if not self.user.is_authenticated else await self._refusal()


def _is_about_access(message: Message | Gap | None) -> TypeGuard[Message]:
    return isinstance(message, dict) and message["type"] == "access"


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other address."""

    async def connect(self) -> None:
        await self.close(NOT_FOUND)
