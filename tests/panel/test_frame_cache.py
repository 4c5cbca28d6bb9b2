from apps.panel.consumers.frame_cache import FrameCache


def test_a_frame_is_found_by_its_event_and_the_line_before_it():
    cache = FrameCache(least=1)
    cache.put(7, 0, 500, "frame")
    assert cache.get(7, 0) == (500, "frame")
    assert cache.get(7, 500) is None
    assert cache.get(8, 0) is None


def test_the_frames_used_last_are_kept():
    cache = FrameCache(limit=10, least=1)
    cache.put(1, 0, 1, "aaaa")
    cache.put(2, 0, 1, "bbbb")
    cache.get(1, 0)
    cache.put(3, 0, 1, "cccc")
    assert [cache.get(event, 0) is not None for event in (1, 2, 3)] == [True, False, True]


def test_keeping_a_frame_twice_takes_no_room_twice():
    cache = FrameCache(limit=10, least=1)
    for _ in range(5):
        cache.put(1, 0, 1, "aaaa")
    cache.put(2, 0, 1, "bbbb")
    assert cache.get(1, 0) == (1, "aaaa")


def test_a_frame_beyond_the_limit_drives_nothing_out():
    cache = FrameCache(limit=10, least=1)
    cache.put(1, 0, 1, "aaaa")
    cache.put(2, 0, 1, "b" * 11)
    assert cache.get(1, 0) == (1, "aaaa")
    assert cache.get(2, 0) is None


def test_a_small_frame_is_not_kept():
    cache = FrameCache()
    cache.put(1, 0, 1, "a" * 1000)
    assert cache.get(1, 0) is None
