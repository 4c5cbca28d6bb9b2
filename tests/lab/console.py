"""A console as a browser has it: a WebSocket, what was printed, and what the panel said."""

import contextlib
import json
import threading
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.lab.http import Client
from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until


class ConsoleSocket:
    """A console of the person behind `client`, read in a thread; `takes` can be cleared to fall behind."""

    def __init__(
        self, panel: PanelProcess, client: Client, slug: str, query: dict[str, str], *, takes: bool = True
    ) -> None:
        self.printed = b""
        self.frames: list[dict[str, Any]] = []
        self.takes = takes
        self._opening = connect(
            f"{panel.url.replace('http', 'ws')}/ws/apps/{slug}/console/?{urlencode(query)}",
            origin=Origin(panel.url),
            additional_headers={"Cookie": client.cookie_header()},
            max_size=None,
        )
        self._connection = self._opening.__enter__()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = self._connection.recv()
                if isinstance(frame, bytes):
                    self.printed += frame
                    if self.takes:
                        self.send({"type": "taken", "bytes": len(frame)})
                else:
                    self.frames.append(json.loads(frame))

    def send(self, message: dict[str, Any]) -> None:
        """Send a text frame."""
        self._connection.send(json.dumps(message))

    def type(self, text: str) -> None:
        """Type `text`."""
        self._connection.send(text.encode())

    def shows(self, text: str, timeout: float = 60) -> None:
        """Wait until `text` is printed."""
        wait_until(
            lambda: text.encode() in self.printed,
            lambda: f"{text!r} is printed, not only {self.printed[-500:]!r}; frames: {self.frames}",
            timeout=timeout,
        )

    def does(self, command: str, text: str) -> None:
        """Enter `command` and wait for `text`, which must not be part of it."""
        self.type(f"{command}\n")
        self.shows(text)

    def prompts(self, prompt: str) -> None:
        """Wait until the shell asks for input: what is typed before that, its terminal may take otherwise."""
        wait_until(
            lambda: self.printed.endswith(prompt.encode()),
            lambda: f"it ends with {prompt!r}, not with {self.printed[-100:]!r}",
        )

    def told(self, kind: str, timeout: float = 60) -> dict[str, Any]:
        """Wait for the first frame of this type and return it."""
        found = wait_until(
            lambda: [frame for frame in self.frames if frame["type"] == kind],
            lambda: f"a frame {kind!r}, not only {self.frames}; printed: {self.printed[-300:]!r}",
            timeout=timeout,
        )
        return found[0]

    def closed(self, timeout: float = 60) -> int:
        """Wait until the panel closes it, and return the code."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), f"it is still open; frames: {self.frames}"
        return int(self._connection.close_code or 0)

    def leave(self) -> None:
        """Go away, as a closed page does."""
        self._opening.__exit__(None, None, None)
        self._thread.join()
