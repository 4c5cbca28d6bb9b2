"""The lab itself, by the raw docker program: what it gives must be real before others build on it."""

import socket
import time
from pathlib import Path

import pytest

from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.images import load_image
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import wait_until


@pytest.fixture
def anonymous(tmp_path: Path) -> dict[str, str]:
    """An environment in which docker is signed in nowhere."""
    return {"DOCKER_CONFIG": str(tmp_path)}


@pytest.fixture
def signed_in(registry: Registry, tmp_path: Path) -> dict[str, str]:
    registry.login_file(tmp_path)
    return {"DOCKER_CONFIG": str(tmp_path)}


def test_a_pull_without_credentials_is_refused(
    engine: Engine, registry: Registry, anonymous: dict[str, str]
) -> None:
    registry.forget_local()
    done = engine.run("pull", registry.ref("web"), env=anonymous, check=False)
    assert done.returncode != 0
    assert "no basic auth credentials" in done.stderr
    assert not engine.has_image(registry.ref("web"))


def test_a_pull_with_a_wrong_password_is_refused(engine: Engine, registry: Registry, tmp_path: Path) -> None:
    done = engine.run(
        "login", "--username", registry.username, "--password-stdin", registry.host,
        env={"DOCKER_CONFIG": str(tmp_path)}, input="not the password", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "401" in done.stderr


def test_a_pull_with_credentials_is_a_real_one(
    engine: Engine, registry: Registry, signed_in: dict[str, str]
) -> None:
    registry.forget_local()
    before = len(registry.requests())
    engine.run("pull", registry.ref("web"), env=signed_in)
    assert engine.has_image(registry.ref("web"))
    assert any("GET /v2/demo/web/blobs/" in line for line in registry.requests()[before:])


def test_an_image_is_forgotten_locally_after_its_push(engine: Engine, registry: Registry) -> None:
    reference = registry.push("other", "7", kind="web")
    assert reference == registry.ref("other", "7")
    assert not engine.has_image(reference)


def test_images_of_one_kind_differ_by_their_tag(
    engine: Engine, registry: Registry, signed_in: dict[str, str]
) -> None:
    for tag in ("1", "2"):
        reference = registry.ref("web", tag)
        engine.run("pull", reference, env=signed_in)
        assert engine.run("run", "--rm", reference, "cat", "/www/index.html").stdout == f"web {tag}"


def test_a_job_ends_with_the_code_that_it_is_told(engine: Engine) -> None:
    load_image(engine, "job", "lab.invalid/demo/job:1")
    try:
        done = engine.run("run", "--rm", "-e", "EXIT_CODE=3", "lab.invalid/demo/job:1", check=False)
        assert done.returncode == 3
        assert done.stdout.splitlines() == ["job starts", "job ends with 3"]
    finally:
        engine.forget_images_of("lab.invalid")
    assert not engine.has_image("lab.invalid/demo/job:1")


def test_a_slow_starter_becomes_healthy_later(
    engine: Engine, registry: Registry, signed_in: dict[str, str]
) -> None:
    engine.run("pull", registry.ref("slow"), env=signed_in)
    container = engine.run("run", "-d", registry.ref("slow")).stdout.strip()
    try:
        wait_until(
            lambda: engine.inspect(container)["State"]["Health"]["Status"] == "healthy", "it is healthy"
        )
        assert engine.inspect(container)["State"]["Health"]["Log"][0]["ExitCode"] != 0, "it was not at first"
        started = time.monotonic()
        engine.run("stop", container)
        assert time.monotonic() - started < 9, "stopping waits for nothing"
    finally:
        engine.run("rm", "--force", container)


def test_a_chatty_container_prints_what_it_is_told(
    engine: Engine, registry: Registry, signed_in: dict[str, str]
) -> None:
    engine.run("pull", registry.ref("chatty"), env=signed_in)
    container = engine.run("run", "-d", "-e", "LINES=500", registry.ref("chatty")).stdout.strip()
    try:
        wait_until(lambda: "line 500" in engine.logs(container), "its last line is there")
        assert engine.logs(container).splitlines() == [f"line {number}" for number in range(1, 501)]
    finally:
        engine.run("rm", "--force", container)


def test_a_stalling_registry_accepts_and_says_nothing(stalling_registry: StallingRegistry) -> None:
    before = stalling_registry.connections()
    with socket.create_connection(("127.0.0.1", stalling_registry.port), timeout=5) as connection:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: lab\r\n\r\n")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    wait_until(lambda: stalling_registry.connections() == before + 1, "the connection is counted")


def test_the_cleanup_leaves_nothing_of_a_project(
    engine: Engine, registry: Registry, signed_in: dict[str, str], tmp_path: Path
) -> None:
    cleanup = ProjectCleanup(engine)
    project = project_of(cleanup.slug("lab"))
    file = tmp_path / "docker-compose.yml"
    file.write_text(
        f"services: {{web: {{image: '{registry.ref('web')}', volumes: ['content:/data']}}}}\n"
        "volumes: {content: {}}\n"
    )
    engine.run("compose", "-p", project, "-f", str(file), "up", "-d", env=signed_in)
    assert engine.containers(project)
    assert engine.networks(project)
    assert engine.volumes(project)
    cleanup.remove_all()
    assert not engine.containers(project)
    assert not engine.networks(project)
    assert not engine.volumes(project)


def test_no_two_slugs_are_the_same(engine: Engine) -> None:
    cleanup = ProjectCleanup(engine)
    assert len({cleanup.slug("web") for _ in range(50)}) == 50
