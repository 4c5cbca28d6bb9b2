"""Rollbacks bring back the images that ran, also where their names have moved and registries lost them."""

import json
from typing import Any

from tests.engine.conftest import AppOnPanel
from tests.lab.registry import Registry


def images_of(app: AppOnPanel) -> dict[str, set[str]]:
    """Return the ids of the images that each service runs."""
    found: dict[str, set[str]] = {}
    for container in app.containers():
        service = container["Config"]["Labels"]["com.docker.compose.service"]
        found.setdefault(service, set()).add(container["Image"])
    return found


def recorded(event: dict[str, Any]) -> dict[str, dict[str, str]]:
    images = event["images"]
    return json.loads(images) if isinstance(images, str) else images


def moving(registry: Registry, note: str) -> str:
    return f"""
services:
  web: {{image: "{registry.host}/demo/moving", labels: [note={note}], deploy: {{replicas: 2}}}}
  job: {{image: {registry.ref("job")}, restart: "no"}}
  idle: {{image: {registry.ref("web")}, scale: 0}}
"""


def test_a_rollback_runs_what_ran_although_latest_moved_and_the_registry_lost_it(
    app: AppOnPanel, registry: Registry
) -> None:
    """Row 11 of peers.md: with `:latest` in the file a rollback of the YAML alone changes nothing."""
    app.sign_in(registry)
    registry.push("moving", "latest", kind="web")
    first = app.deploy(moving(registry, "one"))
    assert (first["status"], first["error"]) == ("succeeded", "")
    ran = recorded(first)
    assert {s: bool(i["id"] and i["digest"]) for s, i in ran.items()} == dict.fromkeys(
        ("web", "job", "idle"), True
    )
    old = images_of(app)
    assert old["web"] == {ran["web"]["id"]}
    registry.push("moving", "latest", kind="slow")
    second = app.deploy(moving(registry, "two"))
    assert second["status"] == "succeeded"
    assert images_of(app)["web"] != old["web"]
    registry.lose("moving", ran["web"]["digest"].partition("@")[2])

    back = app.act("versions/1/rollback")

    assert (back["status"], back["error"]) == ("succeeded", "")
    assert images_of(app) == old
    assert recorded(back)["web"] == {**ran["web"], "pinned": ran["web"]["digest"]}
    assert f"{ran['web']['digest']}\n" in app.files["docker-compose.images.yml"]
    assert app.act("pull")["status"] == "succeeded"
    assert app.act("scale", service="web", number="3")["status"] == "succeeded"
    assert images_of(app) == old
    # What the engine forgot too is nowhere; the file's own name still means something.
    assert app.deploy(moving(registry, "two"))["status"] == "succeeded"
    assert set(app.files) == {"docker-compose.yml"}
    app.engine.run("image", "rm", "--force", ran["web"]["id"])
    before = images_of(app)
    nowhere = app.act("versions/1/rollback", images="same")
    assert (nowhere["status"], nowhere["step"]) == ("failed", "pull")
    assert "no longer has the image that ran for web" in nowhere["error"]
    assert "Roll back with the same file instead. Nothing was changed" in nowhere["error"]
    assert images_of(app) == before
    assert set(app.files) == {"docker-compose.yml"}
    assert app.act("versions/1/rollback", images="file")["status"] == "succeeded"
    assert images_of(app)["web"] == before["web"]


def test_a_rollback_pulls_by_digest_and_runs_what_was_built(app: AppOnPanel, registry: Registry) -> None:
    """The engine lost the one image, which the registry still has; the other never was in a registry."""
    app.sign_in(registry)
    registry.push("moved", "latest", kind="web")
    base = registry.push("base", kind="web")

    def text(note: str) -> str:
        built = f'{{build: {{dockerfile_inline: "FROM {base}\\nLABEL note={note}"}}}}'
        return f"services:\n  web: {{image: {registry.host}/demo/moved}}\n  built: {built}\n"

    first = app.deploy(text("one"))
    assert (first["status"], first["error"]) == ("succeeded", "")
    old = images_of(app)
    registry.push("moved", "latest", kind="slow")
    app.engine.run("image", "rm", "--force", f"{app.project}-built")
    assert app.deploy(text("two"))["status"] == "succeeded"
    now = images_of(app)
    assert now["built"] != old["built"]
    assert now["web"] != old["web"]
    app.engine.run("image", "rm", "--force", *old["web"])

    back = app.act("versions/1/rollback")

    assert (back["status"], back["error"]) == ("succeeded", "")
    assert images_of(app) == old
    assert recorded(back)["built"]["pinned"] == recorded(first)["built"]["id"]
