"""The card of an app that differs from its version, and the editor that starts from the files on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.secret import MASK
from apps.deployer.app_folder import AppFolder
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.state import disk_content
from apps.deployer.state.app_state import AppState
from apps.deployer.state.drift import Difference, Kind
from apps.deployments.models import DeployEvent
from tests.panel.fake_engine import FakeEngine, container
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
NEWER = YAML.replace("alpine", "1.29")
ENVIRONMENT = "# why\nTOKEN=s3cret-one\nMODE=fast\n"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The folder of the app shop, with the files of its current version."""
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path
    app = make_app()
    version = make_version(app, YAML, ENVIRONMENT)
    App.objects.filter(pk=app.pk).update(current_version=version)
    AppFolder("shop").write(content_of(version))
    AppFolder("shop").keep()
    return tmp_path / "shop"


def drifted(*differences: Difference) -> AppState:
    return AppState("drifted", (container("web"),), differences)


FILE = Difference("", Kind.FILE, "docker-compose.yml was edited by hand.")
CONFIGURATION = Difference("web", Kind.CONFIGURATION, "web was made from another configuration.")


def compose_reads(monkeypatch: pytest.MonkeyPatch, **values: str) -> MockRunner:
    model = {"services": {"app": {"environment": values}}}
    runner = MockRunner().on("config", lines=[json.dumps(model)])
    monkeypatch.setattr(disk_content, "default_runner", lambda: runner)
    return runner


# --- the card ---


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_names_the_differences_with_the_diff_of_the_file(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path, headers: dict[str, str]
) -> None:
    person(Role.VIEWER)
    (folder / "docker-compose.yml").write_text(NEWER)
    fake_engine.states["shop"] = drifted(CONFIGURATION, FILE)

    page = text(client, "/apps/shop/", **headers)

    assert "<span>Drifted</span>" in page
    assert "Differs from version 2" in page
    assert CONFIGURATION.text in page
    assert 'class="diff-text">    image: nginx:1.29<' in page
    assert "from=disk" not in page
    assert "/apps/shop/redeploy/" not in page


def test_those_who_may_deploy_get_two_ways_out(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path
) -> None:
    person(Role.DEPLOYER)
    fake_engine.states["shop"] = drifted(FILE)
    assert 'href="/apps/shop/edit/?from=disk"' in text(client, "/apps/shop/")

    # Where the files are the version's own there is nothing to take.
    fake_engine.states["shop"] = drifted(CONFIGURATION)
    page = text(client, "/apps/shop/")
    assert "from=disk" not in page
    assert "Deploy version 2 again" in page


def test_an_app_that_is_as_it_should_be_has_no_card(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path
) -> None:
    person(Role.DEPLOYER)
    fake_engine.states["shop"] = AppState("up", (container("web"),))
    assert "Differs from" not in text(client, "/apps/shop/")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (YAML.replace("\n", "\r\n").encode(), "Only line ends"),
        (b"x" * 500_000, "too long to compare"),
        (b"\xff", "Differs from version 2"),
    ],
)
def test_a_file_that_has_no_diff_is_told_in_words(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path, data: bytes, words: str
) -> None:
    person(Role.VIEWER)
    (folder / "docker-compose.yml").write_bytes(data)
    fake_engine.states["shop"] = drifted(FILE)
    assert words in text(client, "/apps/shop/")


def test_differences_take_no_further_queries(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path, django_assert_max_num_queries: Any
) -> None:
    person(Role.DEPLOYER)
    fake_engine.states["shop"] = drifted(*[CONFIGURATION] * 20, FILE)
    with django_assert_max_num_queries(9):
        client.get("/apps/shop/")


# --- the editor that starts from the disk ---


def test_it_starts_from_the_edited_file_with_the_environment_masked(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path
) -> None:
    person(Role.DEPLOYER)
    (folder / "docker-compose.yml").write_text(NEWER)

    page = text(client, "/apps/shop/edit/?from=disk")

    assert "nginx:1.29" in page
    assert f"# why\nTOKEN={MASK}\nMODE={MASK}" in page
    assert 'action="/apps/shop/edit/?from=disk"' in page


