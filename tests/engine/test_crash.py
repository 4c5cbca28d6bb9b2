"""SIGKILL of the panel in each step, and what the next start makes of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

STEPS = ("version", "write", "credentials", "pull", "up", "verify", "record")


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


def test_killed_in_each_step_at_once_the_panel_recovers(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry
) -> None:
    """An app for each step: all are killed together, and each has another deploy behind it."""
    panel = panel_process(environment={"SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS": str(len(STEPS))})
    apps = {step: make_app(panel, f"crash-{step}") for step in STEPS}
    other = make_app(panel, "waits")
    other.sign_in(registry)
    for app in apps.values():
        app.queue(text(registry, "1"))
    all_well = dict.fromkeys(STEPS, "succeeded")
    assert ends(apps) == all_well
    assert panel.terminate() == 0
    panel.environment["LAB_HOLD_STEPS"] = " ".join(f"{app.slug}:{step}" for step, app in apps.items())
    panel.start()
    for app in apps.values():
        app.queue(text(registry, "2"))
    held = {step: app.journal.wait_for_step(app.slug, step)["id"] for step, app in apps.items()}
    for step, app in apps.items():
        wait_until(partial(settled, app, step), f"the work of step {step} is done")
        app.queue(text(registry, "1"))

    panel.kill()
    killed_pid = panel.pid
    del panel.environment["LAB_HOLD_STEPS"]
    other.queue(text(registry, "1"))
    panel.start()

    assert ends(apps) == all_well
    assert other.journal.wait_for_end(other.slug)["status"] == "succeeded"
    events = {event["id"]: event for event in other.journal.events()}
    interrupted = {step: events[held[step]] for step in STEPS}
    assert {step: (event["status"], event["step"]) for step, event in interrupted.items()} == {
        step: ("interrupted", step) for step in STEPS
    }
    assert [step for step, event in interrupted.items() if f"died in step {step}" not in event["error"]] == []
    assert not [event for event in events.values() if event["status"] in ("queued", "running")]
    assert processes_of(killed_pid) == []
    assert memory_folders(panel) == []
    for step, app in apps.items():
        assert app.files == {"docker-compose.yml": text(registry, "1")}, step
        assert app.running_images() == [registry.ref("web", "1")], step
    assert apps["up"].deploy(text(registry, "2"))["status"] == "succeeded"


def ends(apps: dict[str, AppOnPanel]) -> dict[str, str]:
    """Wait until the newest event of each app has ended, and return how, by step."""
    return {step: app.journal.wait_for_end(app.slug)["status"] for step, app in apps.items()}


def settled(app: AppOnPanel, step: str) -> bool:
    """Tell whether the held step has done its work."""
    match step:
        case "write":
            return "web:2" in app.files.get("docker-compose.yml", "")
        case "credentials":
            return "Signing in to" in app.journal.text(app.journal.last(app.slug)["id"])
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
    panel.environment |= {"LAB_HOLD_STEPS": "pull"}
    panel.start()
    app.queue(text(registry, "2"))
    app.journal.wait_for_step(app.slug, "pull")
    assert app.files["docker-compose.yml"] == text(registry, "2")
    panel.kill()
    del panel.environment["LAB_HOLD_STEPS"]
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
