import queue
import time

import pytest
import redis

from apps.deployments import live, live_relay
from apps.deployments.live import APPS_TOPIC, Broadcaster, event_topic
from apps.deployments.live_relay import Relay


class _Redis:
    """Stands for a Redis: its clients, their publish and their subscriptions."""

    def __init__(self) -> None:
        self.up = True
        self.subscribers: list[queue.Queue] = []
        self.published: list[str] = []

    def from_url(self, url, **options) -> "_Client":
        return _Client(self)


class _Client:
    def __init__(self, server: _Redis) -> None:
        self._server = server
        self._messages: queue.Queue = queue.Queue()

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *error) -> None:
        if self._messages in self._server.subscribers:
            self._server.subscribers.remove(self._messages)

    def _answer(self) -> None:
        if not self._server.up:
            raise redis.ConnectionError("connection refused")

    ping = _answer

    def publish(self, channel: str, data: str) -> None:
        self._answer()
        self._server.published.append(data)
        for subscriber in self._server.subscribers:
            subscriber.put({"data": data.encode()})

    def pubsub(self, **options) -> "_Client":
        return self

    def subscribe(self, channel: str) -> None:
        self._server.subscribers.append(self._messages)

    def get_message(self, timeout: float):
        self._answer()
        try:
            return self._messages.get(timeout=0.02)
        except queue.Empty:
            return None


@pytest.fixture
def server(monkeypatch) -> _Redis:
    server = _Redis()
    monkeypatch.setattr(live_relay.redis, "Redis", server)
    monkeypatch.setattr(live_relay, "RECONNECT_SECONDS", 0.02)
    return server


@pytest.fixture
def relay(server):
    relays = []

    def start(receive) -> Relay:
        relays.append(Relay("redis://example", receive))
        _until(lambda: len(server.subscribers) == len(relays) or not server.up)
        return relays[-1]

    yield start
    for relay in relays:
        relay.stop()


def _until(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_hint_reaches_the_other_processes_and_not_its_own(relay):
    own, other = [], []
    sender = relay(own.append)
    relay(other.append)
    sender.send({"type": "hint", "event_id": 7, "last_seq": 3})
    _until(lambda: other)
    assert other == [{"type": "hint", "event_id": 7, "last_seq": 3}]
    assert own == []


def test_hints_about_one_event_that_wait_become_the_last_one(server, relay):
    other: list = []
    relay(other.append)
    sender = relay(lambda hint: None)
    with sender._changed:
        for seq in range(100):
            sender.send({"type": "hint", "event_id": 7, "last_seq": seq})
        sender.send({"type": "hint", "event_id": 8, "last_seq": 1})
    _until(lambda: len(other) == 2)
    assert [hint["last_seq"] for hint in other] == [99, 1]


def test_a_redis_that_is_away_blocks_nothing_and_is_found_again(server, relay, caplog):
    server.up = False
    other: list = []
    relay(other.append)
    sender = relay(lambda hint: None)
    start = time.monotonic()
    for event in range(5000):
        sender.send({"type": "hint", "event_id": event, "last_seq": 1})
    assert time.monotonic() - start < 10
    assert len(sender._waiting) == live_relay.MAX_WAITING
    time.sleep(0.2)
    assert caplog.text.count("connection refused") == 4, "each thread complains once"
    server.up = True
    _until(lambda: len(server.subscribers) == 2)
    sender.send({"type": "hint", "event_id": 1, "last_seq": 2})
    _until(lambda: {"type": "hint", "event_id": 1, "last_seq": 2} in other)


def test_what_others_say_on_that_channel_is_left_alone(server, relay):
    heard: list = []
    relay(heard.append)
    for data in (b"not json", b"[]", b"1", b"{}"):
        server.subscribers[0].put({"data": data})
    server.subscribers[0].put({"data": b'{"type": "apps", "slugs": [], "from": "another"}'})
    _until(lambda: heard)
    assert heard == [{"type": "apps", "slugs": []}]


def test_another_panel_on_the_same_redis_has_a_channel_of_its_own(settings):
    own = live_relay.channel()
    assert own == live_relay.channel()
    settings.SECRET_KEY = "another panel's"
    assert live_relay.channel() != own
    assert settings.SECRET_KEY not in live_relay.channel()


def test_without_a_redis_nothing_is_relayed(server, settings):
    settings.REDIS_URL = ""
    assert Broadcaster().relay() is None


async def test_hints_of_another_process_reach_their_subscribers(server, settings, monkeypatch):
    settings.REDIS_URL = "redis://example"
    broadcaster = Broadcaster()
    monkeypatch.setattr(live, "broadcaster", broadcaster)
    async with (
        broadcaster.subscribe(event_topic(7)) as event,
        broadcaster.subscribe(APPS_TOPIC) as apps,
    ):
        _until(lambda: len(server.subscribers) == 1)
        sender = Relay("redis://example", lambda hint: None)
        for hint in (
            {"type": "hint", "event_id": 7, "last_seq": 3},
            {"type": "event", "event_id": 7, "slug": "shop"},
            {"type": "apps", "slugs": ["shop"]},
        ):
            sender.send(hint)
        assert await event.get(timeout=2) == {"type": "hint", "event_id": 7, "last_seq": 3}
        assert await event.get(timeout=2) == {"type": "event", "event_id": 7, "slug": "shop"}
        assert await apps.get(timeout=2) == {"type": "event", "event_id": 7, "slug": "shop"}
        assert await apps.get(timeout=2) == {"type": "apps", "slugs": ["shop"]}
        live.lines_written(9, 1, [live.LogLine(1, "", "stdout", "a secret line")])
        _until(lambda: any('"event_id": 9' in data for data in server.published))
        assert "a secret line" not in "".join(server.published)
    sender.stop()
    own = broadcaster.relay()
    assert own is not None
    own.stop()
