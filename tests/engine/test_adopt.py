"""Projects that somebody runs with plain `docker compose` are taken over, or stay as they are."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.engine import Engine
from tests.lab.http import Client
from tests.lab.images import load_image
from tests.lab.panel import PanelProcess
from tests.lab.waiting import free_port, wait_until

IMAGE = "adoptlab/web:1"

COMPOSE = """\
# Our blog, since 2019.
services:
  web:
    image: adoptlab/web:1
    container_name: ${NAME}-front   # others link to it
    restart: always
    env_file: [./web.env]
    environment: {GREETING: "${GREETING}"}
    ports: ["127.0.0.1:${PORT:-1}:8080"]
    volumes:
    - ./html:/www:ro
    - data:/data
    networks: {default: , fixed: {ipv4_address: "${SUBNET}.7"}}
  side:
    image: adoptlab/web:1
    volumes: [/cache]
networks:
  fixed: {ipam: {config: [{subnet: "${SUBNET}.0/24"}]}}
volumes:
  data:
"""


class OldProject:
    """A project in a folder of its own, run by nothing but `docker compose`."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        mark = uuid.uuid4().hex[:6]
        self.name = f"old{mark}"
        self.front = f"{mark}-front"
        self.folder = folder / self.name
        self.port = free_port()
        (self.folder / "html").mkdir(parents=True)
        self.write("html/index.html", "hello from the old folder")
        self.write("web.env", "FROM_FILE='it is $5'\n")
        self.subnet = f"10.231.{int(mark, 16) % 256}"
        values = f"NAME={mark}\nPORT={self.port}\nSUBNET={self.subnet}\nSALT=a$pieceofsecret\n"
        self.write(".env", values + 'GREETING="say \\"$$x\\" now"\n')

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def up(self, *files: str, **env: str) -> None:
        words = [word for name in files for word in ("-f", name)]
        self.engine.run("compose", "-p", self.name, *words, "up", "-d", cwd=self.folder, env=env)

    def ids(self) -> set[str]:
        label = f"label=com.docker.compose.project={self.name}"
        return set(self.engine.lines("ps", "-aq", "--no-trunc", "--filter", label))

    def running(self) -> set[str]:
        label = f"label=com.docker.compose.project={self.name}"
        return set(self.engine.lines("ps", "-q", "--no-trunc", "--filter", label))

    def answer(self) -> str:
        """Return its page, "" while nothing answers."""
        try:
            return Client(f"http://127.0.0.1:{self.port}").get("/index.html").text
        except OSError:
            return ""

    def remove(self) -> None:
        # The app that took it over may still use its volume and network.
        heirs = self.engine.lines("ps", "-aq", "--filter", f"volume={self.name}_data")
        if heirs:
            self.engine.run("rm", "--force", "--volumes", *heirs, check=False)
        self.engine.remove_project(self.name)


@pytest.fixture(scope="module", autouse=True)
def image(engine: Engine) -> Iterator[None]:
    load_image(engine, "web", IMAGE)
    yield
    engine.forget_image(IMAGE)


@pytest.fixture
def old(engine: Engine, tmp_path: Path) -> Iterator[OldProject]:
    project = OldProject(engine, tmp_path)
    yield project
    project.remove()


def environment(container: dict[str, Any]) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in container["Config"]["Env"])


def adopt(app: AppOnPanel, old: OldProject, *words: str) -> Any:
    return app.panel.manage("app", "adopt", old.name, "--as", app.slug, *words)


def test_a_running_project_becomes_an_app_with_all_its_data(
    app: AppOnPanel, old: OldProject, engine: Engine
) -> None:
    """Complaint row 10: stacks that exist stay "limited" (portainer#5147, #12348). Here they do not."""
    old.write("docker-compose.yml", COMPOSE)
    old.up()
    front = old.front
    engine.run("exec", front, "sh", "-c", "echo precious > /data/treasure")
    before = environment(engine.inspect(front))

    listed = json.loads(app.panel.manage("engine", "projects", "--json", check=True).stdout)
    (mine,) = [one for one in listed if one["project"] == old.name]
    plan = json.loads(adopt(app, old, "--plan", "--json").stdout)
    done = adopt(app, old, "--planned", plan["fingerprint"], "--json")

    assert mine["problems"] == []
    assert mine["files"] == [{"path": str(old.folder / "docker-compose.yml"), "problem": ""}]
    assert plan["volumes"] == [f"{old.name}_data"]
    moves = {one["old_name"]: one["new_name"] for one in plan["containers"]}
    assert moves == {front: front, f"{old.name}-side-1": f"{app.project}-side-1"}
    assert any("/cache" in sentence for sentence in plan["lost"])
    assert any("down" in sentence for sentence in plan["warnings"])
    assert "pieceofsecret" not in str(plan)
    event = json.loads(done.stdout)
    assert (done.returncode, event["status"], event["error"]) == (0, "succeeded", "")
    assert [step["name"] for step in event["steps"]] == [
        "version", "write", "credentials", "pull", "hand_over", "up", "verify", "retire", "record",
    ]  # fmt: skip

    assert old.ids() == set()
    # A network with fixed addresses stays, as no second one can have them.
    assert engine.networks(old.name) == [f"{old.name}_fixed"]
    assert engine.networks(app.project) == [f"{app.project}_default"]
    attached = engine.inspect(front)["NetworkSettings"]["Networks"]
    assert attached[f"{old.name}_fixed"]["IPAddress"] == f"{old.subnet}.7"
    assert sorted(engine.containers(app.project)) == [front, f"{app.project}-side-1"]
    assert engine.run("exec", front, "cat", "/data/treasure").stdout == "precious\n"
    assert old.answer() == "hello from the old folder"
    after = environment(engine.inspect(front))
    assert after == before
    assert (after["FROM_FILE"], after["GREETING"]) == ("it is $5", 'say "$x" now')
    assert "# Our blog, since 2019." in app.files["docker-compose.yml"]
    assert "# others link to it" in app.files["docker-compose.yml"]

    again = ("app", "plan", app.slug, "--file", str(app.panel.apps_dir / app.slug / "docker-compose.yml"))
    kept = json.loads(app.panel.manage(*again, "--json", check=True).stdout)
    assert kept["summary"] == "keep side, keep web"

    # It is an app like any other: it can be changed, rolled back, and removed without its data.
    assert app.act("restart")["status"] == "succeeded"
    removed = app.panel.manage("app", "remove", app.slug, "--volumes")
    assert removed.returncode == 0, removed.stderr
    assert engine.volumes(old.name) == [f"{old.name}_data"]


