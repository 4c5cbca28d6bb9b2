"""The WebSockets of the panel: the live log of an event, the state of all apps, and what an app uses."""

import asyncio
import contextlib
import json
import logging
import re
import time
from typing import Any, ClassVar, TypeGuard
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError
from django.utils.translation import activate

from apps.accounts.sign_in.second_factor import is_missing
from apps.deployer.state.usage import running_usage
from apps.deployments.live import (
    ACCESS_TOPIC,
    APPS_TOPIC,
    GAP,
    USAGE_TOPIC,
    Gap,
    Message,
    broadcaster,
    event_topic,
    lines_frame,
)
from apps.deployments.states import TERMINAL, Status
from apps.panel import live_reads
from apps.panel.connections import TooManyConnections, open_connections
from apps.panel.glances import Look, Seen, shared_look
from apps.panel.languages import language_of
from apps.panel.live_reads import read
from apps.panel.usage import usage_frame

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
            self.user = await read(live_reads.current_user, self.scope["session"].session_key)
        else:
            self.user = await read(live_reads.current_user_of_token, self.user.token.pk)
        return NOT_SIGNED_IN if not self.user.is_authenticated else await self._refusal()


def _is_about_access(message: Message | Gap | None) -> TypeGuard[Message]:
    return isinstance(message, dict) and message["type"] == "access"


class EventConsumer(LiveConsumer):
    """`/ws/events/<id>/?after=<seq>`: every line numbered above `after` once, the states, and the end."""

    _AFTER: ClassVar = re.compile(r"[0-9]{1,10}")

    async def refusal(self) -> int | None:
        self.event_id: int = self.scope["url_route"]["kwargs"]["event_id"]
        if self._stream is None:
            given = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
            after = given.get("after", ["0"])[-1]
            if not self._AFTER.fullmatch(after):
                return BAD_REQUEST
            self.last_seq = int(after)
            self.state: dict[str, Any] = {}
        return None if await read(live_reads.may_see_event, self.user, self.event_id) else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        # The other events move this one's place in the queue.
        return event_topic(self.event_id), APPS_TOPIC

    async def take(self, message: Message | Gap | None) -> bool:
        match message:
            case {"type": "lines", "first_seq": first, "last_seq": last} if first <= self.last_seq + 1:
                assert isinstance(message, dict)
                if last > self.last_seq:
                    await self._send_lines(message)
                return False
            case {"type": "hint", "last_seq": last} if last <= self.last_seq:
                return False
            case {"type": "apps"}:
                return False
            case {"type": "event", "event_id": other} if other != self.event_id:
                if self.state.get("status") != Status.QUEUED:
                    return False
        return await self._catch_up()

    async def _send_lines(self, message: Message) -> None:
        seen = self.last_seq + 1 - message["first_seq"]
        self.last_seq = message["last_seq"]
        await self.send(lines_frame(message["lines"][seen:]) if seen else message["frame"])

    async def _catch_up(self) -> bool:
        """Send what the rows hold beyond what was sent; tell whether the event is over."""
        # The state is read before the lines: all lines of an event that has ended are stored by then.
        state = await read(live_reads.event_state, self.event_id)
        over = state["status"] in TERMINAL
        if not over:
            await self._send_state(state)
        while found := await live_reads.frame_after(self.event_id, self.last_seq):
            self.last_seq, frame = found
            await self.send(frame)
        if over:
            await self._send_state(state)
            await self.send(json.dumps({"type": "end", "status": state["status"]}))
        return over

    async def _send_state(self, state: dict[str, Any]) -> None:
        if state != self.state:
            self.state = state
            await self.send(json.dumps({"type": "state", **state}))


class AppsConsumer(LiveConsumer):
    """`/ws/apps/?known=<text>`: every app's state and what it is doing, at first all, then what changes.

    Whoever has a page with all apps as they are says so by the `known` of that page or of the last frame,
    and is told nothing again. A page that shows no app asks with `?brief=1` and is told how many are busy
    alone. What is read is shared with the others who look at the same time.
    """

    seen: Seen | None = None
    _look: Look | None = None
    _seen_as: Any = None
    _is_brief = False

    async def refusal(self) -> int | None:
        return None if await read(live_reads.may_see_apps, self.user) else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        return (APPS_TOPIC,)

    async def take(self, message: Message | Gap | None) -> bool:
        since = time.monotonic()
        if message is None:
            # Nothing was said to have changed: what others have read lately will do.
            since -= POLL_SECONDS
        elif isinstance(message, dict):
            # The first change after a pause is told at once, and one look answers for those of a burst.
            await asyncio.sleep(shared_look.rest())
        recent = shared_look.recent(since)
        if recent and self._look and recent.all is self._look.all and self._seen_as is self.user:
            return False
        user = self.user
        self._look, seen = await read(live_reads.apps_seen, user, since)
        before, self.seen, self._seen_as = self.seen, seen, user
        if before is None:
            given = parse_qs(self.scope["query_string"].decode("latin-1"))
            self._is_brief = "brief" in given
            is_known = self._is_brief or given.get("known", [""])[-1] == seen.known
            await self.send(seen.frame(seen) if is_known else seen.whole_frame)
        elif self._is_brief:
            if seen.busy != before.busy:
                await self.send(seen.frame(seen))
        elif seen.known != before.known:
            await self.send(seen.frame(before))
        return False


class UsageConsumer(LiveConsumer):
    """`/ws/apps/<slug>/stats/`: what an app's services use, measured only while somebody looks."""

    frame = ""

    async def refusal(self) -> int | None:
        slug: str = self.scope["url_route"]["kwargs"]["slug"]
        app = await read(live_reads.visible_app, self.user, slug)
        if self._stream is None:
            self.slug, self.app = slug, app
        # The name may be another app's by now.
        return None if app is not None and app == self.app else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        return USAGE_TOPIC, APPS_TOPIC

    def _may_concern(self, message: Message | Gap | None) -> bool:
        # Whatever is heard of the app may be that it was removed.
        names_it = isinstance(message, dict) and self.slug in (message.get("slug"), *message.get("slugs", ()))
        return names_it or super()._may_concern(message)

    async def _send_live(self) -> None:
        stream = running_usage()
        with stream.watched() if stream else contextlib.nullcontext():
            await super()._send_live()

    async def take(self, message: Message | Gap | None) -> bool:
        match message:
            case {"type": "apps", "slugs": slugs} if self.slug not in slugs:
                return False
            case {"type": "event"} | None:
                return False
        frame = await read(usage_frame, self.slug)
        if frame != self.frame:
            self.frame = frame
            await self.send(frame)
        return False


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other address."""

    async def connect(self) -> None:
        await self.close(NOT_FOUND)
