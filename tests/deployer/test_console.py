"""A console's choice of container and shell, its ends, and what is done about what it leaves."""

import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from apps.accounts.actor import Actor
from apps.accounts.audit.models import AuditEntry
from apps.applications.models import App
from apps.core.errors import Conflict, NotAllowed, NotFound
from apps.core.owner import current_owner
from apps.deployer.console.commands import MARKER, end_shell, open_shell
from apps.deployer.console.console import Console, Place, choose, require_unprotected
from apps.deployer.console.consoles import IN_ALL, Consoles, TooManyConsoles
from apps.deployer.console.ending import sweep
from apps.deployer.runner.interface import Outcome
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.runner.terminal import Terminal
from apps.deployer.state import feed
from apps.deployments.console_sessions import ConsoleEnd, ConsoleSession
from tests.panel.fake_feed import INSPECTED, Feed, container
from tests.panel.pages import make_app

pytestmark = pytest.mark.django_db

DEAD = "localhost:1:1.00000000"
CLEAR = ("sessions 7", "left")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(feed, "_running", Feed(container(), container("db", state="exited")))
    return make_app()


def runner(state: str = "running", **end: Any) -> MockRunner:
    """Return an engine whose container has bash, is in this state, and answers so to the end of a shell."""
    mock = MockRunner().on("inspect", lines=[INSPECTED]).on("ps", lines=[state] if state else [])
    mock.on("exec", "sh", "-c", "sh", **(end or {"lines": CLEAR}))
    return mock.on("exec", "command -v bash || :", lines=["/bin/bash"])


def hold(app: App, mock: MockRunner, place: Place | None = None, why: ConsoleEnd | None = None) -> list[Any]:
    told: list[Any] = []
    ada = get_user_model().objects.create_user("ada")
    by = Actor("ada", "web 192.0.2.1", ada, address="192.0.2.1")
    console = Console(mock, app, place or Place("web"), by, Terminal(lambda _: None), told.append)
    if why is not None:
        console.end(why)
        console._cancel = type(console._cancel)()
    console.hold()
    return told


def test_a_shell_is_opened_written_down_closed_and_cleared(app: App) -> None:
    mock = runner().on("exec", "--tty", exit_code=3)

    told = hold(app, mock)

    session = ConsoleSession.objects.get()
    assert told == [
        {"type": "opened", "service": "web", "container": "web-1", "shell": "bash"},
        {"type": "closed", "why": "shell_ended", "exit_code": 3, "seconds": 0},
    ]
    assert open_shell("id-web-1", "bash", session.marker) in mock.commands()
    assert end_shell("id-web-1", session.marker) in mock.commands()
    assert session.end == ConsoleEnd.SHELL_ENDED
    assert session.cleared_at is not None
    opened, closed = AuditEntry.objects.filter(app_slug="shop", action__startswith="console.").order_by(
        "number"
    )
    assert (opened.actor, opened.address, opened.on) == (
        "ada",
        "192.0.2.1",
        "service web (simpledeploy-shop-web-1)",
    )
    assert '"why":"The shell ended"' in closed.after
    assert '"seconds":0' in closed.after


def test_the_marker_is_on_no_page_and_leaving_by_keys_is_no_way_out() -> None:
    argv = open_shell("id", "sh", "abc")
    assert f"{MARKER}=abc" in argv
    assert next(word for word in argv if word.startswith("--detach-keys=")).count(",") >= 5


@pytest.mark.parametrize(
    ("outcome", "exit_code", "why"),
    [
        (Outcome.TIMED_OUT, 143, ConsoleEnd.TIME_OVER),
        (Outcome.NOT_STARTED, 127, ConsoleEnd.FAILED),
        (Outcome.EXITED, 0, ConsoleEnd.SHELL_ENDED),
    ],
)
def test_it_says_how_it_ended(app: App, outcome: Outcome, exit_code: int, why: ConsoleEnd) -> None:
    told = hold(app, runner().on("exec", "--tty", outcome=outcome, exit_code=exit_code))
    assert told[-1]["why"] == why


def test_the_reason_that_was_given_counts(app: App) -> None:
    assert hold(app, runner(), why=ConsoleEnd.IDLE)[-1]["why"] == ConsoleEnd.IDLE


def test_a_container_that_stopped_is_told_as_such(app: App) -> None:
    mock = (
        runner()
        .on("exec", "--tty", exit_code=137)
        .on("inspect", lines=[INSPECTED.replace("running", "exited")])
    )
    assert hold(app, mock)[-1]["why"] == ConsoleEnd.CONTAINER_STOPPED


