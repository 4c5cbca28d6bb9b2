"""One app on a real panel, for the tests against the engine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.http import Client
from tests.lab.journal import ACTIVE, Journal
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

    def queue(self, yaml: str, environment: str = "") -> None:
        """Queue a deploy by the page, or by the command line where no panel serves; do not wait.

        The command line keeps the environment that the app has.
        """
        if not self.panel.is_running:
            self.panel.manage("app", "deploy", self.slug, "--file", self.file(yaml), "--detach", check=True)
        elif not self.journal.exists(self.slug):
            self.post("/apps/new/", slug=self.slug, compose=yaml, environment=environment)
        else:
            newest = str(self.journal.versions(self.slug))
            typed = {"compose": yaml, "environment": environment, "base": newest, "seen": newest}
            self.post(f"/apps/{self.slug}/edit/", **typed)

    def deploy(self, yaml: str) -> dict[str, Any]:
        """Deploy `yaml`, wait for the end, and return the event's row."""
        self.queue(yaml)
        return self.journal.wait_for_end(self.slug)

    def deploy_by_command(self, yaml: str, *words: str, environment: str | None = None) -> dict[str, Any]:
        """Deploy by the command line, which takes the `environment` from a file."""
        more = [] if environment is None else ["--env-file", self.file(environment, "env")]
        self.panel.manage("app", "deploy", self.slug, "--file", self.file(yaml), *more, *words)
        return self.journal.wait_for_end(self.slug)

    def act(self, action: str, **fields: str) -> dict[str, Any]:
        """Post to the page of `action` (stop, scale ...), wait for the end, and return the event's row."""
        self.post(f"/apps/{self.slug}/{action}/", **fields)
        return self.journal.wait_for_end(self.slug)

    def cancel(self, event: dict[str, Any] | None = None) -> None:
        """Cancel `event`, or the app's oldest that has not ended."""
        event = event or next(e for e in self.journal.events(self.slug) if e["status"] in ACTIVE)
        self.post(f"/events/{event['id']}/cancel/")

    def post(self, path: str, **fields: str | list[str]) -> None:
        """Send a form as the administrator; it must lead to an event's page."""
        answer = self.client.post(path, fields, follow=False)
        assert answer.status == 302, f"POST {path}: {answer.status} {answer.text}"
        assert answer.location.startswith("/events/"), answer.location

    def settle(self, **fields: str) -> None:
        """Save the app's settings, those that are not given as a new app has them in the lab."""
        typed = {"name": self.slug, "verify_timeout": "60", "calm_seconds": "1"} | fields
        answer = self.client.post(f"/apps/{self.slug}/settings/", typed, follow=False)
        assert answer.status == 302, f"The settings of {self.slug}: {answer.status} {answer.text}"

    def page(self) -> str:
        """Return the app's page."""
        return self.client.get(f"/apps/{self.slug}/").text

    @property
    def client(self) -> Client:
        """The administrator, signed in to the panel as it runs now."""
        return self.panel.administrator

    def sign_in(self, registry: Registry, host: str = "") -> None:
        """Store the credential of `registry`, or the same user and password for `host`."""
        words = ("registry", "add", host or registry.host, "--username", registry.username)
        self.panel.manage(*words, input=registry.password, check=True)

    def sign_out(self, registry: Registry) -> None:
        """Take the credential of `registry` away, if there is one."""
        self.panel.manage("registry", "remove", registry.host)

    def containers(self) -> list[dict[str, Any]]:
        """Return what `docker inspect` says of the app's containers, by name; none that went meanwhile."""
        names = sorted(self.engine.containers(self.project))
        return json.loads(self.engine.run("inspect", *names, check=False).stdout) if names else []

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


@pytest.fixture(scope="session")
def shared_panel(panel_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PanelProcess]:
    """One running panel for all tests that leave it as it is; each has an app of its own on it."""
    panel = PanelProcess(tmp_path_factory.mktemp("shared-panel"), panel_template).start()
    yield panel
    panel.clean_up()


@pytest.fixture
def app(make_app: MakeApp, shared_panel: PanelProcess) -> AppOnPanel:
    """An app on the running panel that the tests share."""
    return make_app(shared_panel)
