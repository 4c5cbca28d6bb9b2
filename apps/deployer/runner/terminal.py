"""A terminal as a person has it: what they type, how large their window is, and what is printed to it."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator
from threading import Lock

# Bytes that are printed ahead of whoever reads them; beyond it the command is held back.
WINDOW = 256 * 1024
# Bytes that are typed ahead of the command; beyond it nothing more is taken.
MOST_TYPED = 1024 * 1024
# Below so many bytes typed ahead, whoever pastes something long may go on.
LITTLE_TYPED = 64 * 1024
_MOST_CELLS = 1000  # columns or rows


class Terminal:
    """The near side of a command's terminal; callable from any thread.

    `on_output` gets the bytes as they come, in the thread that runs the command, and must not wait. Whoever
    has dealt with so many bytes of them says so by `taken`: not more than WINDOW are ever under way.
    `on_typed` is called there, too, when the command took what was typed down to LITTLE_TYPED.
    """

    def __init__(
        self,
        on_output: Callable[[bytes], None],
        columns: int = 80,
        rows: int = 24,
        on_typed: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_output, self._on_typed = on_output, on_typed
        self._lock = Lock()
        self._typed: deque[bytes] = deque()
        self._waiting = 0
        self._under_way = 0
        self._size = _cells(columns), _cells(rows)
        self._wake: Callable[[], None] = lambda: None

    # --- The side of the person ---------------------------------------------------------------

    def type(self, data: bytes) -> bool:
        """Type `data`; False, and nothing is taken, where the command is too far behind."""
        with self._lock:
            if self._waiting + len(data) > MOST_TYPED:
                return False
            if data:
                self._typed.append(data)
                self._waiting += len(data)
            self._wake()
        return True

    def taken(self, count: int) -> None:
        """Say that `count` more bytes of the output were dealt with."""
        with self._lock:
            self._under_way = max(0, self._under_way - count)
            self._wake()

    def resize(self, columns: int, rows: int) -> None:
        """Say how large the window is."""
        with self._lock:
            self._size = _cells(columns), _cells(rows)
            self._wake()

    @property
    def typed_ahead(self) -> int:
        """How many bytes were typed that the command has not taken yet."""
        return self._waiting

    # --- The side of the runner ---------------------------------------------------------------

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size

    @property
    def room(self) -> int:
        """How many bytes may be printed now."""
        return max(0, WINDOW - self._under_way)

    def output(self, data: bytes) -> None:
        """Hand over what the command printed."""
        with self._lock:
            self._under_way += len(data)
        self._on_output(data)

    def next_typed(self, most: int) -> bytes:
        """Return up to `most` bytes that were typed; they stay until `sent` takes them away."""
        with self._lock:
            return self._typed[0][:most] if self._typed else b""

    def sent(self, count: int) -> None:
        """Take away `count` bytes of what `next_typed` returned."""
        with self._lock:
            rest = self._typed.popleft()[count:]
            if rest:
                self._typed.appendleft(rest)
            before, self._waiting = self._waiting, self._waiting - count
        if before > LITTLE_TYPED >= self._waiting:
            self._on_typed()

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Generator[None]:
        """Have `wake` called within the block whenever the person did something; it must not wait."""
        with self._lock:
            self._wake = wake
        try:
            yield
        finally:
            with self._lock:
                self._wake = lambda: None


def _cells(number: int) -> int:
    return min(max(1, number), _MOST_CELLS)