@pytest.mark.parametrize(
    ("place", "answer", "sentence"),
    [
        (Place("web"), {"exit_code": 127}, "web-1 has no shell (sh)"),
        (Place("web"), {"exit_code": 1, "lines": [("stderr", "it is paused")]}, "Docker said: it is paused"),
        (Place("web", "", "bash"), {"lines": []}, "web-1 has no bash"),
        (Place("db"), {}, "db does not run"),
        (Place("web", "7"), {}, "web has no container 7"),
    ],
)
def test_where_no_shell_can_be_it_is_said_and_nothing_is_written(
    app: App, place: Place, answer: dict[str, Any], sentence: str
) -> None:
    mock = MockRunner().on("exec", "command -v bash || :", **answer).on("inspect", lines=[INSPECTED])
    told = hold(app, mock, place)
    assert [frame["type"] for frame in told] == ["refused"]
    assert sentence in told[0]["text"]
    assert not ConsoleSession.objects.exists()
    assert not any("--tty" in argv for argv in mock.commands())


def test_a_container_that_has_just_stopped_is_said_to_be_so(app: App) -> None:
    # The feed still says that it runs.
    mock = MockRunner().on("inspect", lines=[INSPECTED.replace("running", "exited")])
    mock.on("exec", "command -v bash || :", exit_code=1, lines=[("stderr", "container 1 is not running")])
    assert "web does not run. Start it" in hold(app, mock)[0]["text"]


def test_sh_is_taken_where_it_is_asked_for_or_there_is_no_bash(app: App) -> None:
    assert hold(app, runner(), Place("web", "1", "sh"))[0]["shell"] == "sh"


def test_what_another_user_in_the_container_runs_is_ended_as_root(app: App) -> None:
    mock = runner(lines=["sessions 7 9", "left 12"])
    mock.on("exec", "--user", "0", lines=CLEAR)
    hold(app, mock)
    session = ConsoleSession.objects.get()
    assert end_shell("id-web-1", session.marker, as_root=True, sessions=["7", "9"]) in mock.commands()
    assert session.cleared_at is not None


def test_what_cannot_be_ended_now_is_tried_again(app: App) -> None:
    mock = runner("paused", exit_code=1)
    hold(app, mock)
    session = ConsoleSession.objects.get()
    assert session.ended_at is not None
    assert session.cleared_at is None

    sweep(runner(), lambda: frozenset({session.marker}))
    assert ConsoleSession.objects.get().cleared_at is None  # its own thread is still at it
    sweep(runner(), frozenset)
    assert ConsoleSession.objects.get().cleared_at is not None
    assert AuditEntry.objects.filter(action="console.closed").count() == 1


def test_a_container_that_is_gone_has_nothing_left(app: App) -> None:
    hold(app, runner("", exit_code=1))
    assert ConsoleSession.objects.get().cleared_at is not None


def test_what_a_dead_panel_left_is_closed_and_cleared_and_what_a_living_one_has_is_not(app: App) -> None:
    columns = {
        "app": app,
        "person": "ada",
        "service": "web",
        "container": "id-web-1",
        "container_name": "web-1",
    }
    ConsoleSession.objects.create(
        marker="a", owner=DEAD.replace("localhost", current_owner().split(":")[0]), **columns
    )
    ConsoleSession.objects.create(marker="b", owner=current_owner(), **columns)

    sweep(runner(), lambda: frozenset({"b"}))

    dead, mine = ConsoleSession.objects.order_by("pk")
    assert (dead.end, dead.cleared_at is not None) == (ConsoleEnd.PANEL_DIED, True)
    assert mine.ended_at is None
    closed = AuditEntry.objects.get(action="console.closed")
    assert closed.actor == "ada"
    # It may have been long before this was found out: how long it was open nobody knows.
    assert "seconds" not in closed.after


def test_the_container_is_chosen_by_service_and_number() -> None:
    both = [container(number=1, state="exited"), container(number=2)]
    assert choose(both, Place("web")).id == "id-web-2"
    with pytest.raises(Conflict, match="does not run"):
        choose(both, Place("web", "1"))
    with pytest.raises(NotFound, match="no container of a service"):
        choose(both, Place("nothing"))


def test_there_are_so_many_for_everybody_together_until_they_have_ended(app: App) -> None:
    held, mine = threading.Event(), Consoles()
    mock = MockRunner().on("exec", before=lambda _: held.wait(20), exit_code=1)
    by = Actor("ada", "web")
    made = [Console(mock, app, Place("web"), by, Terminal(print), lambda _: None) for _ in range(IN_ALL + 1)]
    for person, console in enumerate(made[:-1]):
        mine.start(console, person)
    with pytest.raises(TooManyConsoles, match="for everybody together"):
        mine.start(made[-1], IN_ALL)
    held.set()
    mine.stop()
    mine.start(made[-1], IN_ALL)
    mine.stop()


def test_a_protected_app_has_no_console(app: App) -> None:
    require_unprotected(app)
    app.protected = True
    with pytest.raises(NotAllowed, match="protected"):
        require_unprotected(app)
