"""One app on a real panel, for the tests against the engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.journal import Journal
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until


class AppOnPanel:
    """An app of its own slug on `panel`, driven by the command line and watched from outside."""

    def __init__(self, panel: PanelProcess, engine: Engine, slug: str, folder: Path) -> None:
        self.panel, self.engine, self.slug = panel, engine, slug
        self.project = project_of(slug)
        self.journal = Journal(panel)
        self.folder = folder

    @property
    def files(self) -> dict[str, str]:
        """The content of the app's folder on disk."""
        folder = self.panel.apps_dir / self.slug
        return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}

    def queue(self, yaml: str, *words: str) -> None:
        """Queue a deploy of `yaml` and do not wait."""
        self.manage("deploy", self.slug, "--file", self.file(yaml), "--detach", *words)

    def deploy(self, yaml: str, *words: str, environment: str | None = None) -> dict[str, Any]:
        """Deploy `yaml`, wait for the end, and return the event's row."""
        more = [] if environment is None else ["--env-file", self.file(environment, "env")]
        self.queue(yaml, *more, *words)
        return self.journal.wait_for_end(self.slug)

    def act(self, *words: str) -> dict[str, Any]:
        """Run `app WORDS` to its end and return the event's row."""
        self.panel.manage("app", *words)
        return self.journal.wait_for_end(self.slug)

    def manage(self, *words: str) -> None:
        self.panel.manage("app", *words, check=True)

    def sign_in(self, registry: Registry, host: str = "") -> None:
        """Store the credential of `registry`, or the same user and password for `host`."""
        words = ("registry", "add", host or registry.host, "--username", registry.username)
        self.panel.manage(*words, input=registry.password, check=True)

    def containers(self) -> list[dict[str, Any]]:
        """Return what `docker inspect` says of the app's containers, by name."""
        names = sorted(self.engine.containers(self.project))
        return json.loads(self.engine.run("inspect", *names).stdout) if names else []

    def running_images(self) -> list[str]:
        """Return the images of the running containers."""
        return [c["Config"]["Image"] for c in self.containers() if c["State"]["Running"]]

    def processes(self) -> list[psutil.Process]:
        """Return the living processes whose command line names the app's project."""
        found = []
        for process in psutil.process_iter():
            try:
                if self.project in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_until_no_process(self, seconds: float) -> None:
        wait_until(lambda: not self.processes(), "no process of the app lives", timeout=seconds)

    def file(self, text: str, name: str = "compose.yml") -> str:
        path = self.folder / f"{self.slug}-{name}"
        path.write_text(text)
        return str(path)


MakeApp = Callable[..., AppOnPanel]


@pytest.fixture
def make_app(engine: Engine, compose_project_cleanup: ProjectCleanup, tmp_path: Path) -> MakeApp:
    """A factory of apps: `make_app(panel, "name")`."""

    def make(panel: PanelProcess, prefix: str = "app") -> AppOnPanel:
        return AppOnPanel(panel, engine, compose_project_cleanup(prefix), tmp_path)

    return make


@pytest.fixture
def app(make_app: MakeApp, panel: PanelProcess) -> AppOnPanel:
    """An app on a running panel."""
    return make_app(panel)
