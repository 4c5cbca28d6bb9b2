"""Lines on their way to those who watch: numbered, sent in batches, the last ones kept."""

import threading
import time
from collections import deque
from typing import Final

from apps.deployer.container_logs.lines import Frame, OutputLine, frames
from apps.deployer.runner.interface import CancelToken
from apps.deployments.live import broadcaster

# Characters of the last lines that are held, whatever they are.
MOST_CHARACTERS: Final = 4 * 1024 * 1024
# Lines and characters that wait to be sent; whoever brings more of them waits.
MOST_WAITING, MOST_WAITING_CHARACTERS = 5000, 4 * 1024 * 1024
# Lines that follow one another within this time are sent together.
BATCH_SECONDS: Final = 0.03


class Outlet:
    """Gives each line a number, publishes them to `topic`, and keeps the last `most` of them.

    Any thread may `add`; `close` says that all was added. On `cancel` what is there is sent at once.
    """

    def __init__(self, topic: str, most: int, cancel: CancelToken) -> None:
        self.topic = topic
        # All that will ever come was sent.
        self.over = False
        self._most, self._cancel = most, cancel
        self._changed = threading.Condition()
        self._waiting: deque[OutputLine] = deque()
        self._waiting_characters = 0
        self._kept: deque[OutputLine] = deque()
        self._kept_characters = 0
        self._last_seq = 0
        self._complete = False
        self._thread = threading.Thread(target=self._send, name="container-logs-send")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def join(self) -> None:
        """Wait until all is sent."""
        self._thread.join()

    @property
    def last_seq(self) -> int:
        """The number of the last line that was sent."""
        return self._last_seq

    def add(self, line: OutputLine) -> None:
        """Take the next line; waits while too many are under way."""
        with self._changed:
            while self._is_full() and not self._cancel.cancelled:
                self._changed.wait()
            self._waiting.append(line)
            self._waiting_characters += len(line.text)
            if len(self._waiting) == 1:
                self._changed.notify_all()

    def close(self) -> None:
        """Say that no line will come any more."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def after(self, seq: int) -> tuple[int, list[OutputLine]]:
        """Return the lines after number `seq` that are still kept, and how many before these are not."""
        with self._changed:
            lines = [line for line in self._kept if line.seq > seq]
            first = lines[0].seq if lines else self._last_seq + 1
        return max(0, first - seq - 1), lines

    def _is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING or self._waiting_characters >= MOST_WAITING_CHARACTERS

    def _send(self) -> None:
        try:
            with self._cancel.calling(self._wake):
                sent_at = float("-inf")
                while batch := self._next_batch(sent_at + BATCH_SECONDS):
                    sent_at = time.monotonic()
                    self._publish(batch)
        finally:
            # Also where that failed: who brings lines must not wait for ever.
            self._cancel.cancel()
            self._wake()
            self.over = True
            broadcaster.publish(self.topic, {"type": "over"})

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _next_batch(self, due: float) -> list[OutputLine]:
        """Wait for lines, and until `due` for more to go with them; nothing means that it is over."""
        with self._changed:
            while not self._waiting:
                if self._complete or self._cancel.cancelled:
                    return []
                self._changed.wait()
            while (remaining := due - time.monotonic()) > 0 and not self._cancel.cancelled:
                self._changed.wait(remaining)
            while (wait := self._waiting[0].open_until - time.monotonic()) > 0 and not self._cancel.cancelled:
                self._changed.wait(wait)
            batch: list[OutputLine] = []
            now = time.monotonic()
            while self._waiting and (not batch or self._waiting[0].open_until <= now):
                batch.append(self._waiting.popleft())
                batch[-1].is_stored = True
            self._waiting_characters = sum(len(line.text) for line in self._waiting)
            self._changed.notify_all()
            return batch

    def _publish(self, lines: list[OutputLine]) -> None:
        for number, line in enumerate(lines, self._last_seq + 1):
            line.finished().seq = number
        for frame in frames(lines):
            self._keep(frame)
            message = {
                "type": "lines",
                "first_seq": frame.first_seq,
                "last_seq": frame.last_seq,
                "frame": frame.text,
                "by_language": frame,
            }
            broadcaster.publish(self.topic, message)

    def _keep(self, frame: Frame) -> None:
        with self._changed:
            self._kept.extend(frame.lines)
            self._kept_characters += sum(len(line.text) for line in frame.lines)
            self._last_seq = frame.last_seq
            while len(self._kept) > self._most or self._kept_characters > MOST_CHARACTERS:
                self._kept_characters -= len(self._kept.popleft().text)
