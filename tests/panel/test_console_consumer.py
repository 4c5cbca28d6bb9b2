"""The WebSocket of a console: whom it lets in, what goes both ways, and what ends it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.backends.base import SessionBase
from django.test import Client

from apps.accounts.models import Grant, Role, User
from apps.accounts.sign_in.recent import RECENT_SECONDS
from apps.applications.models import App
from apps.applications.services import save_settings
from apps.core.errors import Conflict
from apps.deployer.console.consoles import PER_PERSON, consoles
from apps.deployer.runner.interface import TERMINATED, CancelToken, CommandResult, Outcome
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.runner.terminal import WINDOW, Terminal
from apps.deployer.state import feed
from apps.deployments.console_sessions import ConsoleEnd, ConsoleSession
from apps.panel.consumers import console as console_consumer
from apps.panel.consumers.console import NOT_RECENT
from apps.panel.consumers.live import BAD_REQUEST, FAILED, NOT_FOUND, NOT_SIGNED_IN, TOO_MANY
from tests.accounts.tokens import make_token
from tests.panel.fake_feed import INSPECTED, Feed, container
from tests.panel.live import Watcher, in_thread, make_user, session_of, socket
from tests.panel.pages import BY, make_app

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/ws/apps/shop/console/?service=web"


class Echo(MockRunner):
    """Shells that say back what is typed; "flood" prints without end, as far as it may."""

    def __init__(self) -> None:
        super().__init__()
        self.on("inspect", lines=[INSPECTED])
        self.sizes: list[tuple[int, int]] = []
        self.deaf = threading.Event()

    def run_in_terminal(
        self,
        argv: Sequence[str],
        terminal: Terminal,
        *,
        env: Mapping[str, str] | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> CommandResult:
        assert cancel is not None
        typed, flooding = b"", False
        while not cancel.wait(0.005):
            self.sizes.append(terminal.size)
            if self.deaf.is_set():
                continue
            if data := terminal.next_typed(4096):
                terminal.sent(len(data))
                terminal.output(data)
                typed += data
            if typed.endswith(b"exit\n"):
                return CommandResult(4)
            flooding = flooding or typed.endswith(b"flood\n")
            while flooding and terminal.room:
                terminal.output(b"x" * min(8192, terminal.room))
        return CommandResult(TERMINATED, [], Outcome.CANCELLED)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    echo = Echo()
    monkeypatch.setattr(console_consumer, "default_runner", lambda: echo)
    monkeypatch.setattr(feed, "_running", Feed(container()))
    yield echo
    consoles.stop()


@pytest.fixture
def app(runner: Echo) -> App:
    return make_app()


@pytest.fixture
def olga(app: App) -> User:
    user = make_user("olga", "")
    Grant.objects.create(user=user, app=app, role=Role.OWNER, given_by="root")
    return user


async def opened(user: User, address: str = ADDRESS) -> WebsocketCommunicator:
    one = socket(address, await in_thread(session_of)(user))
    assert (await one.connect(timeout=5))[0]
    assert json.loads(await one.receive_from(timeout=5))["type"] == "opened"
    return one


async def code_of(user: User | None, address: str = ADDRESS, session: str = "", **options: Any) -> int:
    session = session or (await in_thread(session_of)(user) if user else "")
    accepted, code = await socket(address, session, **options).connect(timeout=5)
    return 0 if accepted else int(code or 1)


async def closing(one: WebsocketCommunicator) -> int:
    """Return the code by which it is closed, whatever comes before."""
    while (message := await one.receive_output(timeout=5))["type"] != "websocket.close":
        pass
    return int(message["code"])


async def ended(count: int = 1) -> ConsoleSession:
    """Wait until a console is closed and cleared, and return its row."""

    def look() -> ConsoleSession | None:
        rows = ConsoleSession.objects.filter(cleared_at__isnull=False).order_by("pk")
        return rows.last() if rows.count() == count else None

    async with asyncio.timeout(10):
        while (found := await in_thread(look)()) is None:
            await asyncio.sleep(0.02)
    return found


async def test_what_is_typed_goes_in_and_what_is_printed_comes_out(olga: User, runner: Echo) -> None:
    one = await opened(olga, f"{ADDRESS}&index=1&columns=100&rows=30")
    await one.send_to(bytes_data="héllo \x00".encode())
    answers = [await one.receive_from(timeout=5) for _ in range(2)]
    assert "héllo \x00".encode() in answers
    assert '{"type": "typed", "frames": 1}' in answers
    assert runner.sizes[0] == (100, 30)

    await one.send_to(text_data='{"type": "size", "columns": 120, "rows": 40}')
    async with asyncio.timeout(5):
        while runner.sizes[-1] != (120, 40):
            await asyncio.sleep(0.01)
    await one.send_to(bytes_data=b"exit\n")
    assert await closing(one) == 1000
    assert (await ended()).end == ConsoleEnd.SHELL_ENDED


async def test_output_waits_for_whoever_does_not_take_it(olga: User) -> None:
    one = await opened(olga)
    await one.send_to(bytes_data=b"flood\n")
    await asyncio.sleep(0.5)
    got = 0
    while not await one.receive_nothing(timeout=0.3):
        answer = await one.receive_from(timeout=5)
        got += len(answer) if isinstance(answer, bytes) else 0
    assert got <= 256 * 1024
    await one.send_to(text_data=json.dumps({"type": "taken", "bytes": got}))
    assert len(await one.receive_from(timeout=5)) > 0
    await one.disconnect()
    assert (await ended()).end == ConsoleEnd.PAGE_CLOSED


async def test_who_claims_to_have_taken_what_was_not_sent_is_not_made_room_for(olga: User) -> None:
    one = _Deaf(ADDRESS, await in_thread(session_of)(olga))
    async with asyncio.timeout(5):
        while not one.frames:
            await asyncio.sleep(0.01)
    one.reading.clear()
    one.say(bytes=b"flood\n")
    for _ in range(20):
        await asyncio.sleep(0.02)
        one.say(text='{"type": "taken", "bytes": 1000000000}')
    one.reading.set()
    async with asyncio.timeout(20):
        while not one.got:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert one.got <= 3 * WINDOW
    await one.leave()
    await ended()


class _Deaf(Watcher):
    """A page that counts the bytes it is sent."""

    got = 0

    def say(self, **message: Any) -> None:
        self._received.put_nowait({"type": "websocket.receive", **message})

    async def _send(self, message: dict[str, Any]) -> None:
        if (data := message.get("bytes")) is None:
            await super()._send(message)
            return
        await self.reading.wait()
        self.got += len(data)


async def test_a_failure_on_the_way_ends_the_shell_too(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await opened(olga)

    async def fail(*_: Any) -> bool:
        raise Conflict("a failure")

    monkeypatch.setattr(console_consumer.ConsoleConsumer, "take", fail)
    assert await closing(one) == FAILED
    await ended()
    with pytest.raises(Conflict):
        await one.wait()


async def test_why_no_console_opens_is_said_in_the_reader_s_language(olga: User, app: App) -> None:
    session = await in_thread(session_of)(olga)

    async def told(address: str, **languages: str) -> str:
        one = socket(address, session, **languages)
        assert (await one.connect(timeout=5))[0]
        text = json.loads(await one.receive_from(timeout=5))["text"]
        await one.disconnect()
        return str(text)

    # By the thread that looks for the container, and before there is one.
    nowhere = "/ws/apps/shop/console/?service=db"
    assert await told(nowhere, asks="en", chose="de") == "Es gibt keinen Container eines Service 'db'."
    assert await told(nowhere, asks="en") == "There is no container of a service 'db'."
    await in_thread(lambda: App.objects.filter(pk=app.pk).update(protected=True))()
    assert (await told(ADDRESS, asks="de")).startswith("shop ist geschützt: ")
    assert (await told(ADDRESS)).startswith("shop is protected: ")


async def test_more_than_the_shell_takes_ends_it(olga: User, runner: Echo) -> None:
    one = await opened(olga)
    runner.deaf.set()
    for _ in range(3):
        await one.send_to(bytes_data=b"x" * 500_000)
    assert await closing(one) == 1000
    assert (await ended()).end == ConsoleEnd.TOO_FAST


async def test_nothing_typed_for_long_is_announced_and_ends_it(olga: User, settings: Any) -> None:
    settings.SIMPLEDEPLOY_CONSOLE_IDLE_SECONDS = 3
    one = socket(ADDRESS, await in_thread(session_of)(olga))
    assert (await one.connect(timeout=5))[0]
    # So short a time may be announced before the shell is there.
    told = [json.loads(await one.receive_from(timeout=10))["type"] for _ in range(2)]
    assert sorted(told) == ["idle", "opened"]
    assert json.loads(await one.receive_from(timeout=10))["why"] == "idle"
    assert (await ended()).end == ConsoleEnd.IDLE


async def test_a_right_taken_away_a_session_ended_and_a_protected_app_end_it(olga: User, app: App) -> None:
    one = await opened(olga)
    await in_thread(_take)(olga)
    assert await closing(one) == NOT_FOUND
    assert (await ended()).end == ConsoleEnd.RIGHT_TAKEN

    await in_thread(_give)(olga, app)
    client = Client()
    await in_thread(client.force_login)(olga)
    two = socket(ADDRESS, await in_thread(lambda: client.session.session_key)())
    assert (await two.connect(timeout=5))[0]
    assert json.loads(await two.receive_from(timeout=5))["type"] == "opened"
    await in_thread(client.post)("/logout/")
    assert await closing(two) == NOT_SIGNED_IN
    assert (await ended(2)).end == ConsoleEnd.SIGNED_OUT

    three = await opened(olga)
    app.protected = True
    await in_thread(save_settings)(app, ["protected"], BY)
    assert await closing(three) == NOT_FOUND
    assert (await ended(3)).end == ConsoleEnd.RIGHT_TAKEN
    four = socket(ADDRESS, await in_thread(session_of)(olga))
    assert (await four.connect(timeout=5))[0]
    assert "is protected" in json.loads(await four.receive_from(timeout=5))["text"]


def _take(user: User) -> None:
    Grant.objects.get(user=user).delete()


def _give(user: User, app: App) -> None:
    Grant.objects.create(user=user, app=app, role=Role.OWNER, given_by="root")


async def test_only_owners_who_signed_in_a_short_time_ago_from_a_page_of_the_panel_get_one(
    olga: User, app: App
) -> None:
    deb = await in_thread(make_user)("deb", Role.DEPLOYER)
    assert await code_of(deb) == NOT_FOUND
    assert await code_of(None) == NOT_SIGNED_IN
    assert await code_of(olga, "/ws/apps/nothing/console/?service=web") == NOT_FOUND
    for query in ("", "service=-x%20y", "service=web&index=0", "service=web&shell=zsh", "service=web&rows=x"):
        assert await code_of(olga, f"/ws/apps/shop/console/?{query}") == BAD_REQUEST, query

    # Another site's page, which browsers send the cookies for, and no page at all.
    for origin in ("http://evil.example", "http://localhost:8080", "https://localhost", None):
        assert await code_of(olga, origin=origin) not in (0, NOT_FOUND), origin

    def sign_in_long_ago() -> str:
        client = Client()
        client.force_login(olga)
        session: SessionBase = client.session
        session["shown_at"] = time.time() - RECENT_SECONDS - 1
        session.save()
        return str(session.session_key)

    assert await code_of(olga, session=await in_thread(sign_in_long_ago)()) == NOT_RECENT


async def test_a_token_gets_none(olga: User) -> None:
    _token, text = await in_thread(make_token)(olga, permissions=["view", "operate", "configure"])
    one = socket(ADDRESS)
    one.scope["headers"].append((b"authorization", f"Bearer {text}".encode()))
    accepted, code = await one.connect(timeout=5)
    assert (accepted, code) == (False, NOT_FOUND)


async def test_one_person_has_so_many_and_is_told(olga: User) -> None:
    open_ones = [await opened(olga) for _ in range(PER_PERSON)]
    more = socket(ADDRESS, await in_thread(session_of)(olga))
    assert (await more.connect(timeout=5))[0]
    assert f"You have {PER_PERSON} consoles" in json.loads(await more.receive_from(timeout=5))["text"]
    assert await closing(more) == TOO_MANY
    for one in open_ones:
        await one.disconnect()
    await ended(PER_PERSON)


def test_the_page_shows_where_a_shell_may_be_and_who_has_one(client: Client, app: App) -> None:
    ada = make_user("ada", Role.ADMINISTRATOR)
    client.force_login(ada)
    ConsoleSession.objects.create(
        app=app,
        person="olga",
        service="web",
        container="x",
        container_name="shop-web-1",
        marker="m",
        owner="o",
    )
    page = client.get("/apps/shop/console/?service=web").content.decode()
    assert '<option value="web|1" selected>web-1</option>' in page
    assert "docker compose -p simpledeploy-shop exec --index 1 web sh" in page
    assert "olga in shop-web-1" in page

    App.objects.update(protected=True)
    page = client.get("/apps/shop/console/").content.decode()
    assert "is protected" in page
    assert "data-console" not in page
