"""Which docker and which Compose are started."""

import subprocess
from pathlib import Path

import pytest

from apps.deployer import compose, programs
from apps.deployer.programs import compose_program
from apps.deployer.runner.environment import process_environment


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where docker would look for the plugins of all users; the user's own folder is beside it."""
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))
    (tmp_path / "docker").write_bytes(b"\x7fELF")
    monkeypatch.setattr(programs, "PLUGIN_FOLDERS", (tmp_path / "first", tmp_path / "second"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    return tmp_path


def plugin(folder: Path, mode: int = 0o755) -> str:
    folder.mkdir(parents=True)
    file = folder / "docker-compose"
    file.touch(mode)
    return str(file)


def test_without_a_plugin_that_is_seen_docker_looks_for_it(system: Path) -> None:
    assert compose_program() == str(system / "docker")


def test_a_script_in_place_of_docker_decides_itself(system: Path) -> None:
    plugin(system / "first")
    (system / "docker").write_text('#!/bin/sh\nexec podman "$@"\n')
    assert compose_program() == str(system / "docker")


def test_the_users_own_comes_before_that_of_all(system: Path) -> None:
    second = plugin(system / "second")
    assert compose_program() == second
    first = plugin(system / "first")
    assert compose_program() == first
    own = plugin(system / "own" / "cli-plugins")
    assert compose_program() == own


def test_what_cannot_be_run_is_none(system: Path) -> None:
    plugin(system / "first", 0o644)
    assert compose_program() == str(system / "docker")
    second = plugin(system / "second")
    assert compose_program() == second


def test_where_docker_is_told_of_more_folders_it_looks_itself(system: Path) -> None:
    plugin(system / "first")
    (system / "own" / "config.json").write_text('{"cliPluginsExtraDirs": ["/opt/plugins"]}')
    assert compose_program() == str(system / "docker")


def test_a_user_without_a_home_has_the_plugins_of_all(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    first = plugin(system / "first")
    for name in ("DOCKER_CONFIG", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert compose_program() == first


def test_without_docker_there_is_no_compose(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(system / "first")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert compose_program() == "docker"


@pytest.mark.engine
def test_it_says_the_same_as_docker_compose(engine: object) -> None:
    argv = compose.version()
    assert argv[0] != programs.docker_program(), "this machine's Compose is where docker looks for it"
    through_docker = [programs.docker_program(), *argv[1:]]
    own, other = (
        subprocess.run(one, env=process_environment(), capture_output=True, check=True).stdout
        for one in (argv, through_docker)
    )
    assert own == other
