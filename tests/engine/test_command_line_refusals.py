"""What the command line refuses: one clear sentence on standard error, exit code 2, nothing half done."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.lab.engine import Engine
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.requirement import missing

GOOD = "services:\n  web:\n    image: demo/web:1\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def panel(
    engine: Engine, panel_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PanelProcess]:
    """A panel without a server, for every test of this module: nothing that is refused leaves a trace."""
    panel = PanelProcess(tmp_path_factory.mktemp("refusals"), panel_template)
    yield panel
    assert json.loads(panel.manage("app", "list", "--json", check=True).stdout) == []
    assert not panel.apps_dir.exists() or not list(panel.apps_dir.iterdir())
    panel.clean_up()


def refused(panel: PanelProcess, *words: str, **options: Any) -> str:
    """Run manage.py with `words`; return the one sentence by which it refuses."""
    done = panel.manage(*words, **options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        (b"services:\n  web: [\n", "line 3"),
        (b"services:\n  web:\n\timage: x\n", "line 3"),
        (b"- one\n- two\n", "line 1, column 1"),
        (b"", "empty"),
        (b"volumes: {}\n", "services"),
        (b"services: {}\n", "services"),
        (b"services:\n  web:\n    image: x\n    imaginary: 1\n", "imaginary"),
        (b"services:\n  web:\n    image: x\n    ports: [nonsense]\n", "nonsense"),
        (b"services:\n  web:\n    image: ${MISSING:?set it}\n", "set it"),
        pytest.param(b"#" * (1024 * 1024 + 1), "1,048,577", id="too large"),
        pytest.param(BOMB.encode() + GOOD.encode(), "alias", id="alias bomb"),
        pytest.param(GOOD.encode() + b"# \0\n", "NUL", id="NUL"),
        (GOOD.encode() + b"# \xff\n", "UTF-8"),
    ],
)
def test_a_compose_file_that_cannot_be_deployed(
    panel: PanelProcess, tmp_path: Path, yaml: bytes, words: str
) -> None:
    file = tmp_path / "compose.yml"
    file.write_bytes(yaml)
    sentence = refused(panel, "app", "deploy", "shop", "--file", str(file))
    assert sentence.startswith(str(file))
    assert words.lower() in sentence.lower()
    assert refused(panel, "app", "check", "--file", str(file)) == sentence
    checked = panel.manage("app", "check", "--file", str(file), "--json")
    assert checked.returncode == 2
    answer = json.loads(checked.stdout)
    assert answer["valid"] is False
    assert [problem.keys() >= {"line", "column", "message"} for problem in answer["problems"]] == [True]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (b"A=1\nB\n", "line 2"),
        (b"A B=1\n", "line 1"),
        (b"DOCKER_HOST=tcp://elsewhere\n", "DOCKER_HOST"),
        (b"A='open\n", "line 1"),
        pytest.param(b"A=\0\n", "NUL", id="NUL"),
        pytest.param(b"A=" + b"x" * (256 * 1024), "262,144", id="too large"),
    ],
)
def test_an_environment_that_cannot_be_used(
    panel: PanelProcess, tmp_path: Path, environment: bytes, words: str
) -> None:
    file, env = tmp_path / "compose.yml", tmp_path / "shop.env"
    file.write_text(GOOD)
    env.write_bytes(environment)
    sentence = refused(panel, "app", "deploy", "shop", "--file", str(file), "--env-file", str(env))
    assert sentence.startswith(str(env))
    assert words in sentence


@pytest.mark.parametrize("slug", ["Shop", "new", "../shop", "x" * 51, "", "shop\n"])
def test_a_name_that_cannot_be_one(panel: PanelProcess, tmp_path: Path, slug: str) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(GOOD)
    refused(panel, "app", "deploy", slug, "--file", str(file))


@pytest.mark.parametrize("name", ["missing.yml", ".", "no/such/folder/compose.yml"])
def test_a_file_that_cannot_be_read(panel: PanelProcess, tmp_path: Path, name: str) -> None:
    assert "cannot be read" in refused(panel, "app", "deploy", "shop", "--file", str(tmp_path / name))
    assert "cannot be read" in refused(panel, "app", "check", "--file", str(tmp_path / name))


@pytest.mark.parametrize(
    "words", [["rollback", "nope", "--to", "1"], ["events", "nope"], ["stop", "../../etc"]]
)
def test_an_app_that_is_not_there(panel: PanelProcess, words: list[str]) -> None:
    assert words[1] in refused(panel, "app", *words)


def test_an_event_that_is_not_there(panel: PanelProcess) -> None:
    assert refused(panel, "app", "logs", "4711") == "There is no event 4711."


def test_an_engine_that_does_not_answer(panel: PanelProcess, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(GOOD)
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    assert "does not answer" in refused(panel, "app", "deploy", "shop", "--file", str(file), **nowhere)
    done = panel.manage("app", "list", "--json", **nowhere)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_a_machine_without_docker(panel: PanelProcess, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(GOOD)
    for words in (["deploy", "shop"], ["check"]):
        sentence = refused(panel, "app", *words, "--file", str(file), PATH=str(tmp_path))
        assert "ocker" in sentence


@pytest.mark.parametrize(
    ("answer", "words"),
    [("echo 2.19.1", "2.19.1 is too old"), ("echo 'no such command: compose' >&2; exit 1", "not found")],
)
def test_a_compose_that_is_missing_or_too_old(
    panel: PanelProcess, engine: Engine, tmp_path: Path, answer: str, words: str
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(GOOD)
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\ncase "$*" in *compose*version*) {answer};; *) exec {engine.program} "$@";; esac\n'
    )
    docker.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert words in refused(panel, "app", "deploy", "shop", "--file", str(file), PATH=path)
    assert words in refused(panel, "app", "check", "--file", str(file), PATH=path)


def test_a_key_that_does_not_decrypt(panel: PanelProcess, registry: Registry) -> None:
    panel.manage(
        "registry", "add", registry.host, "--username", registry.username, input=registry.password, check=True
    )
    other = {"SIMPLEDEPLOY_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    assert "cannot be decrypted" in refused(panel, "registry", "check", registry.host, **other)
    listed = panel.manage("registry", "list", "--json", check=True, **other)
    assert json.loads(listed.stdout)[0]["host"] == registry.host, "a list needs no key"
    panel.manage("registry", "remove", registry.host, check=True)


def test_a_database_that_was_never_set_up(tmp_path: Path) -> None:
    unclaimed = PanelProcess(tmp_path)
    assert "manage.py migrate" in refused(unclaimed, "app", "list")


def test_a_full_disk(panel_template: Path, tmp_path: Path) -> None:
    disk = tmp_path / "panel"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        missing("engine", "a small disk cannot be mounted here.")
    try:
        panel = PanelProcess(disk, panel_template)
        file = tmp_path / "compose.yml"
        file.write_text(GOOD)
        with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as filling:
            while filling.write(b"x" * 4096):
                pass
        refused(panel, "app", "deploy", "shop", "--file", str(file))
        (disk / "filling").unlink()
        assert json.loads(panel.manage("app", "list", "--json", check=True).stdout) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_actions_on_a_deployed_app(
    panel: PanelProcess, registry: Registry, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(f"services:\n  web:\n    image: {registry.ref('web')}\n")
    panel.manage(
        "registry", "add", registry.host, "--username", registry.username, input=registry.password, check=True
    )
    slug = "cli-refusals"
    try:
        panel.manage("app", "deploy", slug, "--file", str(file), check=True)
        assert "no version 7" in refused(panel, "app", "rollback", slug, "--to", "7")
        assert "'db'" in refused(panel, "app", "scale", slug, "db=1")
        assert "0 to 100" in refused(panel, "app", "scale", slug, "web=-1")
        assert "0 to 100" in refused(panel, "app", "scale", slug, "web=101")
        assert "SERVICE=N" in refused(panel, "app", "scale", slug, "web")
        assert "nothing to cancel" in refused(panel, "app", "cancel", slug)
        assert "already ended" in refused(panel, "app", "cancel", slug, "--event", "1")
        events = json.loads(panel.manage("app", "events", slug, "--json", check=True).stdout)
        assert len(events) == 1, "what is refused is no event"
        nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
        for words in (["stop", slug], ["scale", slug, "web=2"], ["remove", slug]):
            assert "does not answer" in refused(panel, "app", *words, **nowhere)
        listed = json.loads(panel.manage("app", "list", "--json", check=True, **nowhere).stdout)
        assert listed[0]["state"] == "unreachable"
        panel.manage("app", "remove", slug, "--volumes", check=True)
    finally:
        engine.remove_project(f"simpledeploy-{slug}")
        panel.manage("registry", "remove", registry.host)
