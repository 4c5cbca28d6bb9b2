"""Messages about events and apps, from any thread to whoever listens in an event loop.

Rows are the truth and messages are hints: a subscriber that misses some is told so (`Gap`) and reads
the rows again. Nothing here blocks, and nothing here fails a deploy.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction

from apps.deployments.logs import LogLine

if TYPE_CHECKING:
    from apps.deployments.live_relay import Relay

APPS_TOPIC: Final = "apps"
# What changes who somebody is, or what they may see.
ACCESS_TOPIC: Final = "access"
# What containers use, as this process measures it.
USAGE_TOPIC: Final = "usage"
# What one subscriber may have waiting; beyond it everything waiting is dropped for one Gap.
MAX_MESSAGES = 1000
MAX_BYTES = 1024 * 1024

_MESSAGE_BYTES = 256  # a message without a frame, roughly

Message = dict[str, Any]


class Gap:
    """Says that messages were dropped: read the rows again."""

    def __repr__(self) -> str:
        return "<Gap>"


GAP: Final = Gap()


def event_topic(event_id: int) -> str:
    """Return the topic of one event's lines and changes."""
    return f"event.{event_id}"


class Subscription:
    """One listener's bounded queue; to be used in the event loop it was made in, as `async with`."""

    def __init__(self, broadcaster: "Broadcaster", topics: tuple[str, ...]) -> None:
        self.topics = topics
        self.loop: asyncio.AbstractEventLoop | None = None
        self._broadcaster = broadcaster
        self._waiting: deque[tuple[Message | Gap, int]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> "Subscription":
        self.loop = asyncio.get_running_loop()
        self._broadcaster.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broadcaster.remove(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Message | Gap:
        message = await self.get()
        assert message is not None
        return message

    async def get(self, timeout: float | None = None) -> Message | Gap | None:
        """Return the next message, GAP where some were dropped, or None after `timeout` seconds."""
        if (message := self._take()) is not None:
            return message
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._arrived.wait()
                    if (message := self._take()) is not None:
                        return message
        except TimeoutError:
            return None

    def _take(self) -> Message | Gap | None:
        with self._broadcaster.lock:
            if self._waiting:
                message, size = self._waiting.popleft()
                self._bytes -= size
                return message
            # Under the lock: whoever puts the next message finds the queue empty and sets it again.
            self._arrived.clear()
            return None

    def put(self, message: Message, size: int) -> bool:
        """Queue `message` (with the lock held) and tell whether the listener has to be woken."""
        asleep = not self._waiting
        if len(self._waiting) >= MAX_MESSAGES or self._bytes + size > MAX_BYTES:
            self._waiting.clear()
            self._waiting.append((GAP, 0))
            self._bytes = 0
        else:
            self._waiting.append((message, size))
            self._bytes += size
        return asleep

    def wake(self) -> None:
        """Let the listener look at its queue (in its own loop)."""
        self._arrived.set()


class Broadcaster:
    """Hands each message to the subscriptions of its topics, in all event loops of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._relay: Relay | None = None
        self._listeners: tuple[Callable[[Message], None], ...] = ()

    def subscribe(self, *topics: str) -> Subscription:
        """Return a subscription to `topics`, which begins with its `async with`."""
        return Subscription(self, topics)

    def publish(self, topic: str, message: Message) -> None:
        """Hand `message` to the subscribers of `topic`. Callable from any thread; never blocks."""
        self.deliver((topic,), message)

    def deliver(self, topics: Iterable[str], message: Message) -> None:
        """Hand `message` once to each subscriber of any of `topics`."""
        topics = tuple(topics)
        size = _MESSAGE_BYTES + len(message.get("frame", ""))
        sleepers: dict[asyncio.AbstractEventLoop, list[Subscription]] = {}
        with self.lock:
            listeners = set().union(*(self._subscriptions.get(topic, ()) for topic in topics))
            for subscription in listeners:
                if subscription.put(message, size) and subscription.loop is not None:
                    sleepers.setdefault(subscription.loop, []).append(subscription)
        for loop, subscriptions in sleepers.items():
            try:
                # One wake-up a loop, however many listen in it.
                loop.call_soon_threadsafe(partial(_wake, subscriptions))
            except RuntimeError:  # the loop is closed, and its listeners with it
                for subscription in subscriptions:
                    self.remove(subscription)

        for listener in self._listeners if APPS_TOPIC in topics else ():
            listener(message)

    def listen(self, listener: Callable[[Message], None]) -> None:
        """Call `listener` with each message about apps, in whatever thread; it must not wait."""
        with self.lock:
            self._listeners = (*self._listeners, listener)
        self.relay()

    def unlisten(self, listener: Callable[[Message], None]) -> None:
        """Call `listener` no more."""
        with self.lock:
            self._listeners = tuple(one for one in self._listeners if one != listener)

    def listens(self, topic: str) -> bool:
        """Tell whether anybody in this process listens to `topic`."""
        return topic in self._subscriptions

    def add(self, subscription: Subscription) -> None:
        """Begin to deliver to `subscription`."""
        with self.lock:
            for topic in subscription.topics:
                self._subscriptions.setdefault(topic, set()).add(subscription)
        self.relay()

    def remove(self, subscription: Subscription) -> None:
        """Deliver nothing more to `subscription`; removing it twice is no error."""
        with self.lock:
            for topic in subscription.topics:
                listeners = self._subscriptions.get(topic, set())
                listeners.discard(subscription)
                if not listeners:
                    self._subscriptions.pop(topic, None)

    def relay(self) -> "Relay | None":
        """Return the connection to the other processes, None where no Redis is configured."""
        if not settings.REDIS_URL:
            return None
        # Not before it is wanted: the Redis client alone is a twentieth of a command's start.
        from apps.deployments.live_relay import Relay

        with self.lock:
            if self._relay is None:
                self._relay = Relay(settings.REDIS_URL, self._relayed)
            return self._relay

    def _relayed(self, hint: Message) -> None:
        """Hand on a hint that another process sent."""
        match hint:
            case {"type": "hint", "event_id": int(event_id)}:
                self.deliver((event_topic(event_id),), hint)
            case {"type": "event", "event_id": int(event_id)}:
                self.deliver((event_topic(event_id), APPS_TOPIC), hint)
            case {"type": "apps"}:
                self.deliver((APPS_TOPIC,), hint)
            case {"type": "access"}:
                self.deliver((ACCESS_TOPIC,), hint)


def _wake(subscriptions: list[Subscription]) -> None:
    for subscription in subscriptions:
        subscription.wake()


broadcaster = Broadcaster()


def lines_frame(lines: Sequence[LogLine]) -> str:
    """Return the text of the WebSocket frame that carries `lines`."""
    return json.dumps({"type": "lines", "lines": [line._asdict() for line in lines]}, separators=(",", ":"))


def lines_written(event_id: int, first_seq: int, lines: Sequence[LogLine]) -> None:
    """Announce `lines` (consecutive, the first numbered `first_seq`), once their rows are stored."""
    topic, last_seq = event_topic(event_id), first_seq + len(lines) - 1
    if broadcaster.listens(topic):
        # The frame is made once here, not by every listener.
        message = {
            "type": "lines",
            "event_id": event_id,
            "first_seq": first_seq,
            "last_seq": last_seq,
            "lines": lines,
            "frame": lines_frame(lines),
        }
        broadcaster.publish(topic, message)
    if relay := broadcaster.relay():
        relay.send({"type": "hint", "event_id": event_id, "last_seq": last_seq})


def event_changed(event_id: int, slug: str) -> None:
    """Announce that an event's status, step or place in the queue changed, once that is committed."""
    _after_commit((event_topic(event_id), APPS_TOPIC), {"type": "event", "event_id": event_id, "slug": slug})


def apps_changed(slugs: Iterable[str]) -> None:
    """Announce that the engine shows another state of the apps named `slugs`, or that they came or went."""
    _after_commit((APPS_TOPIC,), {"type": "apps", "slugs": sorted(slugs)})


def usage_measured() -> None:
    """Announce to this process that what containers use was measured again, or cannot be."""
    broadcaster.publish(USAGE_TOPIC, {"type": "usage"})


def access_changed(user_id: int | None) -> None:
    """Announce that the person `user_id` (None: anybody) may be signed out, or may see less than before."""
    _after_commit((ACCESS_TOPIC,), {"type": "access", "user": user_id})


def _after_commit(topics: tuple[str, ...], message: Message) -> None:
    def tell() -> None:
        broadcaster.deliver(topics, message)
        if relay := broadcaster.relay():
            relay.send(message)

    # Asked first, since on_commit would open a connection in a thread that has none.
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(tell, robust=True)
    else:
        tell()
