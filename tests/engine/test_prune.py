"""A prune on a real engine: what goes, what stays for a rollback, and what is somebody else's.

The engine is shared with other tests: each prune here is asked for the ids of the test's own things.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apps.deployer.engine_facts import read_disk_use
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from tests.engine.conftest import AppOnPanel, MakeApp
from tests.engine.running_images import images_of
from tests.lab.engine import PROJECT_LABEL, Engine
from tests.lab.images import load_image
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import wait_until

KINDS = ("containers", "networks", "images")


class Things:
    """What a test puts on the engine beside its apps; all of it goes at the end."""

    def __init__(self, engine: Engine, mark: str) -> None:
        self.engine, self.mark = engine, mark
        self.tags: list[str] = []

    def image(self, name: str, kind: str = "job") -> str:
        """Make an image with a name of its own, and return its id."""
        tag = f"prune-{self.mark}/{name}:1"
        self.tags.append(tag)
        load_image(self.engine, kind, tag)
        return self.id("image", tag)

    def nameless_image(self) -> str:
        """Make an image whose name another one has taken."""
        old = self.image("moved")
        self.image("moved", "chatty")
        return old

    def container(self, image: str, name: str, **labels: str) -> str:
        words = []
        for key, value in labels.items():
            words += ["--label", f"com.docker.compose.{key}={value}"]
        return self.engine.run("create", "--name", f"{self.mark}-{name}", *words, image).stdout.strip()

    def network(self, name: str, project: str) -> str:
        # As small as can be: the engine has few address ranges to give.
        words = ("network", "create", "--internal", "--label", f"{PROJECT_LABEL}={project}")
        return self.engine.run(*words, f"{self.mark}-{name}").stdout.strip()

    def volume(self, name: str, project: str) -> str:
        words = ("volume", "create", "--label", f"{PROJECT_LABEL}={project}", f"{self.mark}-{name}")
        return self.engine.run(*words).stdout.strip()

    def id(self, kind: str, name: str) -> str:
        return self.engine.run(kind, "inspect", "--format", "{{.Id}}", name).stdout.strip()

    def has(self, kind: str, name: str) -> bool:
        return self.engine.run(kind, "inspect", name, check=False).returncode == 0

    def remove(self) -> None:
        run = self.engine.run
        for kind, options in (("container", ("--all",)), ("network", ()), ("volume", ())):
            listed = run(kind, "ls", *options, "--quiet", "--filter", f"name={self.mark}").stdout.split()
            if listed:
                run(kind, "rm", "--force", *listed, check=False)
        for tag in self.tags:
            self.engine.forget_image(tag)


@pytest.fixture
def things(engine: Engine, compose_project_cleanup: Callable[[str], str]) -> Iterator[Things]:
    things = Things(engine, compose_project_cleanup("things"))
    yield things
    things.remove()


def prune(app: AppOnPanel, **ids: list[str]) -> dict[str, Any]:
    """Prune of the things with these ids what may go, and return the event's row."""
    app.post("/engine/prune/", kinds=list(ids), **{kind: " ".join(own) for kind, own in ids.items()})
    return wait_for_prune(app)


def wait_for_prune(app: AppOnPanel) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        event = [event for event in app.journal.events() if event["action"] == "prune"][-1]
        return event if event["status"] not in ("queued", "running") else None

    return wait_until(ended, "the prune has ended") or {}


def moving(registry: Registry, note: str) -> str:
    return f"""
services:
  web: {{image: "{registry.host}/demo/moving", labels: [note={note}], volumes: ["data:/data"]}}
  job: {{image: {registry.ref("job")}, restart: "no"}}
  idle: {{image: {registry.ref("web")}, scale: 0}}
volumes: {{data: {{}}}}
"""


