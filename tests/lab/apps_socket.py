"""What a browser with a list of apps knows: the frames of /ws/apps/, and when each came."""

import contextlib
import json
import threading
import time
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until


class AppsSocket:
    """Follows the states of all apps of `panel` in a thread, in a `with`."""

    def __init__(self, panel: PanelProcess) -> None:
        self.apps: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[float, str, str]] = []  # (time.time(), slug, state)
        self._connecting = connect(
            f"{panel.url.replace('http', 'ws')}/ws/apps/",
            origin=Origin(panel.url),
            additional_headers={"Cookie": panel.client().cookie_header()},
            max_size=None,
        )
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "AppsSocket":
        self._connection = self._connecting.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connecting.__exit__(kind, error, trace)
        self._thread.join()

    def state(self, slug: str) -> str:
        """Return the state of an app as it was told last."""
        return str(self.apps.get(slug, {}).get("state", ""))

    def wait_for(self, slug: str, state: str, timeout: float = 14) -> None:
        """Wait until the app `slug` is `state`."""
        wait_until(
            lambda: self.state(slug) == state,
            lambda: f"{slug} is {state}, not {self.apps.get(slug)}",
            timeout=timeout,
        )

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(self._connection.recv())
                now = time.time()
                for app in frame["apps"]:
                    self.apps[app["slug"]] = app
                    self.changes.append((now, app["slug"], app["state"]))
