"""Which projects are foreign, and what their labels tell."""

from pathlib import Path

import pytest

from apps.core.errors import NotFound
from apps.deployer.adopt.foreign import find_foreign_project, foreign_projects
from apps.deployer.runner.mock_runner import MockRunner
from tests.deployer.command_line import make_app
from tests.panel.test_view_projects import YAML, container

pytestmark = pytest.mark.django_db


def test_live_apps_are_not_foreign_and_projects_of_lost_ones_are() -> None:
    make_app("shop")
    containers = [
        container(name) for name in ("zoo", "simpledeploy-shop", "simpledeploy-lost", "", "blog", "blog")
    ]
    found = foreign_projects(containers)
    assert [(one.name, len(one.containers)) for one in found] == [
        ("blog", 2), ("simpledeploy-lost", 1), ("zoo", 1),
    ]  # fmt: skip


def test_the_newest_container_tells_the_files(tmp_path: Path) -> None:
    for name in ("old.yml", "new.yml", ".env"):
        (tmp_path / name).write_text(YAML if name.endswith("yml") else "A=1\n")
    (project,) = foreign_projects(
        [
            container(
                id="1", working_dir=str(tmp_path), created_at="2026-01-02T00:00:00Z",
                config_files=(f"{tmp_path}/new.yml",),
            ),
            container(id="2", created_at="2026-01-01T00:00:00Z", config_files=(f"{tmp_path}/old.yml",)),
        ]
    )  # fmt: skip
    assert [(file.path, file.text) for file in project.files] == [(f"{tmp_path}/new.yml", YAML)]
    assert project.env_files == (f"{tmp_path}/.env",)
    assert project.problems == []


def test_environment_files_that_are_named_count_instead_of_the_folders_own(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "compose.yml").write_text(YAML)
    named = (f"{tmp_path}/gone.env",)
    (project,) = foreign_projects(
        [
            container(
                working_dir=str(tmp_path),
                config_files=(f"{tmp_path}/compose.yml",),
                environment_files=named,
            )
        ]
    )
    assert project.env_files == named
    assert project.problems == [f"{tmp_path}/gone.env cannot be read here: No such file or directory."]


def test_labels_that_tell_no_files_are_a_problem() -> None:
    for fields in ({"config_files": ()}, {"working_dir": ""}, {"working_dir": "relative"}):
        (project,) = foreign_projects([container(**fields)])
        assert "do not tell which folder and files" in project.problems[0]


def test_an_unknown_project_is_not_found() -> None:
    with pytest.raises(NotFound, match="No Compose project 'nope'"):
        find_foreign_project("nope", MockRunner())
