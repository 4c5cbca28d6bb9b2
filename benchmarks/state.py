"""From a change on the engine to the frame of /ws/apps/, against raw `docker events` in the same run.

    python benchmarks/state.py [--rounds 20] [--apps 200]

Needs Docker and docker-registry (script/bench sees to them). One app runs; its container is killed and
started by hand in turn. First it is the only app of the panel, then one of many in the database, each
with a version, an event and its files. Prints one JSON object of milliseconds, p50 and worst, each from
the engine's own time of the event:

raw        until the line of a bare `docker events`
panel      until the frame in a WebSocket
processes  that the panel had started in the end to follow the engine
idle_cpu   percent of one core that the panel then uses while nothing happens
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.lab import panel_with_registry
from tests.lab.apps_socket import AppsSocket
from tests.lab.engine import Engine, project_of
from tests.lab.http import Client
from tests.lab.journal import Journal
from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until

_IDLE_SECONDS = 5
_MANY = """
from django.utils import timezone
from apps.accounts.actor import Actor
from apps.applications.content import Content
from apps.applications.models import App
from apps.applications.services import create_app, store_version
from apps.deployer.app_folder import AppFolder
from apps.deployments.models import DeployEvent
by = Actor("bench", "bench")
for number in range({count}):
    app = create_app(f"many-{{number}}", "", by)
    content = Content.read("services: {{web: {{image: web}}}}\\n", "A=1\\n")
    version, _ = store_version(app, content, by)
    App.objects.filter(pk=app.pk).update(current_version=version)
    AppFolder(app.slug).write(content)
    AppFolder(app.slug).keep()
    web = {{"service": "web", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}}
    event = DeployEvent.objects.create(app=app, slug=app.slug, action="deploy", version=version,
        expected=[web], config_hashes={{"web": "1"}}, step="record", started_at=timezone.now(),
        requested_by="bench")
    DeployEvent.objects.filter(pk=event.pk).update(status="succeeded", finished_at=timezone.now())
"""


class RawStream:
    """A bare `docker events`: when each event of one container happened, and when its line was here."""

    def __init__(self, engine: Engine, container: str) -> None:
        self.seen: list[tuple[str, float, float]] = []  # (action, time of the engine, time.time())
        argv = [engine.program, "events", "--filter", f"container={container}", "--format", "{{json .}}"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self.seen.append((event["Action"], event["timeNano"] / 1e9, time.time()))

    def stop(self) -> None:
        """End the command."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()


@contextlib.contextmanager
def lab() -> Iterator[tuple[Engine, PanelProcess, str]]:
    """Start a registry and a panel with one app that runs; yield its slug too."""
    with panel_with_registry() as (engine, panel, registry, cleanup):
        slug = cleanup.slug("state")
        compose = f"services: {{web: {{image: {registry.ref('web')}, restart: always}}}}\n"
        client: Client = panel.client()
        client.post("/apps/new/", {"slug": slug, "compose": compose}, follow=False)
        assert Journal(panel).wait_for_end(slug)["status"] == "succeeded"
        yield engine, panel, slug


def measure(engine: Engine, panel: PanelProcess, slug: str, rounds: int) -> dict[str, Any]:
    """Kill and start the app's container `rounds` times; return the milliseconds."""
    container = f"{project_of(slug)}-web-1"
    raw_times: list[float] = []
    panel_times: list[float] = []
    stream = RawStream(engine, container)
    try:
        with AppsSocket(panel) as seen:
            seen.wait_for(slug, "up")
            for _ in range(rounds):
                for words, action, state in (("kill", "die", "stopped"), ("start", "start", "up")):
                    before = len(stream.seen)
                    engine.run(words, container)
                    seen.wait_for(slug, state)
                    found = wait_until(
                        lambda start=before, name=action: [e for e in stream.seen[start:] if e[0] == name],
                        f"the event {action} is told",
                    )
                    _action, happened, line_at = found[0]
                    frame_at = next(at for at, s, st in reversed(seen.changes) if (s, st) == (slug, state))
                    raw_times.append((line_at - happened) * 1000)
                    panel_times.append((frame_at - happened) * 1000)
    finally:
        stream.stop()
    process = psutil.Process(panel.pid)
    streams = [p for p in process.children(recursive=True) if "events" in p.cmdline()]
    return {
        "raw": _figures(raw_times),
        "panel": _figures(panel_times),
        "processes": len(streams),
        "idle_cpu": round(process.cpu_percent(interval=None) or process.cpu_percent(_IDLE_SECONDS), 1),
    }


def _figures(times: list[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(times), 1), "worst": round(max(times), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="times to kill and start the container")
    parser.add_argument("--apps", type=int, default=200, help="apps in the database of the second part")
    wanted = parser.parse_args()
    with lab() as (engine, panel, slug):
        one = measure(engine, panel, slug, wanted.rounds)
        panel.manage("shell", "-c", _MANY.format(count=wanted.apps - 1), check=True)
        many = measure(engine, panel, slug, wanted.rounds)
    figures = {"rounds": wanted.rounds, "1 app": one, f"{wanted.apps} apps": many}
    print(json.dumps(figures, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
