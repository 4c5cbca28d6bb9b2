"""The panel's follower of a container against a raw `docker compose logs --follow`, side by side.

    python benchmarks/container_logs.py [--lines 100000] [--rate 2000] [--seconds 10]

Needs a Docker engine with Compose. Prints one JSON object. A container prints `lines` lines as fast as it
can, then others at `rate` a second; both are read to the end by `docker compose logs --follow` into a pipe
(raw), and by the panel's follower: parsing, redaction of 20 secrets, levels, numbering, frames (panel). CPU
is that of the reading side: the command's processes, and for the panel this process besides. A `ratio` is
the panel's figure over the raw one. Of the flood the panel shows a part and counts the rest.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from apps.deployer.container_logs.follower import LogFollower  # noqa: E402
from apps.deployer.container_logs.wishes import MOST_TAIL, Wish  # noqa: E402
from apps.deployer.redaction import Redactor  # noqa: E402
from apps.deployer.runner import default_runner  # noqa: E402
from tests.lab.engine import Engine  # noqa: E402
from tests.lab.images import load_image  # noqa: E402

IMAGE = "benchmark.lab.test/team/web:1"
END = "that was all"
SECRETS = [f"secret-value-number-{number:04}" for number in range(20)]
_FLOOD = 'awk -v n={lines} \'BEGIN {{ for (i = 1; i <= n; i++) print "[INFO] line " i " of a flood" }}\''
_STEADY = (
    "i=0; while [ $i -lt {ticks} ]; do "
    "awk -v n={each} -v i=$i '"
    'BEGIN {{ for (j = 1; j <= n; j++) print "[INFO] line " i*n+j " at a rate" }}'
    "'; "
    "i=$((i+1)); sleep 0.1; done"
)


def cpu() -> float:
    """Return the seconds of CPU of this process and of its children that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def raw(compose: list[str], start: Any) -> dict[str, float]:
    """Read `docker compose logs --follow` from when it is there until the last line."""
    before = cpu()
    command = [*compose, "logs", "--follow", "--timestamps", "--no-color"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        began, count = start(), 0
        for line in process.stdout:
            count += 1
            if END.encode() in line:
                break
        seconds = time.monotonic() - began
        process.terminate()
    return {"lines": count, "seconds": seconds, "cpu": cpu() - before}


def panel(project: str, start: Any) -> dict[str, float]:
    """Do the same by the panel's follower."""
    before = cpu()
    redactor = Redactor(SECRETS)
    follower = LogFollower(default_runner(), project, Wish(tail=MOST_TAIL), lambda: redactor, "benchmark")
    follower.start()
    while not follower.last_seq:
        time.sleep(0.01)
    began = start()
    seen, shown, skipped, over = follower.last_seq, 0, 0, False
    while not over:
        time.sleep(0.02)
        missed, lines = follower.after(seen)
        shown += missed
        for line in lines:
            seen = line.seq
            if told := re.match(r"([\d,]+) lines? (?:was|were) skipped", line.text):
                skipped += int(told[1].replace(",", ""))
            else:
                shown += 1
            over = over or END in line.text
    seconds = time.monotonic() - began
    follower.stop()
    follower.join()
    return {"lines": shown + skipped, "shown": shown, "seconds": seconds, "cpu": cpu() - before}


def measure(engine: Engine, compose: list[str], project: str, script: str) -> dict[str, Any]:
    """Return the figures of both for what `script` prints."""

    def start() -> float:
        name = f"{project}-web-1"

        def say() -> None:
            command = f"({script}; echo {END}) > /proc/1/fd/1"
            engine.run("exec", name, "sh", "-c", command)

        threading.Thread(target=say).start()
        return time.monotonic()

    figures = {}
    for name, read in (("raw", lambda: raw(compose, start)), ("panel", lambda: panel(project, start))):
        # Each has a container of its own, whose log holds nothing but what it reads.
        subprocess.run([*compose, "up", "-d", "--force-recreate", "-t0"], capture_output=True, check=True)
        time.sleep(1)
        figures[name] = read()
    rates = {name: one["lines"] / one["seconds"] for name, one in figures.items()}
    return {
        **{name: {key: round(value, 3) for key, value in one.items()} for name, one in figures.items()},
        "lines per second": {name: round(rate) for name, rate in rates.items()},
        "ratio": {
            "lines per second": round(rates["panel"] / rates["raw"], 2),
            "cpu": round(figures["panel"]["cpu"] / max(figures["raw"]["cpu"], 0.001), 2),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    engine = Engine.find()
    load_image(engine, "web", IMAGE)
    project = f"logbench-{uuid.uuid4().hex[:6]}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "compose.yml")
        file.write_text(
            "services:\n  web:\n    pull_policy: never\n"
            f'    image: {IMAGE}\n    command: ["sh", "-c", "echo begins; exec sleep 2147483647"]\n'
        )
        compose = [engine.program, "compose", "-p", project, "-f", str(file)]
        try:
            flood = _FLOOD.format(lines=given.lines)
            steady = _STEADY.format(ticks=given.seconds * 10, each=given.rate // 10)
            result = {
                "flood": measure(engine, compose, project, flood),
                "steady": measure(engine, compose, project, steady),
            }
        finally:
            engine.remove_project(project)
            engine.forget_images_of("benchmark.lab.test")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
