"""Frames of lines that several clients of one event ask for, made once."""

import threading
from collections import OrderedDict

MAX_CHARACTERS = 16 * 1024 * 1024
# The few lines that an event has at first would for ever be a frame of their own.
LEAST_CHARACTERS = 32 * 1024


class FrameCache:
    """Keeps the frames used last, up to `limit` characters; for any thread.

    A frame is found by its event and the number of the line before it. Stored lines never change, so
    a kept frame is never wrong, at most shorter than one that would be made now. Small ones are not kept.
    """

    def __init__(self, limit: int = MAX_CHARACTERS, least: int = LEAST_CHARACTERS) -> None:
        self._limit, self._least = limit, least
        self._size = 0
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[int, int], tuple[int, str]] = OrderedDict()

    def get(self, event_id: int, after: int) -> tuple[int, str] | None:
        """Return the kept frame after line `after`, if any, as (number of its last line, text)."""
        with self._lock:
            if (found := self._frames.get((event_id, after))) is not None:
                self._frames.move_to_end((event_id, after))
            return found

    def put(self, event_id: int, after: int, last_seq: int, frame: str) -> None:
        """Keep `frame`, which ends with line `last_seq`."""
        with self._lock:
            if (event_id, after) in self._frames or not self._least <= len(frame) <= self._limit:
                return
            self._frames[event_id, after] = last_seq, frame
            self._size += len(frame)
            while self._size > self._limit:
                self._size -= len(self._frames.popitem(last=False)[1][1])
