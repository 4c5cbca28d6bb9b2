import os

import pytest

from apps.deployer.runner.environment import ALLOWED, process_environment

# By it Compose knows that it is docker's plugin, however it was started.
AS_PLUGIN = {"DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker"}


@pytest.fixture(autouse=True)
def only_this_environment(monkeypatch):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/usr/bin")


def test_only_the_allow_list_is_passed_on(monkeypatch):
    for name in ("HOME", "DOCKER_HOST", "https_proxy", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, f"the {name}")
    for name in (
        "SIMPLEDEPLOY_SECRET_KEY",
        "DATABASE_URL",
        "COMPOSE_FILE",
        "DOCKER_AUTH_CONFIG",
        "LD_PRELOAD",
    ):
        monkeypatch.setenv(name, "not to be passed on")
    assert process_environment() == {
        "PATH": "/usr/bin",
        "HOME": "the HOME",
        "DOCKER_HOST": "the DOCKER_HOST",
        "https_proxy": "the https_proxy",
        "SSH_AUTH_SOCK": "the SSH_AUTH_SOCK",
        **AS_PLUGIN,
    }


def test_names_that_the_app_defines_are_left_out(monkeypatch):
    for name in ("HOME", "USER", "HTTP_PROXY"):
        monkeypatch.setenv(name, "ours")
    kept = process_environment(hide={"USER", "HTTP_PROXY", "OTHER"})
    assert kept == {"PATH": "/usr/bin", "HOME": "ours", **AS_PLUGIN}


def test_what_steers_docker_is_never_left_out(monkeypatch):
    for name in ALLOWED:
        monkeypatch.setenv(name, "ours")
    kept = process_environment(hide=[*ALLOWED, *AS_PLUGIN])
    assert set(kept) == {
        *AS_PLUGIN,
        "PATH",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_CERT_PATH",
        "DOCKER_TLS_VERIFY",
        "DOCKER_API_VERSION",
    }


def test_a_process_without_a_path_still_gives_one(monkeypatch):
    monkeypatch.delenv("PATH")
    assert process_environment() == {"PATH": os.defpath, **AS_PLUGIN}


def test_the_panels_own_environment_is_not_changed(monkeypatch):
    process_environment()["HOME"] = "changed"
    assert "HOME" not in os.environ
