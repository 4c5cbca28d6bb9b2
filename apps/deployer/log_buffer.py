"""The way of an event's output from the runner to its rows and to whoever watches."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from django.db import Error as DatabaseError
from django.db import IntegrityError, connections
from django.utils import timezone

from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, Line
from apps.deployer.seams import Entry, Seam
from apps.deployments import live
from apps.deployments.logs import PANEL_STREAM, LogLine, append_lines, last_seq

logger = logging.getLogger(__name__)

TAIL_LINES = 50
CHUNK_LINES = 500
CHUNK_CHARACTERS = 256 * 1024
# Beyond this the command is held back until its output is stored.
MAX_UNWRITTEN = 4 * 1024 * 1024
# Lines that follow one another within this time are stored and sent together.
BATCH_SECONDS = 0.02
# How long output that cannot be stored holds up the command before it is given up.
PATIENCE_SECONDS = 5.0
# How long the end of an event waits for its last lines to be stored.
CLOSE_SECONDS = 30.0
_LINE_OVERHEAD = 64
# How long a line that ends like the beginning of a secret waits for the next one.
_OPEN_SECONDS = 0.1
_CANCEL_GLANCE_SECONDS = 0.05
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.05, 1.0


class LogBuffer:
    """Collects the output of event `event_id`: hides secrets, numbers, stores and announces lines.

    `add` is cheap and is what the runner gets as its sink; a thread of the buffer's own does the
    writing. An error of the database is tried again and never reaches the command. Lines that could
    not be stored are counted, and a line says how many. `cancel` ends a wait for room.
    """

    def __init__(
        self,
        event_id: int,
        redactor: Redactor | None = None,
        *,
        cancel: CancelToken | None = None,
        clock: Callable[[], float] = time.monotonic,
        batch_seconds: float = BATCH_SECONDS,
        patience: float = PATIENCE_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self._event_id = event_id
        self._redactor = redactor or Redactor()
        self._cancel = cancel
        self._clock = clock
        self._batch_seconds = batch_seconds
        self._patience = patience
        self._close_seconds = close_seconds
        self._changed = threading.Condition()
        self._seams: dict[str, Seam] = {}
        self._pending: deque[Entry] = deque()
        self._unwritten = 0
        self._lost = 0
        self._giving_up = False
        self._closing = False
        self._closed_at = 0.0
        self._next_seq = 0
        self._tail: deque[Entry] = deque(maxlen=TAIL_LINES)
        self._thread = threading.Thread(target=self._run, name=f"log-{event_id}", daemon=True)

    def __enter__(self) -> "LogBuffer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, line: Line) -> None:
        """Take one line of a command's output; waits for room where the database is slower than it."""
        self._take(line.at, line.stream, line.text)

    def say(self, text: str) -> None:
        """Add the panel's own words, line by line, to the output."""
        for line in text.splitlines():
            self._take(timezone.now(), PANEL_STREAM, line)

    def tail(self) -> list[str]:
        """Return the last 50 lines, secrets replaced."""
        with self._changed:
            return [entry.text for entry in self._tail]

    def close(self) -> None:
        """Store what is left and end the thread; closing twice is no error."""
        with self._changed:
            if not self._closing:
                self._closing = True
                self._closed_at = self._clock()
                self._changed.notify_all()
        self._thread.join()

    def _take(self, at: datetime, stream: str, text: str) -> None:
        entry = Entry(at, stream, _storable(text), _room(text))
        with self._changed:
            if self._closing:
                raise ValueError("The log of this event is closed.")
            if stream not in self._seams:
                self._seams[stream] = Seam(self._redactor)
            self._seams[stream].take(entry, self._clock() + _OPEN_SECONDS)
            self._tail.append(entry)
            if not self._wait_for_room(entry.room):
                self._lost += 1
                return
            before = len(self._pending)
            if self._lost:
                self._pending.append(self._lost_entry())
            self._pending.append(entry)
            self._unwritten += entry.room
            # Not for every line: the thread sleeps before the first one, and until a chunk is full.
            if before == 0 or before < CHUNK_LINES <= len(self._pending):
                self._changed.notify_all()

    def _wait_for_room(self, size: int) -> bool:
        """Wait (with the lock held) until `size` characters fit; once patience has ended, no more."""
        deadline = self._clock() + self._patience
        while self._unwritten and self._unwritten + size > MAX_UNWRITTEN:
            cancelled = self._cancel is not None and self._cancel.cancelled
            if self._giving_up or cancelled or self._clock() >= deadline:
                self._giving_up = True
                return False
            self._changed.wait(_CANCEL_GLANCE_SECONDS)
        self._giving_up = False
        return True

    def _lost_entry(self) -> Entry:
        """Return the line that stands for the lost ones (with the lock held)."""
        words = "1 line of output was" if self._lost == 1 else f"{self._lost} lines of output were"
        text = f"{words} lost here: the database did not store them in time."
        self._lost = 0
        self._unwritten += _room(text)
        return Entry(timezone.now(), PANEL_STREAM, text, _room(text))

    def _run(self) -> None:
        try:
            last_write = -self._batch_seconds
            while batch := self._next_batch(last_write + self._batch_seconds):
                self._write(batch)
                last_write = self._clock()
        finally:
            connections.close_all()

    def _next_batch(self, due: float) -> list[Entry]:
        """Wait for lines, and until `due` for more to go with them; nothing means that it is over."""
        with self._changed:
            while not self._pending and not self._lost and not self._closing:
                self._changed.wait()
            while len(self._pending) < CHUNK_LINES and not self._closing:
                if (remaining := due - self._clock()) <= 0:
                    break
                self._changed.wait(remaining)
            while self._pending and (wait := self._pending[0].open_until - self._clock()) > 0:
                if self._closing:
                    break
                self._changed.wait(wait)
            batch: list[Entry] = []
            size = 0
            while self._pending and len(batch) < CHUNK_LINES:
                entry = self._pending[0]
                size += entry.room
                is_open = entry.open_until > self._clock() and not self._closing
                if batch and (is_open or size > CHUNK_CHARACTERS):
                    break
                entry.is_stored = True
                batch.append(self._pending.popleft())
            if not self._pending and self._lost:
                batch.append(self._lost_entry())
            return batch

    def _write(self, batch: list[Entry]) -> None:
        """Store `batch`, however often that takes, then announce it; at the end of the event give up."""
        retry = _FIRST_RETRY_SECONDS
        while True:
            try:
                first_seq = self._store(batch)
                break
            except (DatabaseError, OSError) as error:
                if isinstance(error, IntegrityError):
                    # Somebody else added lines (a worker that took this one for dead): go on after theirs.
                    self._next_seq = 0
                connections.close_all()
                if self._out_of_time():
                    self._give_up(batch, error)
                    return
                with self._changed:
                    self._changed.wait(retry)
                retry = min(2 * retry, _LAST_RETRY_SECONDS)
        with self._changed:
            self._forget(batch)
        live.lines_written(
            self._event_id,
            first_seq,
            [
                LogLine(seq, entry.at.isoformat(timespec="milliseconds"), entry.stream, entry.text)
                for seq, entry in enumerate(batch, start=first_seq)
            ],
        )

    def _store(self, batch: list[Entry]) -> int:
        """Write `batch` as the next chunk and return the number of its first line."""
        if not self._next_seq:
            self._next_seq = last_seq(self._event_id) + 1
        first_seq = self._next_seq
        append_lines(self._event_id, first_seq, [(e.at, e.stream, e.text) for e in batch])
        self._next_seq += len(batch)
        return first_seq

    def _forget(self, batch: list[Entry]) -> None:
        """Make room for what `batch` held (with the lock held)."""
        self._unwritten -= sum(entry.room for entry in batch)
        self._changed.notify_all()

    def _out_of_time(self) -> bool:
        with self._changed:
            return self._closing and self._clock() - self._closed_at >= self._close_seconds

    def _give_up(self, batch: list[Entry], error: Exception) -> None:
        """Drop everything that is not stored; the event ends without it."""
        with self._changed:
            lost = len(batch) + len(self._pending) + self._lost
            self._pending.clear()
            self._lost = 0
        logger.error(
            "Event %s: its last %s lines of output could not be stored: %s", self._event_id, lost, error
        )


def _room(text: str) -> int:
    return len(text) + _LINE_OVERHEAD


def _storable(text: str) -> str:
    """Return `text` without what a database or a WebSocket refuses: NUL, halves of surrogate pairs."""
    text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
