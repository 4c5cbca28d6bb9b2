"""SIGKILL of the panel in each step, and what the next start makes of it."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

BEFORE_UP = ("version", "write", "credentials", "pull")


def processes_of(panel_pid: int) -> list[psutil.Process]:
    """Return the living processes that carry the mark of the panel that had `panel_pid`."""
    found = []
    for process in psutil.process_iter():
        try:
            if f":{panel_pid}:" in process.environ().get("SIMPLEDEPLOY_RUN", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def memory_folders(panel: PanelProcess) -> list[Path]:
    """Return the Docker configurations in the memory-backed folders of `panel`."""
    pattern = f"simpledeploy-*-{panel.memory_mark}/*/*/config.json"
    return [path for base in ("/dev/shm", "/run") for path in Path(base).glob(pattern)]


def text(registry: Registry, tag: str) -> str:
    return f"services: {{web: {{image: {registry.ref('web', tag)}}}}}\n"


@pytest.mark.parametrize("step", [*BEFORE_UP, "up", "verify", "record"])
def test_killed_in_a_step_the_panel_recovers(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry, step: str
) -> None:
    panel = panel_process(start=False)
    app, other = make_app(panel, f"crash-{step}"), make_app(panel, "waits")
    app.sign_in(registry)
    app.panel.manage("app", "deploy", app.slug, "--file", app.file(text(registry, "1")), check=True)
    panel.environment |= {"LAB_HOLD_STEP": step}
    panel.start()
    app.queue(text(registry, "2"))
    held = app.journal.wait_for_step(app.slug, step)
    wait_until(lambda: settled(app, step), f"the work of step {step} is done")
    app.queue(text(registry, "1"))

    panel.kill()
    killed_pid = panel.pid
    del panel.environment["LAB_HOLD_STEP"]
    other.queue(text(registry, "1"))
    panel.start()

    after = app.journal.wait_for_end(app.slug)
    events = {e["id"]: e for e in app.journal.events(app.slug)}
    interrupted = events[held["id"]]
    assert (interrupted["status"], interrupted["step"]) == ("interrupted", step)
    assert f"died in step {step}" in interrupted["error"]
    assert after["status"] == "succeeded"
    assert other.journal.wait_for_end(other.slug)["status"] == "succeeded"
    assert processes_of(killed_pid) == []
    assert memory_folders(panel) == []
    assert not [e for e in app.journal.events() if e["status"] in ("queued", "running")]
    assert app.files == {"docker-compose.yml": text(registry, "1")}
    assert app.running_images() == [registry.ref("web", "1")]
    assert app.deploy(text(registry, "2"))["status"] == "succeeded"


def settled(app: AppOnPanel, step: str) -> bool:
    """Tell whether the held step has done its work."""
    match step:
        case "write":
            return "web:2" in app.files.get("docker-compose.yml", "")
        case "credentials":
            return memory_folders(app.panel) != []
        case "up":
            return any(image.endswith(":2") for image in app.running_images())
        case _:
            return True


def test_killed_before_up_the_files_and_version_come_back(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry
) -> None:
    panel = panel_process(start=False)
    app = make_app(panel, "crash-back")
    app.sign_in(registry)
    app.panel.manage("app", "deploy", app.slug, "--file", app.file(text(registry, "1")), check=True)
    panel.environment |= {"LAB_HOLD_STEP": "pull"}
    panel.start()
    app.queue(text(registry, "2"))
    app.journal.wait_for_step(app.slug, "pull")
    assert app.files["docker-compose.yml"] == text(registry, "2")
    panel.kill()
    del panel.environment["LAB_HOLD_STEP"]
    panel.start()

    event = app.journal.wait_for_end(app.slug)
    assert event["status"] == "interrupted"
    assert "Nothing was changed" in event["error"]
    assert app.files == {"docker-compose.yml": text(registry, "1")}
    assert app.journal.current_version(app.slug) == 1


@pytest.mark.parametrize("signals", [1, 2])
def test_sigterm_with_a_deploy_running_ends_cleanly(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry, signals: int
) -> None:
    drain = {"SIMPLEDEPLOY_DRAIN_TIMEOUT": "1" if signals == 1 else "600"}
    panel = panel_process(environment=drain)
    app = make_app(panel, "sigterm")
    app.sign_in(registry)
    waiting = f"""
services:
  db: {{image: {registry.ref("slow")}, environment: {{START_SECONDS: "600"}}}}
  web: {{image: {registry.ref("web")}, depends_on: {{db: {{condition: service_healthy}}}}}}
"""
    app.queue(waiting)
    app.journal.wait(app.slug, lambda e: e["step"] == "up" and len(app.running_images()) == 1)
    app.queue(text(registry, "1"))

    assert panel.process is not None
    panel.process.terminate()
    if signals == 2:
        wait_until(lambda: "Stopping" in panel.output, "the first signal was heard")
        panel.process.terminate()
        wait_until(
            lambda: app.journal.events(app.slug)[0]["status"] != "running", "the event ended", timeout=10
        )
    assert panel.process.wait(20) == 0

    first, second = app.journal.events(app.slug)
    assert (first["status"], first["step"], second["status"]) == ("interrupted", "up", "queued")
    assert "The panel was stopped in step up" in first["error"]
    assert processes_of(panel.pid) == []
    assert "Traceback" not in panel.output

    panel.start()
    assert app.journal.wait_for_end(app.slug)["status"] == "succeeded"
