"""Hints between the processes of one panel, over Redis. Without it they only see changes a second later."""

import json
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import redis
from django.utils.crypto import salted_hmac

logger = logging.getLogger(__name__)

# Hints that wait while Redis is away; the oldest go first, and readers poll the rows anyway.
MAX_WAITING = 1000
RECONNECT_SECONDS = 2.0
_SOCKET_SECONDS = 5.0

Hint = dict[str, Any]


def channel() -> str:
    """Return the name of this panel's channel: its processes share a secret key, others do not know it.

    So two panels on one Redis hear nothing of each other, and who merely knows the name cannot send hints.
    """
    return f"simpledeploy:{salted_hmac('simpledeploy.live', 'channel', algorithm='sha256').hexdigest()[:32]}"


class Relay:
    """Sends hints to the other processes and hands theirs to `receive`, in two threads of its own.

    It carries numbers and names, never lines. A Redis that does not answer is tried again for ever;
    `send` neither blocks nor raises.
    """

    def __init__(self, url: str, receive: Callable[[Hint], None]) -> None:
        self._url = url
        self._receive = receive
        self._own = secrets.token_hex(8)
        self._channel = channel()
        self._waiting: OrderedDict[str, Hint] = OrderedDict()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(work,), name=name, daemon=True)
            for work, name in ((self._publish, "relay-send"), (self._listen, "relay-receive"))
        ]
        for thread in self._threads:
            thread.start()

    def send(self, hint: Hint) -> None:
        """Queue `hint`; a later one about the same thing takes the place of one that still waits."""
        about = hint.get("event_id", hint.get("slugs", hint.get("user")))
        key = f"{hint['type']} {about}"
        with self._changed:
            self._waiting[key] = hint
            if len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)
            self._changed.notify()

    def stop(self) -> None:
        """End both threads."""
        self._stopped.set()
        with self._changed:
            self._changed.notify()
        for thread in self._threads:
            thread.join(_SOCKET_SECONDS)

    def _keep(self, work: Callable[[redis.Redis], None]) -> None:
        complained = False
        while not self._stopped.is_set():
            try:
                with redis.Redis.from_url(
                    self._url, socket_connect_timeout=_SOCKET_SECONDS, socket_timeout=_SOCKET_SECONDS
                ) as client:
                    client.ping()
                    complained = False
                    work(client)
            except (redis.RedisError, OSError) as error:
                if not complained:
                    logger.warning("REDIS_URL: %s; live updates from other processes come late.", error)
                complained = True
                self._stopped.wait(RECONNECT_SECONDS)

    def _publish(self, client: redis.Redis) -> None:
        while not self._stopped.is_set():
            with self._changed:
                while not self._waiting and not self._stopped.is_set():
                    self._changed.wait()
                waiting, self._waiting = self._waiting, OrderedDict()
            for hint in waiting.values():
                client.publish(self._channel, json.dumps({**hint, "from": self._own}))

    def _listen(self, client: redis.Redis) -> None:
        with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(self._channel)
            while not self._stopped.is_set():
                message = pubsub.get_message(timeout=1.0)
                if message is not None:
                    self._take(message["data"])

    def _take(self, data: bytes) -> None:
        try:
            hint = json.loads(data)
        except ValueError:
            return  # somebody else's message on the same Redis
        if isinstance(hint, dict) and hint.pop("from", self._own) != self._own:
            self._receive(hint)
