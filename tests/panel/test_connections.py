"""Nobody takes all the WebSockets that a server can hold."""

import asyncio
from collections.abc import Iterator

import pytest

from apps.panel.consumers import connections
from apps.panel.consumers.connections import OpenConnections, TooManyConnections
from apps.panel.consumers.live import TOO_MANY
from tests.panel.live import Watcher, in_thread, make_event, make_user, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenConnections]:
    """A count of this test's own, with room for three of a person and four of an address."""
    monkeypatch.setattr(connections, "PER_PERSON", 3)
    monkeypatch.setattr(connections, "PER_ADDRESS", 4)
    fresh = OpenConnections()
    monkeypatch.setattr("apps.panel.consumers.live.open_connections", fresh)
    yield fresh
    assert len(fresh) == 0


async def open_many(session: str, number: int, path: str = "/ws/apps/") -> list[Watcher]:
    watchers = [Watcher(path, session) for _ in range(number)]
    for watcher in watchers:
        await asyncio.wait_for(watcher.accepted.wait(), 5)
    return watchers


async def leave(watchers: list[Watcher]) -> None:
    for watcher in watchers:
        await watcher.leave()


async def test_one_too_many_of_a_person_is_told_by_its_code() -> None:
    session = await in_thread(lambda: session_of(make_user()))()
    held = await open_many(session, 3)
    refused = Watcher("/ws/apps/", session)
    assert await refused.closed() == TOO_MANY == 4429
    assert refused.frames == []
    await leave(held)


async def test_who_closes_one_has_room_again(counted: OpenConnections) -> None:
    session = await in_thread(lambda: session_of(make_user()))()
    held = await open_many(session, 3)
    await held.pop().leave()
    again = Watcher(f"/ws/events/{await in_thread(make_event)()}/", session)
    await asyncio.wait_for(again.accepted.wait(), 5)
    assert len(counted) == 3
    assert again.code is None
    await leave([*held, again])


async def test_the_people_of_one_address_share_its_number() -> None:
    vera, paul = await in_thread(lambda: [session_of(make_user(name)) for name in ("vera", "paul")])()
    held = [*await open_many(vera, 3), *await open_many(paul, 1)]
    assert await Watcher("/ws/apps/", paul).closed() == 4429
    await leave(held)


def test_an_address_is_counted_whoever_it_is(counted: OpenConnections) -> None:
    with (
        counted.one_more(1, "203.0.113.9"),
        counted.one_more(2, "203.0.113.9"),
        counted.one_more(3, "203.0.113.9"),
        counted.one_more(4, "203.0.113.9"),
    ):
        with pytest.raises(TooManyConnections), counted.one_more(5, "203.0.113.9"):
            pass
        with counted.one_more(5, "203.0.113.10"):
            assert len(counted) == 5
