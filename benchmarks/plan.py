"""A plan of a file with 20 services, against raw `docker compose config` and `--dry-run up` in the same run.

    python benchmarks/plan.py [--services 20] [--rounds 10]

Needs Docker (script/bench sees to it). The services run; rounds of all ways are interleaved. Prints one JSON
object of medians in milliseconds:

raw_config      `docker compose config --format json`: the least that any plan has to ask
raw_dry_run     `docker compose --dry-run up -d --remove-orphans`: Compose's own preview, without reasons
unchanged       a plan of the content that runs
changed         a plan of one whose services all differ in their environment
config_ratio, dry_run_ratio   `changed` over the two floors
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.lab.engine import Engine, project_of
from tests.lab.images import load_image


def compose_file(services: int, image: str, mode: str) -> str:
    """Return a file whose services have an environment, a label, a volume and a dependency each."""
    lines = ["services:"]
    for number in range(services):
        lines += [
            f"  s{number}:",
            f"    image: {image}",
            f"    environment: {{MODE: {mode}, NUMBER: '{number}'}}",
            f"    labels: {{number: '{number}'}}",
            f"    volumes: ['data{number}:/data']",
        ]
        if number % 4:
            lines.append(f"    depends_on: [s{number - number % 4}]")
    return "\n".join([*lines, "volumes:", *(f"  data{number}: {{}}" for number in range(services)), ""])


def timed(act: Callable[[], object]) -> float:
    """Return the milliseconds that `act` takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def raw(engine: Engine, project: str, folder: Path, *words: str) -> None:
    """Run `docker compose` with `words`, and nothing around it."""
    file = str(folder / "docker-compose.yml")
    argv = [engine.program, "compose", "-p", project, "--project-directory", str(folder), "-f", file, *words]
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    engine = Engine.find()
    with tempfile.TemporaryDirectory(prefix="simpledeploy-bench-") as name:
        os.environ |= {"SIMPLEDEPLOY_DATA_DIR": name, "DJANGO_SETTINGS_MODULE": "simpledeploy_site.settings"}
        import django

        django.setup()
        figures = measure(engine, arguments.services, arguments.rounds)
    print(json.dumps(figures, indent=2))  # noqa: T201


def measure(engine: Engine, services: int, rounds: int) -> dict[str, float]:
    """Bring the services up, and return the figures of the docstring above."""
    from apps.applications.content import Content
    from apps.applications.host_rules.rules import NOTHING
    from apps.deployer.app_folder import AppFolder
    from apps.deployer.plan.planning import make_plan
    from apps.deployer.runner import default_runner

    slug = f"bench-{uuid.uuid4().hex[:6]}"
    project, image = project_of(slug), f"{slug}/web:1"
    current = Content.read(compose_file(services, image, "one"))
    changed = Content.read(compose_file(services, image, "two"))
    folder, runner = AppFolder(slug), default_runner()
    config = ("config", "--format", "json")
    dry_run = ("--dry-run", "up", "-d", "--remove-orphans")
    ways: dict[str, Callable[[], object]] = {
        "raw_config": lambda: raw(engine, project, folder.path, *config),
        "raw_dry_run": lambda: raw(engine, project, folder.path, *dry_run),
        "unchanged": lambda: make_plan(current, slug, runner, current=current, host_rules=NOTHING),
        "changed": lambda: make_plan(changed, slug, runner, current=current, host_rules=NOTHING),
    }
    try:
        load_image(engine, "web", image)
        folder.write(current)
        raw(engine, project, folder.path, "up", "-d")
        assert {
            s.action for s in make_plan(changed, slug, runner, current=current, host_rules=NOTHING).services
        } == {"recreate"}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, act in ways.items():
                taken[name].append(timed(act))
    finally:
        engine.remove_project(project)
        engine.forget_image(image)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "services": services,
        **{name: round(median, 1) for name, median in medians.items()},
        "changed_slowest": round(max(taken["changed"]), 1),
        "config_ratio": round(medians["changed"] / medians["raw_config"], 1),
        "dry_run_ratio": round(medians["changed"] / medians["raw_dry_run"], 1),
    }


if __name__ == "__main__":
    main()
