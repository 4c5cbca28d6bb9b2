"""Following containers: an engine that goes, a database that waits, unreadable secrets, and floods."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.core.secret import UndecryptableError
from apps.deployer.container_logs import follower as following
from apps.deployer.container_logs import outlet as outlets
from apps.deployer.container_logs.follower import MOST_CONTAINERS, LogFollower
from apps.deployer.container_logs.lines import OutputLine, Source
from apps.deployer.container_logs.outlet import MOST_WAITING, Outlet
from apps.deployer.container_logs.reading import as_text, last_lines
from apps.deployer.container_logs.wishes import Wish, after
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, Outcome
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.state import feed
from tests.lab.waiting import wait_until
from tests.panel.fake_feed import Feed, container

LINE = "2026-03-01T12:00:00.000000001Z hello"
PROJECT = "simpledeploy-shop"


class Follow:
    """A follower of the app `shop`, what it says, and the feed that it listens to."""

    def __init__(self, feed: Feed, runner: MockRunner) -> None:
        self.feed, self.runner = feed, runner
        self.redactor: Callable[[], Redactor] = Redactor
        self._followers: list[LogFollower] = []

    def start(self, wish: Wish | None = None) -> LogFollower:
        follower = LogFollower(self.runner, PROJECT, wish or Wish(), lambda: self.redactor(), "topic")
        self._followers.append(follower)
        follower.start()
        return follower

    def says(self, text: str, count: int = 1) -> None:
        wait_until(lambda: self.texts().count(text) == count, lambda: f"{text!r}, not {self.texts()}")

    def texts(self) -> list[str]:
        return [line.text for line in self._followers[-1].outlet.after(0)[1]]

    def stop(self) -> None:
        for follower in self._followers:
            follower.stop()
            follower.join()


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    """Each container prints a line, then nothing."""
    runner = MockRunner().on("logs", lines=[LINE])
    runner.on("logs", "--follow", blocks_until_cancelled=True)
    follow = Follow(Feed(container()), runner)
    monkeypatch.setattr(feed, "_running", follow.feed)
    yield follow
    follow.stop()


def following_commands(runner: MockRunner) -> list[list[str]]:
    return [argv for argv in runner.commands() if "--follow" in argv]


def test_an_engine_that_goes_and_comes_back_is_told(follow: Follow) -> None:
    follow.start()
    follow.says("hello")
    follow.feed.become(answers=False)
    follow.says("The Docker engine does not answer; this goes on when it does.")
    follow.feed.become(container())
    follow.says("The Docker engine answers again.")
    follow.feed.become(container(), container("api"))
    follow.says("This container is new here.")
    assert follow.texts().count("hello") == 1


def test_a_service_from_none_to_some_to_none(follow: Follow) -> None:
    follow.feed.become()
    for number in (1, 2):
        follow.runner.on("logs", f"id-web-{number}", lines=[LINE]).on("logs", f"id-web-{number}")
    follow.start()
    follow.says("There are no containers here yet. What they print appears when there are.")
    follow.feed.become(container(), container(number=2))
    follow.says("This container is new here.", 2)
    follow.says("hello", 2)
    follow.feed.become()
    follow.says("This container was removed.", 2)


def test_a_database_that_does_not_answer_is_waited_for(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_LAST_PAUSE", 0.05)
    follow.start()
    follow.says("hello")
    failing = threading.Event()
    failing.set()

    def read() -> Redactor:
        if failing.is_set():
            raise OperationalError("database is locked")
        return Redactor()

    follow.redactor = read
    follow.feed.become(container(), container("api"))
    follow.says("The panel's database does not answer; this goes on when it does.")
    assert "This container is new here." not in follow.texts()
    failing.clear()
    follow.says("This container is new here.")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UndecryptableError("no key"), "cannot be decrypted with the keys of this panel"),
        (RuntimeError("a bug"), "The panel met an unexpected error here"),
    ],
)
def test_what_cannot_be_hidden_is_not_shown_and_the_view_ends(
    follow: Follow, error: Exception, text: str
) -> None:
    """A view that went on without hearing of new containers would look like one of a quiet app."""
    follower = follow.start()
    follow.says("hello")

    def fail() -> Redactor:
        raise error

    follow.redactor = fail
    follow.feed.become(container(), container("api"))
    wait_until(lambda: follower.outlet.over, "it ends")
    follower.join()
    assert text in follow.texts()[-1]
    assert len(following_commands(follow.runner)) == 1


def test_one_that_was_left_out_does_not_come_with_all_that_it_ever_printed(follow: Follow) -> None:
    many = [container(number=number) for number in range(1, MOST_CONTAINERS + 2)]
    follow.feed.become(*many)
    follow.start()
    follow.says("hello", MOST_CONTAINERS)
    follow.feed.become(*many[1:])
    follow.says("There is room for this container now.")
    wait_until(lambda: len(following_commands(follow.runner)) > MOST_CONTAINERS, "it is followed")
    assert "--tail=5000" in following_commands(follow.runner)[-1]
    assert "This container is new here." not in follow.texts()


def test_what_docker_says_again_and_again_is_told_once(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(following, "_LAST_PAUSE", 0.001)
    follow.runner = MockRunner().on("logs", lines=[("stderr", "driver \x1bnone")], exit_code=1)
    follow.start()
    wait_until(lambda: len(following_commands(follow.runner)) > 20, "it is tried again")
    follow.says("Docker said: driver \\x1bnone")
    assert follow.texts().count("Docker said: driver \\x1bnone") == 1


@pytest.mark.parametrize(
    ("start", "last"),
    [
        ("2026-03-01T12:00:05.5Z", LINE[:30]),
        # The engine's clock was set back: all that it prints would come before the last line.
        ("2026-03-01T11:00:00.5Z", "2026-03-01T11:00:00.000000000Z"),
    ],
)
def test_a_container_that_runs_again_is_followed_from_there(follow: Follow, start: str, last: str) -> None:
    def restart(_call: object) -> None:
        follow.feed.become(container(started_at=start))

    follow.feed.become(container(started_at="2026-03-01T11:59:00.1Z"))
    follow.runner = MockRunner().on("logs", "--follow", lines=[LINE], before=restart)
    follow.runner.on("logs", "--follow", blocks_until_cancelled=True)
    follow.start()
    wait_until(lambda: len(following_commands(follow.runner)) == 2, "it is followed again")
    assert f"--since={after(last)}" in following_commands(follow.runner)[1]


def line(text: str = "x" * 1000) -> OutputLine:
    return OutputLine(timezone.now(), "stdout", text)


@pytest.mark.parametrize(("text", "count"), [("", 2 * MOST_WAITING), ("x" * 8000, 700)])
def test_more_lines_than_can_be_sent_wait_where_they_come_from(
    text: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, sent = threading.Event(), []

    def publish(_topic: str, message: dict[str, Any]) -> None:
        held.wait(20)
        sent.append(message)

    monkeypatch.setattr(outlets.broadcaster, "publish", publish)
    cancel = CancelToken()
    outlet = Outlet("topic", 10, cancel)
    outlet.start()
    # The first is under way when the others come.
    outlet.add(line())
    wait_until(lambda: outlet.last_seq == 1, "it is being sent")
    added: list[int] = []

    def add() -> None:
        for number in range(count):
            outlet.add(line(text))
            added.append(number)
        outlet.close()

    adding = threading.Thread(target=add)
    adding.start()
    wait_until(lambda: outlet._is_full(), "it is full")
    adding.join(0.1)
    assert adding.is_alive()
    assert len(added) <= MOST_WAITING
    assert sum(len(one.text) for one in outlet._waiting) <= outlets.MOST_WAITING_CHARACTERS + len(text)

    held.set()
    adding.join(20)
    outlet.join()
    assert outlet.last_seq == count + 1
    assert sum(message["last_seq"] - message["first_seq"] + 1 for message in sent[:-1]) == count + 1
    assert sent[-1] == {"type": "over"}


def test_who_waits_to_bring_lines_does_not_wait_for_what_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(outlets.broadcaster, "publish", lambda *_: held.wait(20))
    cancel = CancelToken()
    outlet = Outlet("topic", 10, cancel)
    outlet.start()
    outlet.add(line())
    wait_until(lambda: outlet.last_seq == 1, "it is being sent")
    adding = threading.Thread(target=lambda: [outlet.add(line("")) for _ in range(MOST_WAITING + 10)])
    adding.start()
    wait_until(lambda: outlet._is_full(), "it is full")
    cancel.cancel()
    adding.join(5)
    assert not adding.is_alive()
    held.set()
    outlet.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"exit_code": 1, "lines": [LINE, ("stderr", "driver none")]}, "could not be read: driver none"),
        ({"exit_code": 1, "lines": [LINE]}, "could not be read: exit code 1."),
        ({"outcome": Outcome.TIMED_OUT, "exit_code": 143, "lines": [LINE]}, "took too long"),
        ({"lines": [LINE]}, ""),
    ],
)
def test_what_was_not_read_to_its_end_says_so_on_the_page_and_in_the_file(
    answer: dict[str, Any], said: str
) -> None:
    def sources() -> list[Source]:
        return [Source(container(), Redactor())]

    shown = [one.text for one in last_lines(MockRunner().on("logs", **answer), sources(), Wish())]
    file = "".join(
        as_text(MockRunner().on("logs", **answer), sources(), Wish(), CancelToken(), timestamps=False)
    )
    assert shown[0] == "hello"
    assert file.startswith("web-1 | hello\n")
    assert len(shown) == len(file.splitlines()) == (2 if said else 1)
    if said:
        assert said in shown[-1]
        assert said in file
