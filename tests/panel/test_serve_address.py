"""Where `manage.py serve` says that the panel is, which the link to the first account begins with."""

import pytest
from pytest_django.fixtures import Settings

from apps.panel.management.commands.serve import _address


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        (("127.0.0.1", 8000), "http://127.0.0.1:8000/"),
        (("0.0.0.0", 80), "http://127.0.0.1:80/"),
        (("::", 8000), "http://[::1]:8000/"),
    ],
)
def test_without_tls_it_is_where_it_listens(settings: Settings, bind: tuple[str, int], address: str) -> None:
    settings.SIMPLEDEPLOY_BIND = bind
    assert _address() == address


def test_behind_tls_it_is_the_name_that_people_use(settings: Settings) -> None:
    settings.SIMPLEDEPLOY_TLS = True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", ".internal", "*", "deploy.example.org"]
    assert _address() == "https://deploy.example.org/"


def test_without_a_name_it_stays_where_it_listens(settings: Settings) -> None:
    settings.SIMPLEDEPLOY_TLS = True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    settings.SIMPLEDEPLOY_BIND = ("127.0.0.1", 8000)
    assert _address() == "http://127.0.0.1:8000/"
