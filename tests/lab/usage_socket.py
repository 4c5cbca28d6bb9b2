"""What a browser on an app's page is told of what the app uses, and the processes behind it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.lab.http import Client
from tests.lab.panel import PanelProcess


@contextmanager
def usage_socket(panel: PanelProcess, slug: str, client: Client) -> Iterator[ClientConnection]:
    """Look at the usage of the app `slug` as whom `client` is signed in as, in a block."""
    with connect(
        f"{panel.url.replace('http', 'ws')}/ws/apps/{slug}/stats/",
        origin=Origin(panel.url),
        additional_headers={"Cookie": client.cookie_header()},
        max_size=None,
    ) as socket:
        yield socket


def next_usage(socket: ClientConnection, *services: str, timeout: float = 60) -> dict[str, Any]:
    """Return the next frame that has just `services`; without any, the next where nothing is measured."""
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout))
        if sorted(frame["services"] or ()) == sorted(services) and bool(frame["services"]) == bool(services):
            return frame


def stats_processes(pid: int) -> list[psutil.Process]:
    """Return the living `docker stats` that the panel with this process id has started."""
    found = []
    for process in psutil.process_iter():
        try:
            owner = process.environ().get("SIMPLEDEPLOY_RUN", "")
            is_one = f":{pid}:" in owner and "stats" in process.cmdline()
            if is_one and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
