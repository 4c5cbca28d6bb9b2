"""A deploy through the panel, against raw `docker compose pull && docker compose up -d` in the same run.

    python benchmarks/deploy.py [--rounds 10]

Needs Docker and docker-registry (script/bench sees to them). A two-service app comes from a private
registry on this machine. Rounds of both ways are interleaved; `new` pulls images that the engine does not
have, `unchanged` deploys the same content again. Prints one JSON object of medians in milliseconds:

raw_total       from the start of the first command to the end of the second
panel_total     from sending the form to the event's end in a browser's WebSocket
verify          what of panel_total is the verify step's own wait
request         what of panel_total is the answer to the form (checks, a version, a place in the queue)
overhead        panel_total - verify - raw_total, of the medians
raw_first, panel_first   until the first line of output
"""

import argparse
import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from websockets.sync.client import connect
from websockets.typing import Origin

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.http import Client
from tests.lab.panel import PanelProcess, make_template
from tests.lab.registry import Registry


@dataclass
class Times:
    """Milliseconds of one deploy; `verify` and `request` are the panel's alone."""

    total: float
    first: float
    verify: float = 0.0
    request: float = 0.0


def raw(engine: Engine, project: str, file: Path, env: dict[str, str]) -> Times:
    """Deploy with the two commands and nothing around them."""
    first = 0.0
    start = time.perf_counter()
    for words in (["pull"], ["up", "-d", "--remove-orphans"]):
        argv = [
            engine.program,
            "compose",
            "--ansi",
            "never",
            "--progress",
            "plain",
            "-p",
            project,
            "-f",
            str(file),
        ]
        with subprocess.Popen(
            [*argv, *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            first = first or time.perf_counter() - start
            process.stdout.read()
        assert process.returncode == 0, f"docker compose {words[0]} failed"
    return Times((time.perf_counter() - start) * 1000, first * 1000)


def through_the_panel(panel: PanelProcess, client: Client, path: str, form: dict[str, str]) -> Times:
    """Deploy by the form at `path` and follow the event as a browser does."""
    first = 0.0
    start = time.perf_counter()
    answer = client.post(path, form, follow=False)
    request = time.perf_counter() - start
    assert answer.status == 302, f"{answer.status}: {answer.text[:2000]}"
    event = int(answer.location.rstrip("/").rsplit("/", 1)[-1])
    address = f"{panel.url.replace('http', 'ws', 1)}/ws/events/{event}/?after=0"
    with connect(
        address, additional_headers={"Cookie": client.cookie_header()}, origin=Origin(panel.url), proxy=None
    ) as live:
        for message in live:
            frame = json.loads(message)
            if frame["type"] == "lines" and not first:
                first = time.perf_counter() - start
            if frame["type"] == "end":
                assert frame["status"] == "succeeded", f"event {event}: {frame}"
                break
    total = time.perf_counter() - start
    return Times(total * 1000, first * 1000, verify_time(panel, event) * 1000, request * 1000)


def verify_time(panel: PanelProcess, event: int) -> float:
    """Return the seconds that an event spent in its verify step."""
    address = f"file:{panel.data_dir}/simpledeploy.sqlite3?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as rows:
        (steps,) = rows.execute("SELECT steps FROM deploy_events WHERE id = ?", (event,)).fetchone()
    (step,) = [step for step in json.loads(steps) if step["name"] == "verify"]
    spent = datetime.fromisoformat(step["finished_at"]) - datetime.fromisoformat(step["started_at"])
    return spent.total_seconds()


@contextlib.contextmanager
def lab() -> Iterator[tuple[Engine, Registry, PanelProcess, ProjectCleanup, Path]]:
    """Yield an engine, a registry, a panel that may use it, a clean-up and a folder."""
    engine = Engine.find()
    cleanup = ProjectCleanup(engine)
    with tempfile.TemporaryDirectory(prefix="simpledeploy-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "registry").mkdir()
        registry = stack.enter_context(Registry(engine, folder / "registry"))
        panel = PanelProcess(folder / "panel", make_template(folder / "template"))
        stack.callback(cleanup.remove_all)
        stack.callback(panel.clean_up)
        panel.start()
        panel.manage(
            "registry",
            "add",
            registry.host,
            "--username",
            registry.username,
            input=registry.password,
            check=True,
        )
        yield engine, registry, panel, cleanup, folder


def medians(rows: list[tuple[Times, Times]]) -> dict[str, float]:
    """Return the figures of the docstring above for (raw, panel) rounds."""
    plain, ours = [row[0] for row in rows], [row[1] for row in rows]
    figures = {
        "raw_total": statistics.median(times.total for times in plain),
        "panel_total": statistics.median(times.total for times in ours),
        "verify": statistics.median(times.verify for times in ours),
        "request": statistics.median(times.request for times in ours),
        "overhead": statistics.median(times.total - times.verify for times in ours)
        - statistics.median(times.total for times in plain),
        "raw_first": statistics.median(times.first for times in plain),
        "panel_first": statistics.median(times.first for times in ours),
    }
    return {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="deploys of each kind and way")
    rounds = parser.parse_args().rounds
    new: list[tuple[Times, Times]] = []
    unchanged: list[tuple[Times, Times]] = []
    with lab() as (engine, registry, panel, cleanup, folder):
        registry.login_file(folder)
        env = {**panel.environment, "DOCKER_CONFIG": str(folder)}
        images = {"web": registry.ref("web"), "other": registry.ref("web", "2")}
        yaml = json.dumps({"services": {name: {"image": image} for name, image in images.items()}})
        file = folder / "docker-compose.yml"
        file.write_text(yaml)
        client = panel.client()
        for _ in range(rounds):
            project, slug = project_of(cleanup.slug("raw")), cleanup.slug("panel")
            registry.forget_local()
            plain = raw(engine, project, file, env)
            engine.remove_project(project)
            registry.forget_local()
            form = {"slug": slug, "name": "", "compose": yaml, "environment": "", "note": ""}
            new.append((plain, through_the_panel(panel, client, "/apps/new/", form)))
            raw(engine, project, file, env)
            unchanged.append(
                (
                    raw(engine, project, file, env),
                    through_the_panel(panel, client, f"/apps/{slug}/redeploy/", {}),
                )
            )
            engine.remove_project(project)
            engine.remove_project(project_of(slug))
    print(json.dumps({"rounds": rounds, "new": medians(new), "unchanged": medians(unchanged)}, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
