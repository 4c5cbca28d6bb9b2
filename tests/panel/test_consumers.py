import asyncio
from unittest.mock import ANY

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError

from apps.accounts.actor import Actor
from apps.accounts.models import Grant, User
from apps.applications.models import App, AppTag
from apps.deployer.log_buffer import LogBuffer
from apps.deployer.runner.interface import Line
from apps.deployer.state import states
from apps.deployer.state.app_state import AppState
from apps.deployments import live, queue
from apps.deployments.live import MAX_MESSAGES, broadcaster, event_topic
from apps.deployments.logs import append_lines, read_lines
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status
from apps.panel.consumers import reads
from apps.panel.consumers.frame_cache import FrameCache
from apps.panel.consumers.live import NOT_FOUND
from apps.panel.shown import glances, usage
from tests.panel.live import AT, Watcher, change_event, in_thread, make_event, make_user, session_of, socket

# The consumers read in threads, which only see what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _frames_of_this_test(monkeypatch) -> None:
    # Each test's events have the numbers of the last one's.
    monkeypatch.setattr(reads, "_frames", FrameCache())


@pytest.fixture
def only_hints(monkeypatch) -> None:
    """Nothing is looked up by itself, so that what comes in time comes by a hint."""
    monkeypatch.setattr("apps.panel.consumers.live.POLL_SECONDS", 60)


@pytest.fixture
def event_id() -> int:
    return make_event()


@pytest.fixture
def session() -> str:
    return session_of(make_user())


def _rows(event_id: int, first: int, count: int) -> None:
    append_lines(event_id, first, [(AT, "stdout", f"line {n}") for n in range(first, first + count)])


def _run(event_id: int, count: int, *, status: Status = Status.SUCCEEDED) -> None:
    """Be the worker: print `count` lines, then end the event."""
    with LogBuffer(event_id) as log:
        for n in range(1, count + 1):
            log.add(Line("stdout", f"line {n}", AT))
    change_event(event_id, status=status)


async def _until(condition, timeout: float = 20) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


async def _refusal(path: str, session: str = "", **options) -> int:
    accepted, code = await socket(path, session, **options).connect(timeout=5)
    assert not accepted
    return code


async def test_it_refuses_who_is_not_signed_in(event_id):
    assert await _refusal(f"/ws/events/{event_id}/") == 4401
    assert await _refusal(f"/ws/events/{event_id}/", "no-such-session") == 4401


@pytest.mark.parametrize("path", ["/ws/events/{}/", "/ws/apps/"])
async def test_it_hides_everything_from_who_has_no_role(event_id, path):
    stranger = await in_thread(lambda: session_of(make_user("nobody", role="")))()
    assert await _refusal(path.format(event_id), stranger) == 4404


async def test_it_refuses_who_may_not_sign_in_any_more(event_id, session):
    await in_thread(User.objects.update)(is_active=False)
    assert await _refusal(f"/ws/events/{event_id}/", session) == 4401


@pytest.mark.parametrize("event", ["0", "4711", "9" * 19, "9" * 300])
async def test_it_refuses_an_unknown_event(session, event):
    assert await _refusal(f"/ws/events/{event}/", session) == 4404


@pytest.mark.parametrize("path", ["/ws/", "/ws/events/", "/ws/events/x/", "/ws/events/1/x/", "/"])
async def test_it_refuses_an_unknown_address(session, path):
    assert await _refusal(path, session) == 4404


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "+1", "١", "9" * 11])
async def test_it_refuses_a_number_that_is_none(event_id, session, after):
    assert await _refusal(f"/ws/events/{event_id}/?after={after}", session) == 4400


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:8081"])
async def test_it_refuses_pages_of_other_origins(event_id, session, origin):
    assert await _refusal(f"/ws/events/{event_id}/", session, origin=origin) == 1000


async def test_it_refuses_a_host_that_is_not_the_panels(event_id, session):
    options = {"host": "evil.example", "origin": "http://evil.example"}
    assert await _refusal(f"/ws/events/{event_id}/", session, **options) == 1000


