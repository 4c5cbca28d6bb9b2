"""The other end of `live_server`: its process, and clients over real sockets."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.lab.waiting import free_port

# Bytes that the server's flood sends at a time.
FLOOD_CHUNK = 100_000
ROOT = Path(__file__).resolve().parent.parent.parent


class LiveServer:
    """One `live_server` process; used in a `with`."""

    def __init__(self, data_dir: Path) -> None:
        self._environment = {**os.environ, "SIMPLEDEPLOY_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
        # Its database lies in its own folder, whatever this run tests against.
        for name in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL"):
            self._environment.pop(name, None)

    def __enter__(self) -> "LiveServer":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.panel.live_server", str(free_port())],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = self._answer()
        self.port, self.session = ready["port"], ready["session"]
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Have the server end and return its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have the server carry out `command` and return its answer."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def make_event(self, slug: str = "shop") -> int:
        """Return the id of a new running event."""
        return int(self.do("make", slug=slug)["event"])

    def memory(self) -> int:
        """Return the bytes of memory that the server occupies (RSS)."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the server ended with {self.process.wait(10)}"
        return dict(json.loads(line))

    def tcp(self, receive_buffer: int | None = None) -> socket.socket:
        """Return a connection to the server; `receive_buffer` is in bytes."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def open(self, path: str, *, session: str | None = None, receive_buffer: int | None = None) -> connect:
        """Open, in a `with`, a WebSocket whose client itself holds two frames at most."""
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            sock=self.tcp(receive_buffer),
            origin=f"http://127.0.0.1:{self.port}",  # type: ignore[arg-type]
            additional_headers={"Cookie": f"sessionid={self.session if session is None else session}"},
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_queue=1,
            max_size=None,
        )


class Reader(threading.Thread):
    """Follows an event and keeps numbers, delays (seconds) and close code; `pause` is after each frame."""

    def __init__(
        self, server: LiveServer, event: int, *, pause: float = 0, hold: threading.Event | None = None
    ) -> None:
        # One that a failed test leaves waiting must not keep the run from its end.
        super().__init__(daemon=True)
        self.numbers: list[int] = []
        self.delays: list[float] = []
        self.ended = ""
        self.code: int | None = None
        self.last_at = 0.0
        self.joined = threading.Event()
        self._hold, self._pause = hold, pause
        self._opening = server.open(f"/ws/events/{event}/", receive_buffer=8192 if hold else None)
        self.start()

    def run(self) -> None:
        """Read until the server closes."""
        with self._opening as connection, contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(connection.recv())
                now = time.monotonic()
                if frame["type"] == "lines":
                    for line in frame["lines"]:
                        number, printed_at, _ = line["text"].split(" ", 2)
                        self.numbers.append(int(number))
                        self.delays.append(now - float(printed_at))
                    self.last_at = now
                elif frame["type"] == "end":
                    self.ended = frame["status"]
                self.joined.set()
                if self._hold:
                    self._hold.wait()
                time.sleep(self._pause)
        self.code = connection.close_code
