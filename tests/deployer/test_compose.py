from pathlib import Path

import pytest

from apps.deployer import compose, programs
from apps.deployer.compose import Project

SHOP = Project("simpledeploy-shop", Path("/srv/apps/shop"))


@pytest.fixture(autouse=True)
def _docker_is_where_it_is(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/bin/{name}")
    monkeypatch.setattr(programs, "PLUGIN_FOLDERS", ())


def command(*args: str) -> list[str]:
    options = ["--ansi", "never", "--progress", "plain", "-p", "simpledeploy-shop"]
    files = ["--project-directory", "/srv/apps/shop", "-f", "/srv/apps/shop/docker-compose.yml"]
    return ["/opt/bin/docker", "compose", *options, *files, *args]


def test_pull():
    assert compose.pull(SHOP) == command("pull")
    assert compose.pull_unbuilt(SHOP) == command("pull", "--ignore-buildable")


def test_up_runs_in_the_background_and_removes_orphans():
    assert compose.up(SHOP) == command("up", "-d", "--remove-orphans")


def test_stop_start_and_restart():
    assert compose.stop(SHOP) == command("stop")
    assert compose.start(SHOP) == command("start")
    assert compose.restart(SHOP) == command("restart")
    assert compose.stop(SHOP, ["web", "db"]) == command("stop", "--", "db", "web")
    assert compose.start(SHOP, ["--help"]) == command("start", "--", "--help")
    assert compose.restart(SHOP, ["web"]) == command("restart", "--", "web")


def test_scale_touches_only_the_named_services():
    assert compose.scale(SHOP, {"web": 3, "job": 0}) == command(
        "up", "-d", "--no-deps", "--no-recreate", "--scale=job=0", "--scale=web=3", "--", "job", "web"
    )


def labelled(*args: str) -> list[str]:
    options = ["--ansi", "never", "--progress", "plain", "-p", "simpledeploy-shop"]
    return ["/opt/bin/docker", "compose", *options, *args]


def test_down_goes_by_labels_and_keeps_the_volumes():
    assert compose.down(SHOP) == labelled("down", "--remove-orphans")


def test_down_removes_the_volumes_when_asked():
    assert compose.down(SHOP, volumes=True) == labelled("down", "--remove-orphans", "--volumes")


def test_config():
    assert compose.config(SHOP) == command("config", "--format", "json", "--no-path-resolution")


def test_version():
    assert compose.version() == ["/opt/bin/docker", "compose", "version", "--short"]


def test_without_docker_the_command_keeps_its_plain_name(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert compose.pull(SHOP)[0] == "docker"
