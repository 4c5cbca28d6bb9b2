"""Fixtures that every test may use. What they give is described in tests/lab/."""

import fcntl
import gc
import os
import re
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.core.cache import cache
from django.utils import translation
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from tests.lab.engine import Engine, ProjectCleanup
from tests.lab.panel import ROOT, PanelProcess, make_template
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.warm import WarmParent

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MARKS = {
    "engine": ("engine",),
    "registry": ("registry", "stalling_registry"),
    "browser": ("browser", "page"),
}

# Files that would keep one process busy long after all others are done.
LONGEST = ("test_every_page.py", "test_crash.py")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # The browser's run is without pytest-asyncio, whose settings in pyproject.toml must still be known.
    if not pluginmanager.hasplugin("asyncio"):
        parser.addini("asyncio_mode", "unused in this run")
        parser.addini("asyncio_default_fixture_loop_scope", "unused in this run")


def pytest_configure() -> None:
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile(
        "panel", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("panel")
    # A shell without job control starts what it puts into the background with SIGINT ignored, and so would
    # be every process of the tests; those that press Ctrl-C would then wait for ever.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    # What was imported and collected stays: looking through it again and again took a sixth of a run's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Give each test the marks of what it uses, so that nobody can forget one, and an order."""
    for item in items:
        # What a test is given by its parameters may be called like a fixture.
        given = item.callspec.params if hasattr(item, "callspec") else {}
        used = set(getattr(item, "fixturenames", ())) - set(given)
        for mark, fixtures in MARKS.items():
            if used.intersection(fixtures):
                item.add_marker(mark)
        if item.get_closest_marker("browser") and item.path.parent.name != "browser":
            raise pytest.UsageError(f"{item.nodeid} needs a browser, so its place is tests/browser.")
    # Others' hooks choose by the marks, and pytest-django puts first what uses the database.
    yield
    # The long ones first: at the end the many short ones keep all processes busy to the last.
    items.sort(key=lambda item: (item.path.name not in LONGEST, item.get_closest_marker("engine") is None))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep whether a test failed, for what its fixtures do afterwards."""
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the test database in a file: threads in it meet the locks that they meet in production."""
    from django.db import connections

    settings = connections["default"].settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let go of the test database at the end: PostgreSQL drops none that is still in use."""
    from tests.lab import audit_reset

    audit_reset.let_tests_empty_the_audit()
    yield
    from apps.panel.consumers import reads

    reads.close_connections()


@pytest.fixture(autouse=True)
def forget_attempts() -> None:
    """Let no test be refused for what an earlier one tried too often."""
    cache.clear()


@pytest.fixture(autouse=True)
def speak_english() -> None:
    """Let no test speak the language that the last request of an earlier one asked for."""
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def list_static_files_once() -> Iterator[None]:
    """Let the tests' clients share one list of the static files: a list for each took a fifth of a run."""
    listed: dict[str, StaticFile] = {}
    add = WhiteNoiseMiddleware.add_files_from_finders

    def add_once(self: WhiteNoiseMiddleware) -> None:
        if not listed:
            add(self)
            listed.update(self.files)
        self.files.update(listed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_once)
        yield


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A real Docker engine with Compose v2."""
    return Engine.find()


@pytest.fixture(scope="session")
def registry(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry with a password; none of its images is on the engine at first."""
    with Registry(engine, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def stalling_registry() -> Iterator[StallingRegistry]:
    """A registry that accepts connections and never answers."""
    with StallingRegistry() as registry:
        yield registry


@pytest.fixture
def compose_project_cleanup(engine: Engine) -> Iterator[ProjectCleanup]:
    """Hands out unique slugs whose containers, networks and volumes are removed after the test."""
    cleanup = ProjectCleanup(engine)
    yield cleanup
    cleanup.remove_all()


@pytest.fixture(scope="session", autouse=True)
def warm_starts() -> Iterator[None]:
    """Let the lab's panels be forks of a process that has imported them already."""
    with WarmParent() as PanelProcess.warm:
        yield
    PanelProcess.warm = None


@pytest.fixture
def cold_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the panels of this test be started as their users do, by a new interpreter."""
    monkeypatch.setattr(PanelProcess, "warm", None)


@pytest.fixture(scope="session")
def panel_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a migrated database and an administrator, one for all processes of the run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    made = shared / "panel-template"
    with (shared / "panel-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make_template(shared / "panel-template-in-the-making").rename(made)
    return made


@pytest.fixture
def panel_process(
    panel_template: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., PanelProcess]]:
    """A factory of panels: `panel_process(environment={...}, start=True, claimed=True)`.

    An unclaimed panel has no administrator and no database yet.
    """
    panels: list[PanelProcess] = []

    def factory(
        *, environment: Mapping[str, str | None] | None = None, start: bool = True, claimed: bool = True
    ) -> PanelProcess:
        folder = tmp_path / f"panel-{len(panels) + 1}"
        panel = PanelProcess(folder, panel_template if claimed else None, environment)
        panels.append(panel)
        return panel.start() if start else panel

    yield factory
    for panel in panels:
        panel.clean_up()
        if request.node.stash.get(_FAILED, False):
            sys.stdout.write(f"--- {panel.log_path}\n{panel.output[-8000:]}\n")


@pytest.fixture
def panel(panel_process: Callable[..., PanelProcess]) -> PanelProcess:
    """A running panel with its administrator, and no apps."""
    return panel_process()


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A headless chromium for the whole run."""
    from tests.lab.browser import open_browser

    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: "Browser", request: pytest.FixtureRequest) -> "Iterator[Page]":
    """A fresh page; where the test fails, test-results/ keeps a picture of it."""
    from tests.lab.browser import open_page

    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")
    with open_page(browser) as page:
        yield page
        if request.node.stash.get(_FAILED, False):
            page.screenshot(path=ROOT / "test-results" / f"{name}.png", full_page=True)
