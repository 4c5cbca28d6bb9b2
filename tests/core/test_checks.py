"""What the panel says about dangerous settings."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.core.checks import dangerous_settings, tls_is_on, tls_needs_a_trusted_proxy
from tests.core.test_settings import manage

TLS = {"SIMPLEDEPLOY_TLS": "1", "SIMPLEDEPLOY_TRUSTED_PROXIES": "127.0.0.1"}


def found(settings: Settings, **values: object) -> list[str]:
    for name, value in values.items():
        setattr(settings, name, value)
    messages = [*tls_needs_a_trusted_proxy(None), *tls_is_on(None), *dangerous_settings()]
    return [str(message.id).removeprefix("simpledeploy.") for message in messages]


def test_only_tls_is_missed_on_one_machine(settings: Settings) -> None:
    assert found(settings) == ["W001"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "panel.example"])
def test_an_open_address_without_tls_is_told(settings: Settings, host: str) -> None:
    assert found(settings, SIMPLEDEPLOY_BIND=(host, 8000)) == ["W001", "W002"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_a_local_address_is_not(settings: Settings, host: str) -> None:
    assert found(settings, SIMPLEDEPLOY_BIND=(host, 8000)) == ["W001"]


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({"SIMPLEDEPLOY_BIND": ("0.0.0.0", 8000)}, []),
        ({"ALLOWED_HOSTS": ["deploy.example", "*"]}, ["W003"]),
        ({"SIMPLEDEPLOY_TRUSTED_PROXIES": [ip_network("0.0.0.0/0")]}, ["W004"]),
        ({"DEBUG": True}, ["W005"]),
        ({"SIMPLEDEPLOY_TRUSTED_PROXIES": []}, ["E001"]),
    ],
)
def test_behind_tls_what_is_dangerous_is_told(
    settings: Settings, values: dict[str, object], ids: list[str]
) -> None:
    trusted = {"SIMPLEDEPLOY_TLS": True, "SIMPLEDEPLOY_TRUSTED_PROXIES": [ip_network("127.0.0.1")]}
    assert found(settings, **trusted | values) == ids


def test_behind_tls_a_check_for_deployment_finds_nothing(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "DEBUG", **TLS)
    assert done.returncode == 0, done.stderr


def test_without_tls_it_says_what_is_off_in_one_message(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 1
    assert "simpledeploy.W001) TLS is off" in done.stderr
    assert "SIMPLEDEPLOY_TLS=1" in done.stderr
    assert "security.W" not in done.stderr


def test_tls_without_a_trusted_proxy_does_not_start(tmp_path: Path) -> None:
    done = manage(tmp_path, "serve", SIMPLEDEPLOY_TLS="1")
    assert done.returncode == 1
    assert "simpledeploy.E001" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_is_never_on_by_the_environment(tmp_path: Path) -> None:
    code = "from django.conf import settings; print(settings.DEBUG)"
    done = manage(
        tmp_path, "shell", "-v", "0", "-c", code, DEBUG="1", DJANGO_DEBUG="1", SIMPLEDEPLOY_DEBUG="1"
    )
    assert done.stdout.strip() == "False"
