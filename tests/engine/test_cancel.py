"""Cancel on a real engine: in pull, in up, and of what waits."""

from tests.engine.conftest import AppOnPanel
from tests.lab.registry import Registry, StallingRegistry


def test_cancel_while_a_pull_stalls(
    app: AppOnPanel, registry: Registry, stalling_registry: StallingRegistry
) -> None:
    app.sign_in(registry)
    app.deploy(f"services: {{web: {{image: {registry.ref('web')}}}}}")
    files = app.files
    before = stalling_registry.connections()
    app.queue(f"services: {{web: {{image: {stalling_registry.ref()}}}}}")
    app.journal.wait(app.slug, lambda e: e["step"] == "pull" and stalling_registry.connections() > before)
    assert app.processes()

    app.cancel()
    app.wait_until_no_process(4)

    event = app.journal.wait_for_end(app.slug)
    assert (event["status"], event["step"]) == ("cancelled", "pull")
    assert "in step pull. Nothing was changed: the app still has version 1" in event["error"]
    assert app.files == files
    assert app.deploy(f"services: {{web: {{image: {registry.ref('web', '2')}}}}}")["status"] == "succeeded"


def test_cancel_while_up_waits_for_a_healthcheck(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    waiting = f"""
services:
  db:
    image: {registry.ref("slow")}
    environment: {{START_SECONDS: "600"}}
  web:
    image: {registry.ref("web")}
    depends_on: {{db: {{condition: service_healthy}}}}
"""
    app.queue(waiting)
    app.journal.wait(app.slug, lambda e: e["step"] == "up" and len(app.running_images()) == 1)
    assert app.processes()

    app.cancel()
    app.wait_until_no_process(4)

    event = app.journal.wait_for_end(app.slug)
    assert (event["status"], event["step"]) == ("cancelled", "up")
    assert f"{app.project}-db-1 (running)" in event["error"]
    assert f"{app.project}-web-1 (created)" in event["error"]
    well = waiting.replace('"600"', '"0"')
    assert app.deploy(well)["status"] == "succeeded"


def test_cancel_of_a_waiting_deploy_leaves_the_running_one_alone(
    app: AppOnPanel, registry: Registry, stalling_registry: StallingRegistry
) -> None:
    app.queue(f"services: {{web: {{image: {stalling_registry.ref()}}}}}")
    app.journal.wait_for_step(app.slug, "pull")
    app.queue(f"services: {{web: {{image: {registry.ref('web')}}}}}")
    second = app.journal.last(app.slug)

    app.cancel(second)

    second = app.journal.wait_for_end(app.slug)
    assert (second["status"], second["cancel_requested_by"]) == ("cancelled", "admin")
    assert app.journal.events(app.slug)[0]["status"] == "running"
    app.cancel()
    app.wait_until_no_process(4)
    assert app.containers() == []
