"""`manage.py app plan`, without an engine."""

from pathlib import Path
from typing import Any

import pytest

from apps.accounts.actor import Actor
from apps.applications.content import Content, InvalidContent, Problem
from apps.deployer import requests
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.rehearsal import Rehearsal
from apps.deployments.models import DeployEvent
from tests.deployer.command_line import YAML, Manage, make_app, manage
from tests.deployer.plans import PROJECT, desired, existing, plan

__all__ = ["manage"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def compose(tmp_path: Path) -> str:
    path = tmp_path / "compose.yml"
    path.write_text(YAML)
    return str(path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Content]]:
    """Answer every plan with the same one; note what was asked."""
    asked: list[tuple[str, Content]] = []

    def plan_deploy(slug: str, content: Content, by: Actor) -> Plan:
        assert by.is_on_the_machine
        asked.append((slug, content))
        return a_plan()

    monkeypatch.setattr(requests, "plan_deploy", plan_deploy)
    return asked


def a_plan(**options: Any) -> Plan:
    services = {"web": {"scale": 2}, "new": {"ports": [{"published": "80", "target": 80}]}}
    other = existing("x", name="mine", project="")
    new = desired(services, networks={"default": {"name": f"{PROJECT}_default"}})
    return plan(new, existing("web"), existing("old"), foreign=(other,), **options)


def test_it_is_a_table_of_what_happens_to_what_and_why(
    manage: Manage, compose: str, asked: list[tuple[str, Content]]
) -> None:
    done = manage("app", "plan", "shop", "--file", compose)
    assert done.code == 0
    assert [line.split(maxsplit=3) for line in done.out.splitlines()] == [
        ["ACTION", "WHAT", "NAME", "WHY"],
        ["create", "service", "new"],
        ["remove", "service", "old", "no longer in the file"],
        ["scale", "service", "web", "1 → 2 containers"],
        ["create", "network", f"{PROJECT}_default"],
        ["check", "image", "demo/web:1", "for new, web"],
    ]
    assert asked == [("shop", Content(YAML))]
    assert not DeployEvent.objects.exists()


def test_what_would_fail_is_said(manage: Manage, compose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = a_plan(rehearsal=Rehearsal(failure="network far not found", warnings=("odd",)))
    monkeypatch.setattr(requests, "plan_deploy", lambda slug, content, by: found)
    done = manage("app", "plan", "shop", "--file", compose)
    assert done.code == 0
    assert "Compose's dry run ends with: network far not found" in done.err
    assert "odd" in done.err


def test_as_json_it_is_the_whole_plan(manage: Manage, compose: str, asked: list[tuple[str, Content]]) -> None:
    done = manage("app", "plan", "shop", "--file", compose, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == a_plan().as_dict()


def test_without_an_env_file_the_environment_that_the_app_has_is_planned(
    manage: Manage, compose: str, asked: list[tuple[str, Content]], tmp_path: Path
) -> None:
    make_app("shop", "KEPT=1\n")
    manage("app", "plan", "shop", "--file", compose)
    other = tmp_path / "other.env"
    other.write_text("NEW=2\n")
    manage("app", "plan", "shop", "--file", compose, "--env-file", str(other))
    assert [content.environment for _slug, content in asked] == ["KEPT=1\n", "NEW=2\n"]


@pytest.mark.parametrize(
    ("slug", "text", "sentence"),
    [
        ("Bad Slug", YAML, "cannot name an app"),
        ("../etc", YAML, "cannot name an app"),
        ("new", YAML, "reserved by the panel"),
        ("shop", "services: []\n", "line 1, column 11: `services` is not a mapping"),
        ("shop", "", "The Compose file is empty"),
    ],
)
def test_what_cannot_be_deployed_is_refused(
    manage: Manage, tmp_path: Path, slug: str, text: str, sentence: str
) -> None:
    file = tmp_path / "bad.yml"
    file.write_text(text)
    done = manage("app", "plan", slug, "--file", str(file), "--json")
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "error",
    [InvalidContent([Problem(3, 5, "image must be a string")]), EngineUnreachable("It sleeps.")],
)
def test_what_compose_or_the_engine_refuse_is_told(
    manage: Manage, compose: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(slug: str, content: Content, by: Actor) -> None:
        raise error

    monkeypatch.setattr(requests, "plan_deploy", refuse)
    done = manage("app", "plan", "shop", "--file", compose)
    assert done.code == 2
    assert "image must be a string" in done.err or "It sleeps." in done.err
