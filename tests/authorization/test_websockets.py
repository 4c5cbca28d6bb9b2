"""Every WebSocket × everybody × their own and a foreign object."""

import asyncio

import pytest
from django.test import Client

from apps.panel.consumers.live import NOT_FOUND, NOT_SIGNED_IN
from apps.panel.routing import websocket_urlpatterns
from tests.authorization.people import VISITORS, Visitor
from tests.authorization.routes import SOCKETS, On, Route
from tests.authorization.things import Things, own_and_foreign
from tests.panel.live import Watcher, in_thread, socket

# The consumers read in threads, which only see what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

OPEN = 0


def expected(route: Route, visitor: Visitor, *, own: bool) -> int:
    """Return the close code that the table says, OPEN where the WebSocket stays open."""
    if route.on == On.NOTHING:
        return NOT_FOUND
    if not visitor.signed_in:
        return NOT_SIGNED_IN
    return OPEN if visitor.has(route.role, own=own) else NOT_FOUND


async def answered(path: str, session: str) -> int:
    communicator = socket(path, session)
    accepted, code = await communicator.connect(timeout=5)
    if accepted:
        await communicator.disconnect()
        return OPEN
    return int(code)


def come(visitor: Visitor, things: tuple[Things, Things]) -> str:
    client = Client()
    visitor.come(client, things[0].app)
    return client.session.session_key or ""


def test_the_table_knows_every_websocket() -> None:
    assert [str(pattern.pattern) for pattern in websocket_urlpatterns] == list(SOCKETS)


async def test_every_websocket_lets_in_whom_the_table_names() -> None:
    things = await in_thread(own_and_foreign)()
    for visitor in VISITORS:
        session = await in_thread(come)(visitor, things)
        for pattern, route in SOCKETS.items():
            for own in (True, False) if route.on == On.APP else (True,):
                thing = things[0 if own else 1]
                path = pattern.replace("<int:event_id>", str(thing.event.pk))
                path = "/" + (path.replace("<slug:slug>", thing.app.slug) or "ws/elsewhere/")
                assert "<" not in path, "everything in the address is filled in"
                said = await answered(path + "?service=web", session)
                assert said == expected(route, visitor, own=own), f"{visitor.name}: {path}"


@pytest.mark.parametrize("kind", ["stats", "logs", "console"])
async def test_a_name_that_no_app_can_have_is_looked_for_nowhere(kind: str) -> None:
    # PostgreSQL takes no NUL byte to look for. A stranger who is asked to sign in has met the app's address.
    assert await answered(f"/ws/apps/sh\x00p/{kind}/", "") == NOT_FOUND


async def test_the_state_of_apps_tells_of_those_that_somebody_may_see() -> None:
    things = await in_thread(own_and_foreign)()
    for visitor in VISITORS:
        if not visitor.signed_in or not visitor.has("viewer", own=True):
            continue
        watcher = Watcher("/ws/apps/", await in_thread(come)(visitor, things))
        async with asyncio.timeout(5):
            while not watcher.frames:
                await asyncio.sleep(0.01)
        told = {app["slug"] for frame in watcher.frames for app in frame["apps"]}
        assert told == ({"own", "foreign"} if visitor.everywhere else {"own"}), visitor.name
        await watcher.leave()
