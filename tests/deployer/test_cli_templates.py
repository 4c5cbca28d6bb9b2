"""Templates on the command line: the list, and an app that is made from one."""

import pytest

from apps.applications import environment
from apps.applications.models import App, AppTemplate
from tests.deployer.command_line import YAML, Manage, StandInWorker, make_app, manage, stand_in
from tests.panel.fake_engine import FakeEngine

__all__ = ["manage", "stand_in"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    return FakeEngine.put_in_place(monkeypatch)


@pytest.fixture
def own() -> AppTemplate:
    asked = [
        {"name": name, "label": name, "kind": kind, "help": "", "default": "", "required": True}
        for name, kind in (("MODE", "text"), ("GENERATED", "secret"), ("ASKED", "password"))
    ]
    return AppTemplate.objects.create(name="Ours", yaml=YAML, variables=asked, made_by="root")


def test_it_lists_them(manage: Manage, own: AppTemplate) -> None:
    listed = manage("app", "templates", "--json").json
    assert [one["template"] for one in listed][-2:] == ["scheduled-job", str(own.pk)]
    assert [one["name"] for one in listed[-1]["variables"]] == ["MODE", "GENERATED", "ASKED"]
    assert "REDIS_PASSWORD" in manage("app", "templates").out


def test_an_app_is_made_from_one(manage: Manage, stand_in: StandInWorker, own: AppTemplate) -> None:
    words = ("--template", str(own.pk), "--set", "MODE=fast", "--env-file", "-", "--detach")
    done = manage("app", "deploy", "shop", *words, stdin=b"ASKED='hunter 2'\n")
    assert done.code == 0, done.err
    values = environment.values(App.objects.get().versions.get().environment.reveal())
    assert values == {"MODE": "fast", "ASKED": "hunter 2", "GENERATED": values["GENERATED"]}
    assert len(values["GENERATED"]) == 32
    assert values["GENERATED"] not in done.out + done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--template", "no-such"), "There is no template no-such."),
        (("--template", "redis", "--set", "PORT"), "sets nothing"),
        (("--template", "redis", "--set", "PORT=x"), "PORT: A port is a number"),
        (("--template", "redis", "--set", "PROT=1"), "PROT: This template does not ask for it."),
        (("--template", "redis", "--set", "REDIS_PASSWORD=x"), "It is generated, and cannot be given."),
        (("--template", "{own}", "--set", "ASKED=x"), "others on the machine can read a command line"),
        (("--file", "-", "--set", "A=1"), "--set answers what a template asks for"),
    ],
)
def test_what_fits_no_template_is_refused(
    manage: Manage, own: AppTemplate, words: tuple[str, ...], said: str
) -> None:
    done = manage("app", "deploy", "shop", *(word.format(own=own.pk) for word in words))
    assert done.code == 2
    assert said in done.err
    assert not App.objects.exists()


def test_an_app_that_exists_keeps_its_secrets(manage: Manage) -> None:
    make_app("cache")
    done = manage("app", "deploy", "cache", "--template", "redis")
    assert done.code == 2
    assert "There is already an app named cache." in done.err
