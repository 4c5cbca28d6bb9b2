"""A server process for tests and benchmarks of the WebSockets: the panel's server with events on demand.

It is run with a data folder of its own, says {"port", "session"} when it listens, then obeys
JSON commands on standard input, one a line, each answered by one line. It ends with its input.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simpledeploy_site.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.deployer.log_buffer import LogBuffer  # noqa: E402
from apps.deployer.runner.interface import Line  # noqa: E402
from apps.deployments.states import Status  # noqa: E402
from apps.panel import server as panel_server  # noqa: E402
from simpledeploy_site.asgi import application  # noqa: E402
from tests.panel.live import change_event, make_event, make_user, session_of  # noqa: E402
from tests.panel.live_client import FLOOD_CHUNK  # noqa: E402

flooded = 0


async def flooding(scope: Any, receive: Any, send: Any) -> None:
    """The panel, and under /flood/<chunks> an application that sends as fast as it may."""
    global flooded
    if not scope["path"].startswith("/flood/"):
        await application(scope, receive, send)
        return
    chunks = int(scope["path"].removeprefix("/flood/"))
    await receive()
    flooded = 0
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(chunks):
        text = f"{number:08}".ljust(FLOOD_CHUNK)
        if scope["type"] == "websocket":
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        flooded += 1
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    else:
        await send({"type": "http.response.body", "body": b""})


def make(slug: str) -> dict[str, Any]:
    """Make an app and a running event of it."""
    return {"event": make_event(slug)}


def print_lines(
    event: int, count: int, width: int = 100, rate: float = 0, end: bool = True
) -> dict[str, Any]:
    """Be the worker of `event`: print `count` lines of `width` characters, `rate` a second (0: no limit).

    Each line begins with its number and the time at which it was printed (monotonic, in seconds).
    """
    start = time.monotonic()
    with LogBuffer(event) as log:
        for number in range(1, count + 1):
            if rate and (ahead := start + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            log.add(Line("stdout", f"{number} {time.monotonic():.6f} ".ljust(width, "x"), timezone.now()))
    if end:
        change_event(event, status=Status.SUCCEEDED)
    return {"seconds": time.monotonic() - start}


def flood() -> dict[str, Any]:
    """Tell how many chunks the last flood has sent."""
    return {"sent": flooded}


def limit(**values: float) -> dict[str, Any]:
    """Set constants of the server."""
    for name, value in values.items():
        setattr(panel_server, name, value)
    return {}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    command.__name__: command for command in (make, print_lines, flood, limit)
}


def say(answer: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def obey(stop: Callable[[], None]) -> None:
    """Carry out commands until the input ends."""
    for line in sys.stdin:
        command = json.loads(line)
        say(COMMANDS[command.pop("do")](**command))
    connection.close()
    stop()


def main() -> None:
    port = int(sys.argv[1])
    # A test brings a database with it; a benchmark does not.
    if not connection.introspection.table_names():
        call_command("migrate", verbosity=0)
    session = session_of(make_user())
    connection.close()

    def ready() -> None:
        threading.Thread(target=obey, args=(server.stop_from_thread,), daemon=True).start()
        say({"port": port, "session": session})

    server = panel_server.PanelServer(
        flooding, endpoints=[f"tcp:port={port}:interface=127.0.0.1"], signal_handlers=False, on_ready=ready
    )
    server.run()


if __name__ == "__main__":
    main()