async def test_it_lets_a_trusted_origin_through(event_id, session, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://localhost"]
    client = socket(f"/ws/events/{event_id}/", session, host="127.0.0.1:8000", origin="https://localhost")
    assert (await client.connect(timeout=5))[0]
    await client.disconnect(timeout=5)


async def test_a_finished_event_is_replayed_and_ended(event_id, session):
    await in_thread(_rows)(event_id, 1, 2500)
    await in_thread(DeployEvent.objects.update)(status=Status.FAILED, step="pull")
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    assert await watcher.closed() == 1000
    assert watcher.numbers == list(range(1, 2501))
    assert watcher.lines[0] == {
        "seq": 1,
        "at": "2026-03-01T12:00:00.000+00:00",
        "stream": "stdout",
        "text": "line 1",
    }
    assert watcher.frames[-2:] == [
        {"type": "state", "status": "failed", "step": "pull", "position": 0, "cancelling": False},
        {"type": "end", "status": "failed"},
    ]


async def test_only_the_lines_after_the_given_one_are_sent(event_id, session):
    await in_thread(_rows)(event_id, 1, 10)
    await in_thread(DeployEvent.objects.update)(status=Status.SUCCEEDED)
    watcher = Watcher(f"/ws/events/{event_id}/?after=7", session)
    await watcher.closed()
    assert watcher.numbers == [8, 9, 10]


@pytest.mark.usefixtures("only_hints")
async def test_lines_come_as_they_are_written_and_states_as_they_change(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.states)
    with LogBuffer(event_id) as log:
        log.add(Line("stderr", "Pulling", AT))
        await _until(lambda: watcher.numbers == [1])
        await in_thread(change_event)(event_id, step="pull")
        await _until(lambda: len(watcher.states) == 2)
        log.say("Done.")
    await in_thread(change_event)(event_id, status=Status.SUCCEEDED)
    assert await watcher.closed() == 1000
    assert watcher.states == [("running", "", 0), ("running", "pull", 0), ("succeeded", "pull", 0)]
    assert [line["text"] for line in watcher.lines] == ["Pulling", "Done."]
    assert watcher.frames[-1] == {"type": "end", "status": "succeeded"}


async def test_clients_that_join_at_any_moment_get_each_line_once(event_id, session):
    worker = asyncio.create_task(in_thread(_run)(event_id, 20_000))
    watchers = []
    while not worker.done() or len(watchers) < 4:
        watchers.append(Watcher(f"/ws/events/{event_id}/", session))
        await asyncio.sleep(0.05)
    await worker
    for watcher in watchers:
        assert await watcher.closed() == 1000
        assert watcher.numbers == list(range(1, 20_001))


async def test_a_client_that_comes_back_goes_on_where_it_was(event_id, session):
    worker = asyncio.create_task(in_thread(_run)(event_id, 20_000))
    seen: list[int] = []
    visits = 0
    while not seen or seen[-1] < 20_000:
        watcher = Watcher(f"/ws/events/{event_id}/?after={seen[-1] if seen else 0}", session)
        await _until(lambda watcher=watcher: watcher.numbers)
        await watcher.leave()
        seen += watcher.numbers
        visits += 1
    await worker
    assert visits > 1
    assert seen == list(range(1, 20_001))


async def test_a_client_that_stops_reading_gets_the_rest_from_the_rows(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.states)
    watcher.reading.clear()
    for n in range(1, MAX_MESSAGES + 50):
        await in_thread(_rows)(event_id, n, 1)
        live.lines_written(event_id, n, await in_thread(read_lines)(event_id, n - 1))
    await in_thread(change_event)(event_id, status=Status.SUCCEEDED)
    (subscription,) = broadcaster._subscriptions[event_topic(event_id)]
    assert len(subscription._waiting) < 100, "nothing was dropped"
    assert watcher.numbers == []
    watcher.reading.set()
    assert await watcher.closed() == 1000
    assert watcher.numbers == list(range(1, MAX_MESSAGES + 50))


async def test_an_event_that_another_process_runs_is_followed_without_hints(event_id, session, monkeypatch):
    monkeypatch.setattr("apps.panel.consumers.live.POLL_SECONDS", 0.1)
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.states)
    await in_thread(_rows)(event_id, 1, 3)
    await _until(lambda: watcher.numbers == [1, 2, 3])
    await in_thread(DeployEvent.objects.update)(status=Status.CANCELLED)
    assert await watcher.closed() == 1000


