"""How many lines of one container are shown in a time: a flood must not take the whole panel."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from apps.deployer.runner.interface import CancelToken, Line

WINDOW: Final = 0.1  # seconds
SHOWN: Final = 1000  # lines of a window that are shown at once
LAST: Final = 200  # and the last ones of it, when it is over
READ: Final = 6000  # lines of a window that are read at all; then the command is held back until it ends


class Pace:
    """Hands on the lines of one command as far as they can be shown, and tells how many are skipped.

    `take` gets the lines, `skipped` how many before the next one are left out; one call at a time.
    """

    def __init__(
        self, take: Callable[[Line], None], skipped: Callable[[int], None], cancel: CancelToken
    ) -> None:
        self._take, self._tell, self._cancel = take, skipped, cancel
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._read = 0
        self._held: deque[Line] = deque()
        self._skipped = 0
        self._timer: threading.Timer | None = None

    def add(self, line: Line) -> None:
        """Take the next line; waits where there are far too many of them."""
        with self._lock:
            # The clock is asked once for many lines: one that is skipped should cost nearly nothing.
            if self._read >= READ or self._read % 100 == 0:
                now = time.monotonic()
                if now >= self._until:
                    self._hand_on()
                    self._until, self._read = now + WINDOW, 0
            self._read += 1
            if self._read <= SHOWN and not self._held:
                self._take(line)
                return
            self._hold(line)
            rest = self._until - time.monotonic() if self._read >= READ else 0.0
        if rest > 0:
            self._cancel.wait(rest)

    def finish(self) -> None:
        """Hand on what is left."""
        with self._lock:
            self._hand_on()

    def _hold(self, line: Line) -> None:
        self._held.append(line)
        if len(self._held) > LAST:
            self._held.popleft()
            self._skipped += 1
        if self._timer is None:
            # A flood may end at any line, and its last ones are what people look for.
            self._timer = threading.Timer(WINDOW, self._over)
            self._timer.start()

    def _over(self) -> None:
        with self._lock:
            self._timer = None
            if time.monotonic() >= self._until:
                self._hand_on()
            elif self._held:
                self._timer = threading.Timer(WINDOW, self._over)
                self._timer.start()

    def _hand_on(self) -> None:
        """Take what was held (with the lock held)."""
        if self._skipped:
            count, self._skipped = self._skipped, 0
            self._tell(count)
        while self._held:
            self._take(self._held.popleft())
