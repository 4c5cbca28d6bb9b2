"""The command line as processes, for the tests that run it: one panel, one app, its files."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.engine import ProjectCleanup, project_of
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import wait_until


class CommandLine:
    """One panel's command line and the one app of a test."""

    def __init__(self, panel: PanelProcess, slug: str, folder: Path) -> None:
        self.panel = panel
        self.slug = slug
        self.folder = folder

    def file(self, yaml: str, name: str = "compose.yml") -> str:
        path = self.folder / name
        path.write_text(yaml)
        return str(path)

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done = self.panel.manage(*words, **options)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: str, code: int = 0, **options: Any) -> Any:
        done = self.run(*words, "--json", **options)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def deploy(self, yaml: str, *words: str, code: int = 0) -> Any:
        return self.json("app", "deploy", self.slug, "--file", self.file(yaml), *words, code=code)

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.json("app", "events", self.slug)
        return events

    def sign_in(self, registry: Registry) -> None:
        done = self.run(
            "registry", "add", registry.host, "--username", registry.username, input=registry.password
        )
        assert done.returncode == 0, done.stderr


MakeCommandLine = Callable[..., CommandLine]


@pytest.fixture
def make(
    panel_process: Callable[..., PanelProcess], compose_project_cleanup: ProjectCleanup, tmp_path: Path
) -> MakeCommandLine:
    def make(**options: Any) -> CommandLine:
        return CommandLine(panel_process(**options), compose_project_cleanup("cli"), tmp_path)

    return make


@pytest.fixture
def alone(make: MakeCommandLine) -> CommandLine:
    """A command line where no worker runs."""
    return make(start=False)


@pytest.fixture
def served(make: MakeCommandLine) -> CommandLine:
    """A command line beside a running panel."""
    return make()


def web(registry: Registry, tag: str = "1", more: str = "") -> str:
    return f"services:\n  web:\n    image: {registry.ref('web', tag)}\n{more}"


def stalled(registry: StallingRegistry) -> str:
    return f"services:\n  web:\n    image: {registry.ref()}\n"


def compose_processes(slug: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if project_of(slug) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for_step(line: CommandLine, step: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        done = line.run("app", "events", line.slug, "--json")
        # Refused until the app is there.
        newest: dict[str, Any] = json.loads(done.stdout)[0] if done.returncode == 0 else {"step": None}
        return newest if newest["step"] == step else None

    event = wait_until(reached, f"the event is in step {step}")
    assert event is not None
    return event
