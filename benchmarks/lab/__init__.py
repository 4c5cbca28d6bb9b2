"""Where a benchmark measures: a panel of its own with a registry that it may pull from."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.lab.engine import Engine, ProjectCleanup
from tests.lab.panel import PanelProcess, make_template
from tests.lab.registry import Registry


@contextlib.contextmanager
def panel_with_registry() -> Iterator[tuple[Engine, PanelProcess, Registry, ProjectCleanup]]:
    """Start a registry that holds `web`, and a panel that has its credential; remove all at the end."""
    engine = Engine.find()
    cleanup = ProjectCleanup(engine)
    with tempfile.TemporaryDirectory(prefix="simpledeploy-bench-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        (folder / "registry").mkdir()
        registry = ends.enter_context(Registry(engine, folder / "registry"))
        registry.push("web")
        panel = PanelProcess(folder / "panel", make_template(folder / "template")).start()
        ends.callback(cleanup.remove_all)
        ends.callback(panel.clean_up)
        words = ("registry", "add", registry.host, "--username", registry.username)
        panel.manage(*words, input=registry.password, check=True)
        yield engine, panel, registry, cleanup
