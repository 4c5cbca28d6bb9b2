"""What it costs that people look at what services use, against one raw `docker stats`.

    python benchmarks/stats.py [--viewers 1,10,30] [--containers 20] [--seconds 10]

Needs Docker and docker-registry (script/bench sees to them). One app of some containers runs; as many
WebSockets as it says look at it at once. Prints one JSON object; all are percent of one processor core over
the same number of seconds:

raw         the bare command (`cpu`), and what the engine (dockerd, containerd) needs for it (`engine`)
N viewers   the panel with all that it started (`cpu`), the engine, the `docker stats` that run (`processes`),
            and the frames and bytes that one viewer gets in a second
0 viewers   the same before anybody looks, and after all have left
"""

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from apps.deployer.state.readings import FORMAT
from benchmarks.lab import panel_with_registry
from tests.lab.engine import Engine
from tests.lab.panel import PanelProcess
from tests.lab.usage_socket import next_usage, stats_processes, usage_socket
from tests.lab.waiting import wait_until

_ENGINE = ("dockerd", "containerd")


class Viewer(threading.Thread):
    """Reads the frames of one WebSocket and counts them, until it is closed."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(daemon=True)
        self.frames = self.bytes = 0
        self._socket = socket
        self.start()

    def run(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.bytes += len(self._socket.recv())
                self.frames += 1


class Meter:
    """How much processor time some processes, and those that they started, have used."""

    def __init__(self, *roots: psutil.Process) -> None:
        self._roots = roots

    def seconds(self) -> dict[tuple[int, float], float]:
        """Return the seconds so far of each living process, by what names it for good."""
        found = {}
        for root in self._roots:
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    found[process.pid, process.create_time()] = times.user + times.system
        return found


def engine_processes() -> list[psutil.Process]:
    """Return the engine's own processes, without what it runs."""
    return [p for p in psutil.process_iter(["name"]) if p.info["name"] in _ENGINE]


def used(meter: Meter, seconds: float) -> dict[str, float]:
    """Return the percent of a core that `meter` and the engine use within some seconds."""
    engine = engine_processes()
    before, engine_before = meter.seconds(), _own(engine)
    time.sleep(seconds)
    after, engine_after = meter.seconds(), _own(engine)
    mine = sum(spent - before.get(name, 0.0) for name, spent in after.items())
    return {
        "cpu": round(100 * mine / seconds, 1),
        "engine": round(100 * (engine_after - engine_before) / seconds, 1),
    }


def _own(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


@contextlib.contextmanager
def lab(containers: int) -> Iterator[tuple[Engine, PanelProcess, str]]:
    """Start a registry and a panel with one app of so many containers; yield its slug too."""
    with panel_with_registry() as (engine, panel, registry, cleanup):
        slug = cleanup.slug("stats")
        image = registry.ref("web")
        # One that is never still: of what does not change no frame is sent.
        busy = f"{{image: {image}, cpus: 0.05, command: sh -c 'while :; do :; done'}}"
        text = f"services:\n  web: {{image: {image}, scale: {containers - 1}}}\n  busy: {busy}\n"
        panel.manage("app", "deploy", slug, "--file", "-", input=text, check=True)
        yield engine, panel, slug


def measure_raw(engine: Engine, seconds: float) -> dict[str, float]:
    """Run the command that the panel runs, into a pipe that somebody reads."""
    argv = [engine.program, "stats", "--no-trunc", "--format", FORMAT]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    reader = threading.Thread(target=process.stdout.read)
    reader.start()
    try:
        time.sleep(3)
        return used(Meter(psutil.Process(process.pid)), seconds)
    finally:
        process.terminate()
        process.wait()
        reader.join()


def measure_panel(panel: PanelProcess, slug: str, viewers: int, seconds: float) -> dict[str, float]:
    """Let so many look at the app, and tell what that costs."""
    client = panel.client()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(usage_socket(panel, slug, client)) for _ in range(viewers)]
        for socket in sockets:
            next_usage(socket, "busy", "web")
        watching = [Viewer(socket) for socket in sockets]
        time.sleep(2)
        frames, sent = (watching[0].frames, watching[0].bytes) if watching else (0, 0)
        told: dict[str, float] = used(Meter(psutil.Process(panel.pid)), seconds)
        told["processes"] = len(stats_processes(panel.pid))
        if watching:
            told["frames"] = round((watching[0].frames - frames) / seconds, 1)
            told["bytes"] = round((watching[0].bytes - sent) / seconds)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", default="1,10,30", help="how many look at once, one after the other")
    parser.add_argument("--containers", type=int, default=20, help="containers of the app")
    parser.add_argument("--seconds", type=float, default=10, help="time of each measurement")
    wanted = parser.parse_args()
    with lab(wanted.containers) as (engine, panel, slug):
        figures: dict[str, Any] = {"containers": wanted.containers}
        figures["0 viewers, before"] = measure_panel(panel, slug, 0, wanted.seconds)
        figures["raw"] = measure_raw(engine, wanted.seconds)
        for viewers in (int(word) for word in wanted.viewers.split(",")):
            figures[f"{viewers} viewers"] = measure_panel(panel, slug, viewers, wanted.seconds)
        wait_until(lambda: not stats_processes(panel.pid), "the stream has ended", timeout=20)
        figures["0 viewers, after"] = measure_panel(panel, slug, 0, wanted.seconds)
    print(json.dumps(figures, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
