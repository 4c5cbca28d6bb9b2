"""How many lines of one container are shown in a time: a flood must not take the whole panel."""

import time
from collections.abc import Callable

WINDOW = 0.1  # seconds
SHOWN = 1000  # lines of a window that are shown
READ = 6000  # lines of a window that are read at all; then the command is held back until it ends


class Pace:
    """Counts the lines of one command; `skipped` are those that were read and not shown."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.skipped = 0
        self._clock = clock
        self._until = float("-inf")
        self._read = 0

    def admits(self) -> bool:
        """Count one more line, and tell whether it is shown."""
        # The clock is asked once for many lines: a line that is skipped should cost nearly nothing.
        if self._read >= READ or self._read % 100 == 0:
            now = self._clock()
            if now >= self._until:
                self._until, self._read = now + WINDOW, 0
        self._read += 1
        if self._read <= SHOWN:
            return True
        self.skipped += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether no more is read in this window."""
        return self._read >= READ

    @property
    def rest(self) -> float:
        """Seconds until the next window."""
        return max(0.0, self._until - self._clock())
