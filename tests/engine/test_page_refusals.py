"""What the pages refuse on a real panel: a clear sentence, no traceback, and nothing is half done."""

import contextlib
import html
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.engine.conftest import AppOnPanel
from tests.lab.http import Answer, Client
from tests.lab.journal import Journal
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.requirement import missing

GOOD = "services:\n  web:\n    image: demo/web:1\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def client(shared_panel: PanelProcess) -> Client:
    return shared_panel.client()


def words_of(answer: Answer) -> str:
    """Return the text that a person sees, without the page's forms."""
    text = re.sub(r"<textarea.*?</textarea>|<script.*?</script>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def refused(answer: Answer, status: int, sentence: str) -> None:
    assert answer.status == status, words_of(answer)[:1000]
    assert sentence.lower() in words_of(answer).lower()
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        ("services:\n  web: [\n", "Line 3"),
        ("- one\n- two\n", "Line 1, column 1"),
        ("volumes: {}\n", "services"),
        ("services:\n  web:\n    image: x\n    imaginary: 1\n", "imaginary"),
        ("services:\n  web:\n    image: ${MISSING:?set it}\n", "set it"),
        pytest.param("#" * (1024 * 1024 + 1), "1,048,577", id="too large"),
        pytest.param(BOMB + GOOD, "alias", id="alias bomb"),
        pytest.param(GOOD + "# \0\n", "NUL", id="NUL"),
    ],
)
def test_content_that_cannot_be_deployed(
    client: Client, shared_panel: PanelProcess, yaml: str, sentence: str
) -> None:
    refused(client.post("/apps/new/", {"slug": "refused", "compose": yaml}), 400, sentence)
    assert not Journal(shared_panel).exists("refused")


@pytest.mark.parametrize("slug", ["Shop", "new", "../shop", "x" * 51, "-x", "$(id)", "a;b"])
def test_a_name_that_cannot_be_one(client: Client, shared_panel: PanelProcess, slug: str) -> None:
    assert client.post("/apps/new/", {"slug": slug, "compose": GOOD}).status == 400
    assert not Journal(shared_panel).exists(slug)


@pytest.mark.parametrize(
    "path",
    ["/apps/nope/", "/apps/nope/edit/", "/apps/nope/versions/", "/apps/nope/versions/1/", "/events/999999/",
     "/events/999999/log.txt", "/apps/..%2f..%2fetc/", "/registries/999999/"],
)  # fmt: skip
def test_what_is_not_there(client: Client, path: str) -> None:
    refused(client.get(path), 404, "")


def test_actions_that_cannot_be_on_a_deployed_app(
    app: AppOnPanel, registry: Registry, client: Client
) -> None:
    app.sign_in(registry)
    event = app.deploy(f"services: {{web: {{image: {registry.ref('web')}}}}}")
    path = f"/apps/{app.slug}/"

    refused(client.post(f"{path}scale/", {"service": "web", "number": "-1"}), 400, "0 to 100")
    refused(client.post(f"{path}scale/", {"service": "web", "number": "101"}), 400, "0 to 100")
    refused(client.post(f"{path}scale/", {"service": "db", "number": "1"}), 400, "'db'")
    refused(client.post(f"{path}scale/", {"service": "web", "number": "x"}), 400, "whole number")
    refused(client.post(f"{path}versions/7/rollback/"), 404, "no version 7")
    refused(client.post(f"{path}explode/"), 404, "explode")
    refused(client.post(f"/events/{event['id']}/cancel/"), 409, "already ended")
    refused(client.post("/apps/new/", {"slug": app.slug, "compose": GOOD}), 400, "already an app")
    assert len(app.journal.events(app.slug)) == 1


def test_a_version_of_another_app_is_not_reached(app: AppOnPanel, registry: Registry, client: Client) -> None:
    app.sign_in(registry)
    app.deploy(f"services: {{web: {{image: {registry.ref('web')}}}}}")

    assert client.get(f"/apps/{app.slug}/versions/2/").status == 404
    assert client.get("/apps/other/versions/1/").status == 404


def test_a_registry_that_refuses(app: AppOnPanel, client: Client, registry: Registry) -> None:
    app.sign_out(registry)
    fields = {"host": registry.host, "username": registry.username, "password": "not-the-password"}
    assert client.post("/registries/add/", fields, follow=False).status == 302
    number = re.search(r"/registries/(\d+)/check/", client.get("/registries/").text)
    assert number is not None

    answer = client.post(f"/registries/{number[1]}/check/")

    assert f"Registry {registry.host} refused the credential" in words_of(answer)
    assert "not-the-password" not in answer.text
    client.post(f"/registries/{number[1]}/remove/")


PanelFactory = Callable[..., PanelProcess]


def test_an_engine_that_does_not_answer(panel_process: PanelFactory, tmp_path: Path) -> None:
    panel = panel_process(environment={"DOCKER_HOST": f"unix://{tmp_path}/no.sock"})
    client = panel.client()

    refused(client.post("/apps/new/", {"slug": "shop", "compose": GOOD}), 400, "engine does not answer")
    assert GOOD.strip() in html.unescape(client.post("/apps/new/", {"slug": "shop", "compose": GOOD}).text)
    assert not Journal(panel).exists("shop")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [("echo 2.19.1", "2.19.1 is too old"), ("echo 'no such command: compose' >&2; exit 1", "was not found")],
)
def test_a_compose_that_is_missing_or_too_old(
    panel_process: PanelFactory, app: AppOnPanel, tmp_path: Path, answer: str, sentence: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\ncase "$*" in *compose*version*) {answer};; *) exec {app.engine.program} "$@";; esac\n'
    )
    docker.chmod(0o755)
    panel = panel_process(environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    refused(panel.client().post("/apps/new/", {"slug": "shop", "compose": GOOD}), 400, sentence)
    assert not Journal(panel).exists("shop")


def test_a_key_that_does_not_decrypt(panel_process: PanelFactory, registry: Registry) -> None:
    panel = panel_process()
    client = panel.client()
    fields = {"host": registry.host, "username": registry.username, "password": registry.password}
    client.post("/registries/add/", fields)
    panel.terminate()
    panel.environment["SIMPLEDEPLOY_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    # Sessions do not outlive the key either.
    client = panel.start().client()

    assert registry.host in client.get("/registries/").text
    assert "cannot be decrypted" in words_of(client.post("/registries/1/check/"))


def test_a_full_disk(panel_template: Path, tmp_path: Path) -> None:
    disk = tmp_path / "panel"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        missing("engine", "a small disk cannot be mounted here.")
    panel = PanelProcess(disk, panel_template)
    try:
        client = panel.start().client()
        with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as filling:
            while filling.write(b"x" * 4096):
                pass

        refused(client.post("/apps/new/", {"slug": "shop", "compose": GOOD}), 503, "disk is full")
        assert client.get("/").status == 200

        (disk / "filling").unlink()
        assert not Journal(panel).exists("shop")
        assert client.get("/healthz").status == 200
    finally:
        panel.clean_up()
        subprocess.run(["umount", str(disk)], check=True)
