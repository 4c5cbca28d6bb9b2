"""The WebSocket with the output of containers: what it refuses, shares, skips and ends."""

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.deployer.container_logs import follower as following
from apps.deployer.container_logs import requests as requests_module
from apps.deployer.container_logs import watching as watching_module
from apps.deployer.container_logs.lines import OutputLine
from apps.deployer.container_logs.requests import FILES_PER_PERSON, MOST_FILES, read_file
from apps.deployer.container_logs.watching import IN_ALL, PER_PERSON, TooManyViews, Watching, watching
from apps.deployer.container_logs.wishes import Wish
from apps.deployer.runner.interface import CancelToken, CommandResult
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.state import feed
from apps.panel.consumers.live import BAD_REQUEST, NOT_FOUND, TOO_MANY
from tests.panel.fake_feed import Feed, container
from tests.panel.live import Watcher, in_thread, make_user, session_of, socket
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db(transaction=True)

STAMP = "2026-03-01T12:00:00.{:09d}Z "


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockRunner]:
    mock = MockRunner()
    mock.on("logs", lines=[STAMP.format(n) + f"[ERROR] line {n}" for n in range(1, 4)])
    mock.on("logs", "--follow", blocks_until_cancelled=True)
    for module in (watching_module, requests_module):
        monkeypatch.setattr(module, "default_runner", lambda: mock)
    monkeypatch.setattr(feed, "_running", Feed(container()))
    yield mock
    watching.stop()


@pytest.fixture
def ada(runner: MockRunner) -> User:
    make_app()
    return make_user("ada", "viewer")


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def code_of(path: str, user: User) -> int:
    accepted, code = await socket(path, await in_thread(session_of)(user)).connect(timeout=5)
    return 0 if accepted else int(code)


async def test_two_who_watch_the_same_share_one_command_that_ends_with_the_last(
    runner: MockRunner, ada: User
) -> None:
    session = await in_thread(session_of)(ada)
    one, two = (Watcher("/ws/apps/shop/logs/", session) for _ in range(2))
    await until(lambda: len(one.lines) == len(two.lines) == 3)
    assert [line["text"] for line in one.lines] == ["[ERROR] line 1", "[ERROR] line 2", "[ERROR] line 3"]
    assert {(line["level"], line["source"]) for line in two.lines} == {("error", "web-1")}
    await until(lambda: len(following_commands(runner)) == 1)

    await one.leave()
    shared = next(iter(watching._shared.values()))
    assert shared.watchers == 1
    assert not shared.follower._cancel.cancelled

    await two.leave()
    assert watching._shared == {}
    await in_thread(shared.follower.join)()


@pytest.mark.parametrize(
    ("query", "code"),
    [("tail=0", BAD_REQUEST), ("since=yesterday", BAD_REQUEST), ("service=-x%20y", BAD_REQUEST), ("", 0)],
)
async def test_an_address_that_says_nothing_is_refused(query: str, code: int, ada: User) -> None:
    assert await code_of(f"/ws/apps/shop/logs/?{query}", ada) == code


async def test_who_may_not_see_the_app_and_who_comes_from_elsewhere_gets_nothing(ada: User) -> None:
    stranger = await in_thread(make_user)("sam", "")
    assert await code_of("/ws/apps/shop/logs/", stranger) == NOT_FOUND
    assert await code_of("/ws/apps/nothing/logs/", ada) == NOT_FOUND
    session = await in_thread(session_of)(ada)
    accepted, _ = await socket("/ws/apps/shop/logs/", session, origin="http://evil.example").connect()
    assert not accepted