@pytest.mark.usefixtures("only_hints")
async def test_a_hint_of_another_process_makes_it_read_the_rows(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.states)
    await in_thread(_rows)(event_id, 1, 3)
    broadcaster.publish(event_topic(event_id), {"type": "hint", "event_id": event_id, "last_seq": 3})
    await _until(lambda: watcher.numbers == [1, 2, 3])
    await watcher.leave()


@pytest.mark.usefixtures("only_hints")
async def test_a_queued_event_says_its_place_as_the_queue_moves(event_id, session):
    first = await in_thread(make_event)("first", Status.QUEUED)
    second = await in_thread(make_event)("second", Status.QUEUED)
    watcher = Watcher(f"/ws/events/{second}/", session)
    await _until(lambda: watcher.states == [("queued", "", 2)])
    await in_thread(change_event)(first, status=Status.CANCELLED)
    await _until(lambda: watcher.states[1:] == [("queued", "", 1)])
    await in_thread(change_event)(second, status=Status.CANCELLED)
    await watcher.closed()
    assert watcher.states[-1] == ("cancelled", "", 0)


@pytest.mark.usefixtures("only_hints")
async def test_a_wish_to_end_it_is_told_before_it_has_ended(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.states)
    event = await in_thread(DeployEvent.objects.get)(pk=event_id)
    await in_thread(queue.cancel)(event, Actor("ada", "web"))
    await _until(lambda: len(watcher.states) == 2)
    assert [frame["cancelling"] for frame in watcher.frames] == [False, True]
    await watcher.leave()


async def test_a_client_that_leaves_is_no_longer_listened_for(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: broadcaster.listens(event_topic(event_id)))
    await watcher.leave()
    assert not broadcaster.listens(event_topic(event_id))


async def test_a_server_that_stops_leaves_no_stream_behind(event_id, session):
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: broadcaster.listens(event_topic(event_id)))
    watcher.application.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watcher.application
    assert not broadcaster.listens(event_topic(event_id))


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (lambda: Session.objects.all().delete(), 4401),
        (lambda: User.objects.update(is_active=False), 4401),
        (lambda: User.objects.update(password="another"), 4401),
        (lambda: User.objects.update(role=""), 4404),
    ],
    ids=["signed out", "shut out", "another password", "no role"],
)
async def test_who_loses_access_is_cut_off(event_id, session, monkeypatch, lose, code):
    monkeypatch.setattr("apps.panel.consumers.live.POLL_SECONDS", 0.05)
    monkeypatch.setattr("apps.panel.consumers.live.ACCESS_SECONDS", 0.1)
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await asyncio.sleep(0.3)
    assert watcher.code is None
    await in_thread(lose)()
    assert await watcher.closed() == code


async def test_an_error_of_the_database_is_waited_for(event_id, session, monkeypatch):
    monkeypatch.setattr("apps.panel.consumers.live.POLL_SECONDS", 0.05)
    errors = [OperationalError("server closed the connection")] * 3

    def read_or_fail(*args):
        if errors:
            raise errors.pop()
        return read_lines(*args)

    await in_thread(_rows)(event_id, 1, 3)
    monkeypatch.setattr(reads, "read_lines", read_or_fail)
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    await _until(lambda: watcher.numbers == [1, 2, 3])
    assert not errors
    await watcher.leave()


async def test_an_unexpected_error_closes_the_socket_and_is_reported(event_id, session, monkeypatch):
    def event_state(event_id):
        raise LookupError("unexpected")

    monkeypatch.setattr(reads, "event_state", event_state)
    watcher = Watcher(f"/ws/events/{event_id}/", session)
    with pytest.raises(LookupError, match="unexpected"):
        await watcher.closed()
    assert watcher.code == 4500


async def test_what_a_client_says_changes_nothing(event_id, session):
    client = socket(f"/ws/events/{event_id}/", session)
    assert (await client.connect(timeout=5))[0]
    assert (await client.receive_json_from(timeout=5))["type"] == "state"
    await client.send_to(text_data="hello")
    await client.send_to(bytes_data=b"\0\xff")
    await in_thread(_rows)(event_id, 1, 1)
    assert (await client.receive_json_from(timeout=5))["type"] == "lines"
    await client.disconnect(timeout=5)