def test_it_cleans_what_is_left_over_and_keeps_what_a_rollback_and_others_need(
    app: AppOnPanel, registry: Registry, stalling_registry: StallingRegistry, things: Things
) -> None:
    """Row 12 of peers.md: it says beforehand what goes, and destroys neither data nor a way back.

    Between two deploys `:latest` has moved; the prune in between keeps what ran, and the rollback finds it
    although the registry lost it.
    """
    app.sign_in(registry)
    registry.push("moving", "latest", kind="web")
    left = registry.push("left", kind="chatty")
    first = app.deploy(moving(registry, "one"))
    assert (first["status"], first["error"]) == ("succeeded", "")
    old, ran = images_of(app), first["images"]
    assert all(ran[service]["id"] and ran[service]["digest"] for service in ("web", "job", "idle"))
    app.engine.run("exec", f"{app.project}-web-1", "sh", "-c", "echo kept > /data/note")
    registry.push("moving", "latest", kind="slow")
    assert app.deploy(moving(registry, "two"))["status"] == "succeeded"
    (old_web,) = old["web"]
    assert old_web not in images_of(app)["web"]
    # A pull that was cancelled has brought one of its images.
    app.queue(f"services: {{a: {{image: {left}}}, b: {{image: {stalling_registry.ref()}}}}}\n")
    wait_until(lambda: things.has("image", left), "one image of the pull is there")
    app.cancel()
    assert app.journal.wait_for_end(app.slug)["status"] == "cancelled"

    foreign = f"foreign-{things.mark}"
    others_image = things.image("others")
    left_over = {
        "images": [things.id("image", left), things.nameless_image()],
        "containers": [
            things.container(others_image, "plain"),
            things.container(others_image, "run", project=app.project, service="run", oneoff="True"),
        ],
        "networks": [things.network("renamed", app.project)],
    }
    job = things.id("container", f"{app.project}-job-1")
    unnamed = things.image("unused")
    stays = {
        "images": [old_web, *images_of(app)["web"], others_image, unnamed],
        "containers": [job, things.container(others_image, "others", project=foreign)],
        "networks": [things.network("others", foreign), things.id("network", f"{app.project}_default")],
    }
    things.volume("others", foreign)

    preview = json.loads(app.panel.manage("engine", "prune", "--preview", "--json", check=True).stdout)
    for kind in KINDS:
        shown = {item["id"] for item in preview[kind]}
        assert set(left_over[kind]) <= shown, kind
        assert not set(stays[kind]) & shown, kind
    assert any(old_web == one["id"] and f"{app.slug}: version 1" in one["reasons"] for one in preview["kept"])

    event = prune(app, **{kind: [*left_over[kind], *stays[kind]] for kind in KINDS})

    assert (event["status"], event["error"]) == ("succeeded", "")
    assert {kind: set(event["arguments"][kind]) for kind in KINDS} == {k: set(left_over[k]) for k in KINDS}
    gone = {one["id"]: one["removed"] for one in event["plan"]["things"]}
    assert gone == dict.fromkeys([pk for kind in KINDS for pk in left_over[kind]], True)
    assert event["plan"]["freed"] is not None
    for kind in KINDS:
        noun = kind.removesuffix("s")
        assert not [pk for pk in left_over[kind] if things.has(noun, pk)], kind
        assert not [pk for pk in stays[kind] if not things.has(noun, pk)], kind
    assert things.has("volume", f"{things.mark}-others")

    registry.lose("moving", ran["web"]["digest"].partition("@")[2])
    back = app.act("versions/1/rollback")
    assert (back["status"], back["error"]) == ("succeeded", "")
    assert images_of(app) == old
    assert back["images"]["web"] == {**ran["web"], "pinned": ran["web"]["digest"]}
    assert app.act("scale", service="web", number="2")["status"] == "succeeded"
    assert images_of(app) == old

    # Once the app is removed nothing of it is needed, and its data stays.
    assert app.act("remove", confirm=app.slug)["status"] == "succeeded"
    after = prune(app, images=[old_web, others_image])
    assert after["arguments"] == {"images": [old_web]}
    assert (after["status"], things.has("image", old_web)) == ("succeeded", False)
    things.network("gone", app.project)
    by_command = app.panel.manage("engine", "prune", "--yes", "--only", "networks")
    assert (by_command.returncode, things.has("network", f"{things.mark}-gone")) == (0, False)
    volume = f"{app.project}_data"
    assert app.engine.volumes(app.project) == [volume]
    note = app.engine.run("run", "--rm", "-v", f"{volume}:/data", others_image, "cat", "/data/note").stdout
    assert note == "kept\n"


def test_killed_in_a_prune_the_panel_recovers_and_the_next_one_goes_on(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, things: Things
) -> None:
    panel = panel_process(start=False)
    panel.environment |= {"LAB_HOLD_STEPS": "look"}
    app = make_app(panel.start())
    nameless = things.nameless_image()
    app.post("/engine/prune/", kinds="images", images=nameless)
    wait_until(lambda: app.journal.events()[-1]["plan"], "the prune is at work")

    panel.kill()
    del panel.environment["LAB_HOLD_STEPS"]
    panel.start()

    event = wait_for_prune(app)
    assert (event["status"], event["step"]) == ("interrupted", "look")
    assert "another prune finds the rest" in event["error"]
    assert things.has("image", nameless)
    assert prune(app, images=[nameless])["status"] == "succeeded"
    assert not things.has("image", nameless)
    assert not [path for path in panel.apps_dir.glob("*") if path.name.startswith(".")]


def test_those_who_measure_at_once_all_get_an_answer(engine: Engine) -> None:
    """An engine before 23.0 measures for one at a time, and refuses the others."""
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _number: read_disk_use(SubprocessRunner()), range(4)))
    kinds = ["Images", "Containers", "Local Volumes", "Build Cache"]
    assert [[one.kind for one in uses] for uses in told] == [kinds] * 4
