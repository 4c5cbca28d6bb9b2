"""Deploys, rollbacks and lifecycle actions on a real engine with a private registry."""

import pytest

from tests.engine.conftest import AppOnPanel
from tests.lab.registry import Registry


def two_services(registry: Registry, tag: str = "1") -> str:
    return f"""
services:
  web:
    image: {registry.ref("web", tag)}
    volumes: ["data:/data"]
    depends_on: [slow]
  slow:
    image: {registry.ref("slow")}
    environment: {{START_SECONDS: "0"}}
volumes:
  data: {{}}
"""


def write_note(app: AppOnPanel, text: str) -> None:
    app.engine.run("exec", f"{app.project}-web-1", "sh", "-c", f"echo {text} > /data/note")


def read_note(app: AppOnPanel) -> str:
    return app.engine.run("exec", f"{app.project}-web-1", "cat", "/data/note").stdout.strip()


def test_a_two_service_app_is_pulled_from_the_private_registry_and_rolled_back(
    app: AppOnPanel, registry: Registry
) -> None:
    registry.forget_local()
    app.sign_in(registry)

    first = app.deploy(two_services(registry))
    assert (first["status"], first["error"]) == ("succeeded", "")
    assert sorted(app.running_images()) == [registry.ref("slow"), registry.ref("web")]
    ran = {c["Name"]: c["Image"] for c in app.containers()}
    assert {s["service"]: (s["state"], s["health"], s["verdict"]) for s in first["services"]} == {
        "web": ("running", "", "running"),
        "slow": ("running", "healthy", "running"),
    }
    assert first["images"]["web"]["digest"].startswith(f"{registry.host}/demo/web@sha256:")
    assert (app.journal.versions(app.slug), app.journal.current_version(app.slug)) == (1, 1)
    write_note(app, "kept")

    app.deploy(two_services(registry))
    assert app.journal.versions(app.slug) == 1

    second = app.deploy(two_services(registry, "2"))
    assert second["status"] == "succeeded"
    assert (app.journal.versions(app.slug), app.journal.current_version(app.slug)) == (2, 2)
    assert registry.ref("web", "2") in app.running_images()
    assert read_note(app) == "kept"

    back = app.act("versions/1/rollback")
    assert (back["action"], back["status"]) == ("rollback", "succeeded")
    assert app.journal.current_version(app.slug) == 1
    assert {c["Name"]: c["Image"] for c in app.containers()} == ran
    assert app.files["docker-compose.yml"] == two_services(registry)
    assert read_note(app) == "kept"