class _Engine:
    """Stands for what the watcher knows of the engine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[str, str] = {}
        monkeypatch.setattr(states, "app_states", self)

    def __call__(self, slugs):
        return {slug: AppState(self.states.get(slug, "absent")) for slug in slugs}


def told(frame):
    """Return what a frame says of the apps, without what only tells a page that it is out of date."""
    return [{name: value for name, value in app.items() if name != "key"} for app in frame["apps"]]


@pytest.mark.usefixtures("only_hints")
async def test_all_apps_come_first_and_then_only_what_changes(session, monkeypatch):
    engine = _Engine(monkeypatch)
    engine.states = {"shop": "up"}
    event = await in_thread(make_event)("shop", Status.SUCCEEDED)
    queued = await in_thread(make_event)("blog", Status.QUEUED)
    watcher = Watcher("/ws/apps/", session)
    await _until(lambda: len(watcher.frames) == 1)
    waiting = {"event": queued, "action": "deploy", "status": "queued", "step": "", "position": 1}
    assert watcher.frames[0]["whole"]
    assert told(watcher.frames[0]) == [
        {"slug": "blog", "state": "deploying", "differences": "", "deploying": waiting},
        {"slug": "shop", "state": "up", "differences": "", "deploying": None},
    ]
    await in_thread(change_event)(queued, status=Status.RUNNING, step="pull")
    await _until(lambda: len(watcher.frames) == 2)
    running = {**waiting, "status": "running", "step": "pull", "position": 0}
    assert told(watcher.frames[1]) == [
        {"slug": "blog", "state": "deploying", "differences": "", "deploying": running}
    ]
    engine.states["shop"] = "degraded"
    live.apps_changed(["shop"])
    await _until(lambda: len(watcher.frames) == 3)
    assert told(watcher.frames[2]) == [
        {"slug": "shop", "state": "degraded", "differences": "", "deploying": None}
    ]
    await in_thread(change_event)(event, step="record")
    await asyncio.sleep(0.3)
    assert len(watcher.frames) == 3, "a change that shows nowhere was sent"
    await watcher.leave()


async def test_the_running_event_of_an_app_stands_before_its_queued_ones(session, monkeypatch):
    _Engine(monkeypatch)
    queued = await in_thread(make_event)("shop", Status.QUEUED)
    running = await in_thread(make_event)("shop", Status.RUNNING)
    await in_thread(make_event)("shop", Status.QUEUED)
    watcher = Watcher("/ws/apps/", session)
    await _until(lambda: watcher.frames)
    assert queued < running
    assert watcher.frames[0]["apps"][0]["deploying"]["event"] == running
    await watcher.leave()


@pytest.mark.usefixtures("only_hints")
async def test_an_app_that_was_removed_is_said_once(session, monkeypatch):
    _Engine(monkeypatch)
    event = await in_thread(make_event)("shop", Status.SUCCEEDED)
    watcher = Watcher("/ws/apps/", session)
    await _until(lambda: watcher.frames)

    def remove() -> None:
        app = DeployEvent.objects.get(pk=event).app
        app.removed_at = AT
        app.save()
        live.apps_changed(["shop"])
        live.apps_changed(["shop"])

    await in_thread(remove)()
    await _until(lambda: len(watcher.frames) > 1)
    await asyncio.sleep(0.2)
    assert len(watcher.frames) == 2
    assert told(watcher.frames[1]) == [
        {"slug": "shop", "state": "removed", "differences": "", "deploying": None}
    ]
    await watcher.leave()


async def test_what_an_app_uses_is_not_told_of_another_that_has_its_name_by_now(session, monkeypatch):
    _Engine(monkeypatch)
    monkeypatch.setattr(usage, "app_states", states.app_states)
    event = await in_thread(make_event)("shop", Status.SUCCEEDED)
    watcher = Watcher("/ws/apps/shop/stats/", session)
    await _until(lambda: watcher.frames)

    def replace() -> None:
        App.objects.update(removed_at=AT)
        make_event("shop", Status.SUCCEEDED)
        live.event_changed(event, "shop")

    await in_thread(replace)()
    assert await watcher.closed(timeout=5) == NOT_FOUND


async def test_no_apps_are_an_empty_list(session, monkeypatch):
    _Engine(monkeypatch)
    watcher = Watcher("/ws/apps/", session)
    await _until(lambda: watcher.frames)
    assert watcher.frames == [{"type": "apps", "whole": True, "known": ANY, "busy": 0, "apps": []}]
    await watcher.leave()


async def test_a_page_without_apps_is_told_how_many_are_busy(session, monkeypatch):
    _Engine(monkeypatch)
    await in_thread(make_event)("shop", Status.SUCCEEDED)
    event = await in_thread(make_event)("blog", Status.QUEUED)
    watcher = Watcher("/ws/apps/?brief=1", session)
    await _until(lambda: watcher.frames)
    await in_thread(change_event)(event, status=Status.RUNNING)
    await asyncio.sleep(0.2)
    await in_thread(change_event)(event, status=Status.SUCCEEDED)
    await _until(lambda: len(watcher.frames) > 1)
    assert [(frame["busy"], frame["apps"]) for frame in watcher.frames] == [(1, []), (0, [])]
    await watcher.leave()


async def test_who_knows_all_apps_as_they_are_is_told_nothing_again(session, monkeypatch):
    engine = _Engine(monkeypatch)
    event = await in_thread(make_event)("shop", Status.SUCCEEDED)
    first = Watcher("/ws/apps/", session)
    await _until(lambda: first.frames)
    await first.leave()
    again = Watcher(f"/ws/apps/?known={first.frames[0]['known']}", session)
    await _until(lambda: again.frames)
    assert again.frames == [
        {"type": "apps", "whole": False, "known": first.frames[0]["known"], "busy": 0, "apps": []}
    ]
    # What does not show in the state changes the key: another name, a tag, an event that is over already.
    for change in (
        lambda: App.objects.update(name="Tea"),
        lambda: AppTag.objects.create(app=App.objects.get(), name="web"),
        lambda: make_event("shop", Status.SUCCEEDED),
    ):
        count, key = len(again.frames), again.frames[-1]["apps"][:1]
        await in_thread(change)()
        live.apps_changed(["shop"])
        await _until(lambda count=count: len(again.frames) > count, timeout=5)
        assert again.frames[-1]["apps"] != key
    assert event
    engine.states["shop"] = "up"
    live.apps_changed(["shop"])
    await _until(lambda: told(again.frames[-1])[0]["state"] == "up", timeout=5)
    await again.leave()


@pytest.mark.usefixtures("only_hints")
async def test_those_who_look_at_once_share_one_look_and_each_sees_what_they_may(session, monkeypatch):
    _Engine(monkeypatch)
    looks = []
    real = glances._read
    monkeypatch.setattr(glances, "_read", lambda apps: looks.append(1) or real(apps))
    shop = await in_thread(make_event)("shop", Status.SUCCEEDED)
    await in_thread(make_event)("blog", Status.SUCCEEDED)

    def one_app() -> str:
        guest = make_user("guest", role="")
        app = DeployEvent.objects.get(pk=shop).app
        Grant.objects.create(user=guest, app=app, role="viewer", given_by="root")
        return session_of(guest)

    guest = Watcher("/ws/apps/", await in_thread(one_app)())
    watchers = [Watcher("/ws/apps/", session) for _ in range(20)]
    await _until(lambda: guest.frames and all(one.frames for one in watchers))
    assert [app["slug"] for app in guest.frames[0]["apps"]] == ["shop"]
    assert [app["slug"] for app in watchers[0].frames[0]["apps"]] == ["blog", "shop"]

    looks.clear()
    await in_thread(make_event)("blog", Status.RUNNING)
    live.apps_changed(["blog"])
    await _until(lambda: all(len(one.frames) == 2 for one in watchers))
    assert len(looks) <= 3
    assert len(guest.frames) == 1, "what happens to a foreign app shows nowhere"

    def also_blog() -> None:
        Grant.objects.create(
            user=User.objects.get(username="guest"),
            app=App.objects.get(slug="blog"),
            role="viewer",
            given_by="root",
        )
        live.access_changed(None)
        live.apps_changed([])

    await in_thread(also_blog)()
    await _until(lambda: len(guest.frames) == 2)
    assert [app["slug"] for app in guest.frames[1]["apps"]] == ["blog"]
    for watcher in (guest, *watchers):
        await watcher.leave()