def test_the_values_of_an_edited_environment_are_those_that_compose_reads(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person(Role.DEPLOYER)
    runner = compose_reads(monkeypatch, TOKEN="two-$$x", URL="http://two")
    (folder / ".env").write_text("TOKEN='two-$x'\nURL=http://${HOST:-two}\nMISSING=\n")

    page = text(client, "/apps/shop/edit/?from=disk")
    assert f"TOKEN={MASK}\nURL={MASK}" in page
    assert "two-" not in page + str(runner.commands)

    posted = {"compose": NEWER, "environment": f"URL={MASK}\nTOKEN={MASK}\n", "note": ""}
    posted |= {"base": "2", "seen": "2", "intent": "deploy"}
    assert client.post("/apps/shop/edit/?from=disk", posted).status_code == 302
    version = DeployEvent.objects.get().version
    assert version is not None
    assert version.environment.reveal() == "URL=http://two\nTOKEN='two-$x'\n"


def test_it_takes_the_file_where_the_environment_is_gone(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path
) -> None:
    person(Role.DEPLOYER)
    (folder / ".env").unlink()
    assert MASK not in text(client, "/apps/shop/edit/?from=disk")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("docker-compose.yml", b"\xff", "is not UTF-8 text"),
        ("docker-compose.yml", b"a: \0", "holds a NUL byte"),
        ("docker-compose.yml", b"#" * (1024 * 1024 + 1), "is larger than 1,048,576 bytes"),
        ("docker-compose.yml", None, "is gone"),
        ("docker-compose.yml", "link", "is a symbolic link"),
        (".env", b"A=\xff", "is not UTF-8 text"),
        (".env", "link", "is a symbolic link"),
    ],
)
def test_what_cannot_be_taken_is_told(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path, name: str, data: Any, words: str
) -> None:
    person(Role.DEPLOYER)
    (folder / name).unlink()
    if data == "link":
        (folder / name).symlink_to("/etc/passwd")
    elif data is not None:
        (folder / name).write_bytes(data)

    response = client.get("/apps/shop/edit/?from=disk")

    assert response.status_code == 409
    assert words in response.content.decode()
    assert "root:" not in response.content.decode()


def test_an_environment_that_compose_cannot_read_is_told_without_its_words(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person(Role.DEPLOYER)
    words = ("stderr", 'failed to read .env: line 2: unterminated quoted value "s3cret')
    runner = MockRunner().on("config", lines=[words], exit_code=1)
    monkeypatch.setattr(disk_content, "default_runner", lambda: runner)
    (folder / ".env").write_text('A=1\nTOKEN="s3cret\n')

    page = client.get("/apps/shop/edit/?from=disk").content.decode()

    assert "Docker Compose cannot read the .env on disk in line 2." in page
    assert "s3cret" not in page


def test_a_name_that_steers_docker_is_refused(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person(Role.DEPLOYER)
    compose_reads(monkeypatch, DOCKER_HOST="tcp://elsewhere")
    (folder / ".env").write_text("DOCKER_HOST=tcp://elsewhere\n")

    response = client.get("/apps/shop/edit/?from=disk")

    assert response.status_code == 409
    assert "DOCKER_HOST would steer the docker command itself" in response.content.decode()


def test_what_was_typed_stays_where_the_files_went_meanwhile(
    client: Client, person: Person, fake_engine: FakeEngine, folder: Path
) -> None:
    person(Role.DEPLOYER)
    (folder / "docker-compose.yml").unlink()
    posted = {"compose": NEWER, "environment": f"TOKEN={MASK}\n", "note": "", "base": "2", "seen": "2"}

    response = client.post("/apps/shop/edit/?from=disk", posted)

    assert response.status_code == 400
    assert "TOKEN has no value yet" in response.content.decode()
    assert "nginx:1.29" in response.content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_it_is_for_those_who_may_deploy(client: Client, person: Person, folder: Path, role: Role) -> None:
    person(role)
    assert client.get("/apps/shop/edit/?from=disk").status_code == 403