def test_an_image_that_no_registry_has_is_built(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    folder = app.panel.apps_dir / app.slug
    folder.mkdir(0o700)
    (folder / "Dockerfile").write_text(f"FROM {registry.ref('web')}\nLABEL built=here\n")
    built, web = registry.ref("never-pushed"), registry.ref("web")

    event = app.deploy(f"services:\n  own: {{image: {built}, build: .}}\n  web: {{image: {web}}}\n")

    assert (event["status"], event["error"]) == ("succeeded", "")
    assert sorted(app.running_images()) == [built, web]


def test_without_credentials_the_deploy_fails_and_says_which_registry(
    app: AppOnPanel, registry: Registry
) -> None:
    app.sign_out(registry)
    registry.forget_local()

    event = app.deploy(two_services(registry))

    assert (event["status"], event["step"]) == ("failed", "pull")
    assert f"Registry {registry.host} asks for a sign-in" in event["error"]
    assert "Nothing was changed" in event["error"]
    assert app.containers() == []
    assert app.files == {}


def test_with_wrong_credentials_the_deploy_fails_and_says_which_registry(
    app: AppOnPanel, registry: Registry
) -> None:
    registry.forget_local()
    words = ("registry", "add", registry.host, "--username", registry.username)
    app.panel.manage(*words, input="not-the-password", check=True)

    event = app.deploy(two_services(registry))

    assert event["status"] == "failed"
    assert f"Registry {registry.host}" in event["error"]


def test_a_credential_of_another_app_is_not_used(app: AppOnPanel, registry: Registry) -> None:
    registry.forget_local()
    app.sign_in(registry)
    manage = app.panel.manage
    manage("registry", "add", registry.host, "--username", registry.username, "--only-app", "other",
           input=registry.password, check=True)  # fmt: skip

    assert app.deploy(two_services(registry))["status"] == "failed"
    app.sign_out(registry)


def test_an_undecryptable_credential_stops_no_app_that_does_not_need_it(
    app: AppOnPanel, registry: Registry
) -> None:
    app.sign_in(registry)
    app.sign_in(registry, "unused.example.com")
    code = (
        "from apps.registries.models import RegistryCredential as R; from django.db import connection as c\n"
    )
    code += "c.cursor().execute(\"UPDATE registry_credentials SET password='x' WHERE host LIKE 'unused%'\")"
    app.panel.manage("shell", "-c", code, check=True)

    assert app.deploy(two_services(registry))["status"] == "succeeded"
    app.panel.manage("registry", "remove", "unused.example.com", check=True)


def test_a_deploy_that_fails_in_pull_leaves_what_runs_untouched(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    app.deploy_by_command(two_services(registry), environment="A=1\n")
    files, ids = app.files, [c["Id"] for c in app.containers()]

    event = app.deploy(two_services(registry, "no-such-tag"))

    assert (event["status"], event["step"]) == ("failed", "pull")
    assert f"Registry {registry.host} does not have the image" in event["error"]
    assert app.files == files
    assert [c["Id"] for c in app.containers()] == ids
    assert app.journal.current_version(app.slug) == 1


def test_lifecycle_actions_and_scale(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    app.deploy(two_services(registry))

    assert app.act("stop")["status"] == "succeeded"
    assert app.running_images() == []

    started = app.act("start")
    assert (started["status"], started["step"]) == ("succeeded", "record")
    assert len(app.running_images()) == 2

    before = {c["Name"]: c["State"]["StartedAt"] for c in app.containers()}
    assert app.act("restart")["status"] == "succeeded"
    after = {c["Name"]: c["State"]["StartedAt"] for c in app.containers()}
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)

    scaled = app.act("scale", service="web", number="3")
    assert (scaled["status"], scaled["arguments"]) == ("succeeded", {"scale": {"web": 3}})
    assert app.running_images().count(registry.ref("web")) == 3
    assert app.act("restart")["status"] == "succeeded"

    assert app.act("scale", service="web", number="0")["status"] == "succeeded"
    assert app.running_images() == [registry.ref("slow")]
    assert app.act("restart")["status"] == "succeeded"

    registry.forget_local()
    pulled = app.act("pull")
    assert pulled["status"] == "succeeded"
    assert app.engine.has_image(registry.ref("web"))


@pytest.mark.parametrize("volumes", [False, True])
def test_remove_leaves_nothing_on_the_engine_but_volumes_unless_asked(
    app: AppOnPanel, registry: Registry, volumes: bool
) -> None:
    app.sign_in(registry)
    app.deploy(two_services(registry))
    write_note(app, "kept")

    removed = app.act("remove", confirm=app.slug, **({"volumes": "on"} if volumes else {}))

    assert removed["status"] == "succeeded"
    assert app.engine.containers(app.project) == []
    assert app.engine.networks(app.project) == []
    assert app.engine.volumes(app.project) == ([] if volumes else [f"{app.project}_data"])
    assert app.files == {}
    assert [e["action"] for e in app.journal.events(app.slug)] == ["deploy", "remove"]
    assert app.journal.versions(app.slug) == 1

    again = app.deploy(two_services(registry))
    assert again["status"] == "succeeded"
    assert again["app_id"] != removed["app_id"]
    if not volumes:
        assert read_note(app) == "kept"


def test_remove_works_where_the_file_is_broken_or_gone(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    app.deploy(two_services(registry))
    (app.panel.apps_dir / app.slug / "docker-compose.yml").write_text("services: [broken")

    assert app.act("remove", confirm=app.slug)["status"] == "succeeded"
    assert app.engine.containers(app.project) == []


def test_a_network_in_use_by_others_is_said_and_the_app_stays(app: AppOnPanel, registry: Registry) -> None:
    app.sign_in(registry)
    app.deploy(two_services(registry))
    guest = f"{app.project}-guest"
    app.engine.run("run", "-d", "--name", guest, "--network", f"{app.project}_default", registry.ref("web"))
    try:
        event = app.act("remove", confirm=app.slug)
        assert event["status"] == "failed"
        assert f"{app.project}_default" in event["error"]
    finally:
        app.engine.run("rm", "-f", guest)

    assert app.act("remove", confirm=app.slug)["status"] == "succeeded"


def test_the_environment_reaches_containers_and_is_private_on_disk(
    app: AppOnPanel, registry: Registry
) -> None:
    app.sign_in(registry)
    text = f"services: {{web: {{image: {registry.ref('web')}, environment: [GREETING], env_file: .env}}}}"
    event = app.deploy_by_command(text, environment="GREETING='a $b #c'\nOTHER=ü\n")

    assert event["status"] == "succeeded"
    got = app.engine.run("exec", f"{app.project}-web-1", "env").stdout
    assert "GREETING=a $b #c\n" in got
    assert "OTHER=ü\n" in got
    folder = app.panel.apps_dir / app.slug
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} == {"0o600"}

    assert app.deploy_by_command(text, environment="GREETING=other\n")["status"] == "succeeded"
    assert app.journal.versions(app.slug) == 2
    app.deploy_by_command(text)
    assert app.journal.versions(app.slug) == 2, "without --env-file the environment stays"