async def test_each_reader_gets_the_panel_s_words_in_their_language(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both watch the same; so does who comes later, and who is told that there is no more room."""
    empty = Feed()
    monkeypatch.setattr(feed, "_running", empty)
    session = await in_thread(session_of)(ada)
    english = Watcher("/ws/apps/shop/logs/", session, asks="en")
    german = Watcher("/ws/apps/shop/logs/", session, asks="en", chose="de")
    told = "There are no containers here yet. What they print appears when there are."
    gesagt = "Hier gibt es noch keine Container. Was sie ausgeben, erscheint, sobald es sie gibt."
    await until(lambda: english.lines and german.lines)
    empty.become(container())
    await until(lambda: len(english.lines) == len(german.lines) == 2)
    assert [line["text"] for line in english.lines] == [told, "This container is new here."]
    assert [line["text"] for line in german.lines] == [gesagt, "Dieser Container ist neu hier."]

    late = Watcher("/ws/apps/shop/logs/", session, asks="fr, de;q=0.5")
    await until(lambda: len(late.lines) == 2)
    assert late.lines == german.lines
    assert len(watching._shared) == 1

    monkeypatch.setattr(watching_module, "PER_PERSON", 3)
    refused = Watcher("/ws/apps/shop/logs/", session, chose="de")
    assert await refused.closed() == TOO_MANY
    assert refused.frames[0]["text"].startswith("Es sind schon 3 eigene Logs von Containern offen.")
    for watcher in (english, german, late):
        await watcher.leave()


async def test_what_has_an_end_is_over(ada: User) -> None:
    watcher = Watcher("/ws/apps/shop/logs/?until=2026-03-02", await in_thread(session_of)(ada))
    assert await watcher.closed() == 1000
    assert [frame["type"] for frame in watcher.frames] == ["lines", "end"]


async def test_one_person_has_so_many_and_is_told(ada: User) -> None:
    session = await in_thread(session_of)(ada)
    watchers = [Watcher(f"/ws/apps/shop/logs/?tail={n + 1}", session) for n in range(PER_PERSON)]
    await until(lambda: all(watcher.lines for watcher in watchers))
    more = Watcher("/ws/apps/shop/logs/", session)
    assert await more.closed() == TOO_MANY
    assert f"You have {PER_PERSON} logs" in more.frames[0]["text"]
    for watcher in watchers:
        await watcher.leave()


def test_there_are_so_many_in_all(runner: MockRunner) -> None:
    app, held = make_app(), []
    mine = Watching()
    for n in range(IN_ALL):
        held.append(mine.watch(n, app, Wish(tail=n + 1)))
        held[-1].__enter__()
    with (
        pytest.raises(watching_module.TooManyViews, match="for everybody together"),
        mine.watch(99, app, Wish(tail=99)),
    ):
        pass
    with mine.watch(99, app, Wish(tail=1)):  # what is followed already costs nothing more
        pass
    for one in held:
        one.__exit__(None, None, None)
    mine.stop()


def test_those_that_end_count_until_nothing_of_them_runs(
    runner: MockRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, mine, run, may_end = make_app(), Watching(), runner.run, threading.Event()

    def slow(*args: Any, **options: Any) -> CommandResult:
        result = run(*args, **options)
        may_end.wait(10)
        return result

    monkeypatch.setattr(runner, "run", slow)
    left = []
    for n in range(IN_ALL):
        with mine.watch(1, app, Wish(tail=n + 1)) as follower:
            left.append(follower)
    with pytest.raises(TooManyViews, match="for everybody together"), mine.watch(2, app, Wish()):
        pass
    may_end.set()
    mine.stop()
    assert all(follower.has_ended for follower in left)
    with mine.watch(2, app, Wish()):
        pass
    mine.stop()


async def test_a_slow_client_is_told_what_it_missed(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher("/ws/apps/shop/logs/?tail=50", await in_thread(session_of)(ada))
    await until(lambda: watcher.lines)
    outlet = next(iter(watching._shared.values())).follower.outlet
    watcher.reading.clear()
    for _ in range(3000):
        outlet.add(OutputLine(timezone.now(), "stdout", "x" * 1000))
    await until(lambda: outlet.last_seq == 3003)
    watcher.reading.set()
    await until(lambda: watcher.lines[-1]["seq"] == 3003)

    skipped = sum(frame["lines"] for frame in watcher.frames if frame["type"] == "skipped")
    assert skipped > 0
    assert len(watcher.lines) + skipped == 3003
    await watcher.leave()


async def test_a_right_that_is_taken_away_ends_it(ada: User) -> None:
    watcher = Watcher("/ws/apps/shop/logs/", await in_thread(session_of)(ada))
    await until(lambda: watcher.lines)

    def lose() -> None:
        ada.role = ""
        ada.save()

    await in_thread(lose)()
    assert await watcher.closed() == NOT_FOUND
    assert watching._shared == {}


def following_commands(runner: MockRunner) -> list[list[str]]:
    return [argv for argv in runner.commands() if "--follow" in argv]


async def test_only_so_many_containers_are_followed_and_that_is_said(
    ada: User, runner: MockRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [container(number=n) for n in range(1, following.MOST_CONTAINERS + 3)]
    monkeypatch.setattr(feed, "_running", Feed(*many))
    watcher = Watcher("/ws/apps/shop/logs/", await in_thread(session_of)(ada))
    await until(lambda: any("choose a service" in line["text"] for line in watcher.lines))
    await until(lambda: len({line["source"] for line in watcher.lines} - {""}) == following.MOST_CONTAINERS)
    assert len(following_commands(runner)) <= following.MOST_CONTAINERS
    await watcher.leave()


def test_a_download_that_nobody_takes_holds_no_place(runner: MockRunner) -> None:
    app = make_app()

    def file(person: int) -> Generator[str]:
        return read_file(person, app, [container()], Wish(), CancelToken(), timestamps=False)

    for _ in range(MOST_FILES + 1):
        file(1)  # asked for by a browser that was gone before the answer began
    held = [file(1) for _ in range(FILES_PER_PERSON)]
    with pytest.raises(TooManyViews, match=f"You are downloading {FILES_PER_PERSON} logs"):
        file(1)
    held += [file(person) for person in range(2, 2 + MOST_FILES - FILES_PER_PERSON)]
    with pytest.raises(TooManyViews, match=f"{MOST_FILES} logs of containers are being downloaded already"):
        file(99)
    assert "".join(held.pop()) == "web-1 | [ERROR] line 1\nweb-1 | [ERROR] line 2\nweb-1 | [ERROR] line 3\n"
    file(99).close()
    for one in held:
        one.close()
