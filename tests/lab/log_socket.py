"""The output of containers as a browser gets it: the frames of /ws/apps/<slug>/logs/."""

import contextlib
import json
import threading
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.lab.http import Client
from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until


class LogSocket:
    """Follows logs of the person behind `client` in a thread, in a `with`."""

    def __init__(self, panel: PanelProcess, client: Client, slug: str, **query: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.skipped = 0
        self.code: int | None = None
        self._opening = connect(
            f"{panel.url.replace('http', 'ws')}/ws/apps/{slug}/logs/?{urlencode(query)}",
            origin=Origin(panel.url),
            additional_headers={"Cookie": client.cookie_header()},
            max_size=None,
        )
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "LogSocket":
        self._connection = self._opening.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opening.__exit__(kind, error, trace)
        self._thread.join()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(self._connection.recv())
                self.frames.append(frame)
                if frame["type"] == "lines":
                    self.lines += frame["lines"]
                elif frame["type"] == "skipped":
                    self.skipped += frame["lines"]
        self.code = self._connection.close_code

    def texts(self, source: str = "") -> list[str]:
        """Return what was printed (by one container), in the order that it came."""
        return [one["text"] for one in self.lines if not source or one["source"] == source]

    def shows(self, text: str, timeout: float = 60) -> dict[str, Any]:
        """Wait for a line that holds `text` and return it."""
        found = wait_until(
            lambda: [line for line in self.lines if text in line["text"]],
            lambda: f"a line with {text!r}, not only {self.texts()[-20:]} and {self.frames[-2:]}",
            timeout=timeout,
        )
        return found[-1]

    def closed(self, timeout: float = 60) -> int | None:
        """Wait until the panel closes it, and return the code."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"it is still open; {self.frames[-2:]}"
        return self.code
