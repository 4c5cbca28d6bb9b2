"""A rollback to the same images: by digest, by the engine's id, and where an image is nowhere any more."""

from tests.engine.conftest import AppOnPanel
from tests.engine.running_images import images_of
from tests.lab.registry import Registry


def test_a_rollback_pulls_by_digest_runs_what_was_built_and_says_what_is_nowhere(
    app: AppOnPanel, registry: Registry
) -> None:
    """Row 11 of peers.md: with `:latest` in the file a rollback of the YAML alone changes nothing."""
    app.sign_in(registry)
    registry.push("moved", "latest", kind="web")
    base = registry.push("base", kind="web")

    def text(note: str) -> str:
        built = f'{{build: {{dockerfile_inline: "FROM {base}\\nLABEL note={note}"}}}}'
        return f"services:\n  web: {{image: {registry.host}/demo/moved}}\n  built: {built}\n"

    first = app.deploy(text("one"))
    assert (first["status"], first["error"]) == ("succeeded", "")
    old, ran = images_of(app), first["images"]
    assert ran["web"]["digest"].startswith(f"{registry.host}/demo/moved@sha256:")
    assert (ran["built"]["image"], ran["built"]["digest"]) == (f"{app.project}-built", "")
    assert {service: {image["id"]} for service, image in ran.items()} == old
    registry.push("moved", "latest", kind="slow")
    app.engine.run("image", "rm", "--force", f"{app.project}-built")
    assert app.deploy(text("two"))["status"] == "succeeded"
    now, files = images_of(app), app.files
    assert not old["web"] & now["web"]
    assert not old["built"] & now["built"]

    # Nowhere: neither here nor in the registry.
    app.engine.run("image", "rm", "--force", *old["web"])
    registry.lose("moved", ran["web"]["digest"].partition("@")[2])
    nowhere = app.act("versions/1/rollback", images="same")
    assert (nowhere["status"], nowhere["step"]) == ("failed", "pull")
    assert "no longer has the image that ran for web, and the pull failed" in nowhere["error"]
    assert "Roll back with the same file instead. Nothing was changed" in nowhere["error"]
    assert (images_of(app), app.files) == (now, files)

    # The same content has the same digest: the registry has it again, though under no name but that.
    registry.push("moved", "latest", kind="web")
    registry.push("moved", "latest", kind="slow")
    back = app.act("versions/1/rollback")
    assert (back["status"], back["error"]) == ("succeeded", "")
    assert images_of(app) == old
    assert back["images"]["web"] == {**ran["web"], "pinned": ran["web"]["digest"]}
    assert back["images"]["built"] == {**ran["built"], "pinned": ran["built"]["id"]}
    assert set(app.files) == {"docker-compose.yml", "docker-compose.images.yml"}
    # What was brought back is what is to be there.
    app.panel.manage("app", "drift", app.slug, check=True)
