"""The state of apps follows the engine, whoever changes it, and survives the engine's absence."""

import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from apps.deployer import containers
from apps.deployer.runner import default_runner
from apps.deployer.state.app_state import state_of
from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.engine_line import EngineLine
from tests.lab.http import Client
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import free_port, wait_until


def shows(client: Client, app: AppOnPanel, word: str) -> None:
    row = {"HX-Request": "true"}
    wait_until(
        lambda: word in client.get(f"/apps/{app.slug}/row/", headers=row).text,
        lambda: f"the row shows {word}: {client.get(f'/apps/{app.slug}/row/', headers=row).text}",
        timeout=14,
    )


def state_without_stream(app: AppOnPanel) -> str:
    """Return the state of the app by what the engine says of its containers now, and nothing else."""
    return state_of(containers.list_containers(default_runner(), app.project)).state


def test_what_somebody_does_by_hand_is_seen(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    long = "x" * 300_000
    health = "healthcheck: {test: [CMD, /bin/true], interval: 1s}"
    port = free_port()
    web = f"image: {registry.ref('web')}, restart: always, cpus: 0.5, labels: {{long: {long}}}, {health}"
    web += f", ports: ['127.0.0.1:{port}:8080']"
    app.deploy(f"services: {{web: {{{web}}}}}")
    client = app.client
    container = f"{app.project}-web-1"
    shows(client, app, "Up")
    # However much a file says of a container, no more of it is asked for than is read.
    told = app.engine.run("inspect", "--format", containers.INSPECTED, container).stdout
    whole = app.engine.run("inspect", "--format", "{{json .}}", container).stdout
    assert len(told) < 3000 < len(long) < len(whole)
    read, known = json.loads(told), json.loads(whole)
    assert read["NetworkSettings"]["Networks"].keys() == known["NetworkSettings"]["Networks"].keys() != set()
    assert read["State"].pop("Health") == {"Status": "healthy"}
    for part in ("State", "HostConfig"):
        assert read[part] == {name: known[part][name] for name in read[part]}
    assert {n: v for n, v in read["Config"]["Labels"].items() if v} == {
        n: v for n, v in known["Config"]["Labels"].items() if n in read["Config"]["Labels"] and v
    }

    app.engine.run("stop", container)
    shows(client, app, "Stopped")
    # Who has seen no stop goes by the policy, but not where the engine could not start it again.
    assert state_without_stream(app) == "stopped"
    with closing(socket.create_server(("127.0.0.1", port))):
        app.engine.run("start", container, check=False)
    assert state_without_stream(app) == "degraded"
    app.engine.run("start", container)
    shows(client, app, "Up")
    app.engine.run("pause", container)
    shows(client, app, "Degraded")
    app.engine.run("unpause", container)
    shows(client, app, "Up")
    app.engine.run("rm", "--force", container)
    shows(client, app, "Not running")


def test_an_engine_that_goes_and_comes_back(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry, tmp_path: Path
) -> None:
    with EngineLine(tmp_path / "engine.sock") as line:
        app = make_app(panel_process(environment={"DOCKER_HOST": line.host}), "line")
        app.sign_in(registry)
        text = f"services: {{web: {{image: {registry.ref('web')}, restart: always}}}}\n"
        assert app.deploy(text)["status"] == "succeeded"
        client = app.client
        shows(client, app, "Up")

        line.cut()
        shows(client, app, "not reachable")
        answer = client.post(f"/apps/{app.slug}/stop/")
        assert answer.status == 503
        assert "The Docker engine does not answer" in answer.text
        assert len(app.journal.events(app.slug)) == 1

        app.engine.run("stop", f"{app.project}-web-1")
        line.mend()
        shows(client, app, "Stopped")
        assert app.act("start")["status"] == "succeeded"
        shows(client, app, "Up")


def test_an_engine_that_goes_in_the_middle_of_a_deploy(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry, tmp_path: Path
) -> None:
    with EngineLine(tmp_path / "engine.sock") as line:
        app = make_app(panel_process(environment={"DOCKER_HOST": line.host}), "line")
        app.sign_in(registry)
        text = f"services: {{web: {{image: {registry.ref('slow')}, environment: {{START_SECONDS: '5'}}}}}}\n"
        app.queue(text)
        app.journal.wait_for_step(app.slug, "verify")

        line.cut()
        shows(app.client, app, "not reachable")
        line.mend()

        event = app.journal.wait_for_end(app.slug)
        assert (event["status"], event["error"]) == ("succeeded", "")