# Runs in the container that came first, and in no other one that has the same data.
LOYAL = """\
services:
  web:
    image: adoptlab/web:1
    container_name: ${NAME}-front
    command:
    - sh
    - -c
    - >-
      test -e /data/first || hostname > /data/first;
      grep -q "$$(hostname)" /data/first || exit 3;
      exec httpd -f -p 8080 -h /www
    environment: {TOKEN: "${TOKEN:-}"}
    ports: ["127.0.0.1:${PORT}:8080"]
    volumes: ["./html:/www", "data:/data"]
  idle: {image: adoptlab/web:1}
volumes: {data: {}}
"""


def test_an_adoption_that_fails_gives_the_project_back(
    app: AppOnPanel, old: OldProject, engine: Engine
) -> None:
    old.write("docker-compose.yml", LOYAL)
    old.up(TOKEN="only in the shell of whoever started it")
    engine.run("stop", f"{old.name}-idle-1")
    before, running, names = old.ids(), old.running(), sorted(engine.containers(old.name))

    done = adopt(app, old)

    assert done.returncode == 1
    assert f"{old.front} was started with other values of TOKEN than files and environment" in done.stderr
    assert "only in the shell" not in done.stdout + done.stderr
    event = app.journal.last(app.slug)
    assert (event["status"], event["step"]) == ("unstable", "verify"), event["error"]
    assert "exited with 3" in event["error"]
    assert f"{old.name} was given back: 1 of its 2 containers run again" in event["error"]
    assert (old.ids(), old.running()) == (before, running)
    assert sorted(engine.containers(old.name)) == names
    wait_until(lambda: old.answer() == "hello from the old folder", "the old project answers")
    assert engine.containers(app.project) == []
    assert engine.networks(app.project) == []
    assert app.files == {}
    assert app.journal.current_version(app.slug) is None

    # A project that has changed since the plan was shown is left alone, and the new plan is told.
    plan = json.loads(adopt(app, old, "--plan", "--json").stdout)
    engine.run("rm", f"{old.name}-idle-1")
    refused = adopt(app, old, "--planned", plan["fingerprint"])
    assert refused.returncode == 2
    assert "has changed since the plan was shown" in refused.stderr
    assert old.running() == running


def test_a_project_of_two_files_is_killed_in_between_and_then_adopted(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, old: OldProject, engine: Engine
) -> None:
    old.write("base.yml", COMPOSE)
    old.write(
        "more.yml",
        "services: {web: {labels: {from.the: override}, volumes: ['./more:/more'], restart: on-failure:3}}\n",
    )
    old.up("base.yml", "more.yml")

    def policy(id: str) -> str:
        told = engine.inspect(id)["HostConfig"]["RestartPolicy"]
        return f"{told['Name'] or 'no'}:{told['MaximumRetryCount']}".removesuffix(":0")

    front, before = old.front, old.ids()
    panel = panel_process(environment={"LAB_HOLD_STEPS": "verify"})
    app = make_app(panel, "adopt")
    adopt(app, old, "--detach")
    app.journal.wait_for_step(app.slug, "verify")
    assert engine.containers(app.project) != []
    assert old.running() == set()
    # An engine that restarts now must not start them beside the new ones.
    assert {policy(id) for id in before} == {"no"}

    panel.kill()
    del panel.environment["LAB_HOLD_STEPS"]
    panel.start()
    event = app.journal.wait_for_end(app.slug)

    assert (event["status"], event["step"]) == ("interrupted", "verify")
    assert f"{old.name} was given back" in event["error"]
    assert old.running() == old.ids() == before
    assert sorted(map(policy, before)) == ["no", "on-failure:3"]
    assert front in engine.containers(old.name)
    wait_until(lambda: old.answer() == "hello from the old folder", "the old project answers")
    assert engine.containers(app.project) == []

    assert adopt(app, old).returncode == 0
    assert old.ids() == set()
    container = engine.inspect(front)
    assert container["Config"]["Labels"]["from.the"] == "override"
    sources = {mount["Source"] for mount in container["Mounts"]}
    assert {str(old.folder / "html"), str(old.folder / "more")} <= sources
    assert environment(container)["GREETING"] == 'say "$x" now'
    assert "say" not in app.files["docker-compose.yml"]
