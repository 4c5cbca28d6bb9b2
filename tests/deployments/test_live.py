import asyncio
import gc
import json
import threading
import weakref

import pytest
from django.db import connection, transaction

from apps.deployments import live
from apps.deployments.live import APPS_TOPIC, GAP, MAX_BYTES, MAX_MESSAGES, Broadcaster, event_topic
from apps.deployments.logs import LogLine


def _line(seq: int) -> LogLine:
    return LogLine(seq, "2026-03-01T12:00:00.000+00:00", "stdout", f"line {seq}")


async def test_a_subscriber_gets_what_is_published_from_another_thread_at_once():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        waiting = asyncio.create_task(subscription.get())
        await asyncio.sleep(0)
        threading.Thread(target=broadcaster.publish, args=("a", {"n": 1})).start()
        assert await asyncio.wait_for(waiting, 1) == {"n": 1}


async def test_every_message_of_many_threads_arrives_once():
    broadcaster = Broadcaster()

    def publish(thread: int) -> None:
        for n in range(200):
            broadcaster.publish("a", {"n": (thread, n)})

    async with broadcaster.subscribe("a") as subscription:
        threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        seen = [(await asyncio.wait_for(subscription.get(), 2))["n"] for _ in range(800)]
        assert await subscription.get(timeout=0.01) is None
    assert sorted(seen) == [(thread, n) for thread in range(4) for n in range(200)]
    assert [n for thread, n in seen if thread == 2] == list(range(200))


async def test_other_topics_are_not_heard():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        broadcaster.publish("b", {})
        assert await subscription.get(timeout=0.01) is None


async def test_a_message_for_several_topics_of_one_subscriber_comes_once():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a", "b") as subscription:
        broadcaster.deliver(("a", "b"), {"n": 1})
        assert await subscription.get() == {"n": 1}
        assert await subscription.get(timeout=0.01) is None


async def test_too_many_messages_become_one_gap_and_later_ones_follow_it():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        for n in range(MAX_MESSAGES + 3):
            broadcaster.publish("a", {"n": n})
        assert await subscription.get() is GAP
        assert await subscription.get() == {"n": MAX_MESSAGES + 1}


async def test_too_many_bytes_become_one_gap():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        for n in range(4):
            broadcaster.publish("a", {"n": n, "frame": "x" * (MAX_BYTES // 4)})
        assert await subscription.get() is GAP
        assert await subscription.get(timeout=0.01) is None


async def test_a_message_that_is_too_big_alone_becomes_a_gap():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        broadcaster.publish("a", {"frame": "x" * MAX_BYTES})
        assert await subscription.get() is GAP


async def test_a_subscriber_that_left_is_forgotten():
    broadcaster = Broadcaster()
    async with broadcaster.subscribe("a") as subscription:
        assert broadcaster.listens("a")
    assert not broadcaster.listens("a")
    broadcaster.publish("a", {})
    gone = weakref.ref(subscription)
    del subscription
    gc.collect()
    assert gone() is None


def test_a_subscriber_whose_loop_is_closed_breaks_nothing():
    broadcaster = Broadcaster()
    loop = asyncio.new_event_loop()
    subscription = broadcaster.subscribe("a")
    loop.run_until_complete(subscription.__aenter__())
    loop.close()
    broadcaster.publish("a", {})
    assert not broadcaster.listens("a")


def test_each_loop_hears_on_its_own():
    broadcaster = Broadcaster()
    ready, heard = threading.Barrier(3), []

    async def listen() -> None:
        async with broadcaster.subscribe("a") as subscription:
            await asyncio.to_thread(ready.wait)
            heard.append(await subscription.get(timeout=2))

    threads = [threading.Thread(target=asyncio.run, args=(listen(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    broadcaster.publish("a", {"n": 1})
    for thread in threads:
        thread.join()
    assert heard == [{"n": 1}, {"n": 1}]


async def test_lines_come_with_their_frame_made_once():
    async with live.broadcaster.subscribe(event_topic(7)) as subscription:
        live.lines_written(7, 3, [_line(3), _line(4)])
        message = await subscription.get()
    assert (message["type"], message["first_seq"], message["last_seq"]) == ("lines", 3, 4)
    frame = json.loads(message["frame"])
    assert frame == {"type": "lines", "lines": [_line(3)._asdict(), _line(4)._asdict()]}


def test_lines_that_nobody_watches_cost_no_frame(monkeypatch):
    monkeypatch.setattr(live, "lines_frame", lambda lines: pytest.fail("a frame was made"))
    live.lines_written(8, 1, [_line(1)])


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_to_the_event_and_to_the_list_when_it_is_committed():
    async def listen() -> None:
        async with (
            live.broadcaster.subscribe(event_topic(5)) as event,
            live.broadcaster.subscribe(APPS_TOPIC) as apps,
        ):
            await asyncio.to_thread(change, event, apps)
            assert await event.get(timeout=1) == {"type": "event", "event_id": 5, "slug": "shop"}
            assert await apps.get(timeout=1) == {"type": "event", "event_id": 5, "slug": "shop"}
            live.apps_changed({"b", "a"})
            assert await apps.get(timeout=1) == {"type": "apps", "slugs": ["a", "b"]}

    def change(event, apps) -> None:
        try:
            with transaction.atomic():
                live.event_changed(5, "shop")
                assert event._take() is None
                assert apps._take() is None
        finally:
            connection.close()

    asyncio.run(listen())
