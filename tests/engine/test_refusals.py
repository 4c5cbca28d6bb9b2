"""What the Compose of this machine refuses, and that its words still lead to the place."""

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING
from apps.deployer.check import Checked, check_content
from apps.deployer.runner import default_runner

pytestmark = pytest.mark.engine

WEB = "services:\n  web:\n    image: x\n"


def check(text: str, environment: str = "", **how: object) -> Checked:
    return check_content(Content.read(text, environment), default_runner(), **how, host_rules=EVERYTHING)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (f"{WEB}    prots: [80]\n", (4, 5), "prots"),
        (f"bogus: 1\n{WEB}", (1, 1), "bogus"),
        (f"{WEB}    ports: {{a: b}}\n", (4, 5), "services.web.ports must be"),
        ("services:\n  web:\n", (2, 3), "services.web must be"),
        ("services:\n  web: {}\n", (2, 3), "Give it an `image:`."),
        (f"{WEB}    depends_on: [db]\n", (4, 18), "Define db under `services:`"),
        (f'{WEB}    volumes: ["data:/x"]\n', (4, 15), "Define data under `volumes:`"),
        (f"{WEB}    networks: [a]\n", (4, 16), "Define a under `networks:`"),
        (f"{WEB}    ports: [a]\n", (4, 13), "a"),
        (f"{WEB}    deploy: {{replicas: x}}\n", (4, 14), "replicas"),
        (f"{WEB}    env_file: other.env\n", (4, 15), "There is no other.env in the app's folder."),
        (f"{WEB}    env_file: .env\n", (4, 15), "the app's environment is empty"),
        ("services:\n  web:\n    image: ${FOO:?say foo}\n", (3, 12), "Set FOO in the environment."),
        ("services:\n  web:\n    image: ${FOO\n", (3, 5), "escape any $"),
        ("include: [a.yml]\n", (1, 11), "there is no a.yml in the app's folder"),
        (f"{WEB}    mem_limit: 5q\n", (4, 5), "mem_limit"),
        (f"{WEB}    profiles: [off]\n", (1, 1), "No service would run"),
    ],
)
def test_a_refusal_points_at_the_place(engine, text, place, words):
    (problem,) = check(text).problems
    assert (problem.line, problem.column) == place
    assert words in problem.message
    assert "/check" not in problem.message


def test_a_secret_that_compose_repeats_is_masked(engine):
    (problem,) = check(f'{WEB}    ports: ["${{P}}"]\n', "P=hunter2hunter2\n").problems
    assert problem.line == 4
    assert "hunter2" not in problem.message


def test_files_beside_the_two_are_found_in_the_apps_folder(engine, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "extra.env").write_text("EXTRA=1\n")
    (tmp_path / "base.yml").write_text("services:\n  base:\n    image: from-base\n")
    (tmp_path / ".env").write_text("EXTRA=old\n")
    text = (
        "services:\n  web:\n    extends: {file: ./base.yml, service: base}\n"
        "    env_file: [config/extra.env, .env]\n"
    )
    checked = check(text, "NEW=2\n", folder=tmp_path)
    assert checked.images == ["from-base"]
    assert checked.model["services"]["web"]["environment"] == {"EXTRA": "1", "NEW": "2"}


def test_profiles_of_the_environment_count(engine):
    assert check(f"{WEB}    profiles: [extra]\n", "COMPOSE_PROFILES=extra\n").services == ["web"]


def test_the_panels_own_environment_is_not_interpolated(engine, monkeypatch):
    monkeypatch.setenv("SIMPLEDEPLOY_SECRET_KEY", "hunter2hunter2")
    monkeypatch.setenv("SOME_TOKEN", "hunter2hunter2")
    checked = check(
        f"{WEB}    environment:\n      A: ${{SOME_TOKEN}}\n      B: ${{SIMPLEDEPLOY_SECRET_KEY}}\n"
        "      SOME_TOKEN:\n"
    )
    assert "hunter2" not in str(checked.model)
    assert len(checked.warnings) == 2


def test_the_apps_value_beats_the_machines(engine, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://panel.example")
    checked = check(
        f"{WEB}    environment: [HTTP_PROXY, HOME]\n", "HTTP_PROXY=http://app.example\nHOME=/app\n"
    )
    assert checked.model["services"]["web"]["environment"] == {
        "HTTP_PROXY": "http://app.example",
        "HOME": "/app",
    }
