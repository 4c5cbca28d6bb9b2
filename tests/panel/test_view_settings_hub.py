"""The panel's settings: engine, disk, retention, about, and the system check."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.core.version import VERSION
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.engine_facts import EngineFacts
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.system_check.findings import Finding, State
from apps.panel.views import settings as views
from tests.lab.panel import ROOT
from tests.panel.pages import HTMX, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
FACTS = EngineFacts(
    *("27.1", "vm", "Debian", "6.1", "x86_64", 2, 25 * 10**9, "/var/lib/docker", "overlay2", "json-file"),
    *(("seccomp",), 8, 7, 0, 1, 17, None, "2.30.0"),
)


def test_it_shows_the_engine_and_what_is_kept(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)
    monkeypatch.setattr(views, "read_facts", lambda runner: FACTS)
    page = text(client, "/settings/")
    for word in ("27.1", "2.30.0", "overlay2", "25 GB", "8, of which 7 run", "For ever", VERSION):
        assert word in page, word
    for address in ("/settings/check/", "/registries/", "/engine/prune/", "/engine/projects/"):
        assert f'href="{address}"' in page


def test_an_engine_that_is_gone_says_so(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)

    def gone(runner: object) -> None:
        raise EngineUnreachable("no such file")

    monkeypatch.setattr(views, "read_facts", gone)
    monkeypatch.setattr(views, "read_disk_use", gone)
    page = text(client, "/settings/")
    assert "The Docker engine does not answer." in page
    assert "hx-trigger" not in page
    assert VERSION in page
    assert "The Docker engine does not answer." in text(client, "/settings/disk/")


def test_the_disk_is_measured_after_the_page(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)
    told = {"TotalCount": "17", "Active": "4", "Size": "33.7MB", "Reclaimable": "25.8MB (76%)"}
    lines = [json.dumps(told | {"Type": kind}) for kind in ("Images", "Local Volumes", "Build Cache")]
    monkeypatch.setattr(views, "default_runner", lambda: MockRunner().on("df", lines=lines))
    assert text(client, "/settings/disk/", **HTMX).startswith('<table class="list disk-table">')
    page = text(client, "/settings/disk/")
    assert "25.8 MB" in page
    assert "<h1" in page
    client.cookies["language"] = "de"
    page = text(client, "/settings/disk/")
    assert "25,8 MB" in page
    for kind in ("Images", "Volumes", "Build-Cache"):
        assert f">{kind}</td>" in page


def test_the_check_says_what_is_wrong_and_how_to_mend_it(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)
    findings = [
        Finding(
            "engine",
            "Docker engine",
            State.BAD,
            "It does not <answer>.",
            "Start it.",
            "systemctl start docker",
        ),
        Finding("tls", "TLS", State.WARNING, "It is off."),
        Finding("debug", "Debug mode", State.GOOD, "It is off.", "Nothing.", "true"),
    ]
    monkeypatch.setattr(views, "check_system", lambda: findings)
    page = text(client, "/settings/check/")
    assert "1 thing is wrong." in page
    assert "1 thing should be looked at." in page
    assert "It does not &lt;answer&gt;." in page
    assert ">systemctl start docker</pre>" in page
    assert ">true</pre>" not in page
    monkeypatch.setattr(views, "check_system", lambda: findings[2:])
    assert "Nothing is wrong." in text(client, "/settings/check/")


def test_the_version_is_that_of_the_project() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()
