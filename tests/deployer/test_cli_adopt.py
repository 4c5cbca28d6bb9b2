"""`manage.py engine projects` and `manage.py app adopt`: what they write, and their exit codes."""

import json
import re
from pathlib import Path

import pytest

from apps.deployer.adopt.content import NotAdoptable
from apps.deployments.models import DeployEvent
from tests.deployer.command_line import Manage, StandInWorker, make_app, manage, stand_in
from tests.panel.test_view_projects import YAML, FakeProjects, container, projects

__all__ = ["manage", "projects", "stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_projects_are_listed_with_what_stands_in_the_way(
    manage: Manage, projects: FakeProjects, tmp_path: Path
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(YAML)
    projects.containers = [
        container("blog", working_dir=str(tmp_path), config_files=(str(file),)),
        container("gone", config_files=("/no/such.yml",), state="exited"),
    ]

    shown, told = manage("engine", "projects"), manage("engine", "projects", "--json")

    assert (shown.code, told.code) == (0, 0)
    assert f"1 of 1   {file}" in shown.out
    assert "0 of 1   /no/such.yml" in shown.out
    assert "cannot be read here" in shown.out
    blog, gone = told.json
    assert (blog["project"], blog["problems"]) == ("blog", [])
    assert blog["files"] == [{"path": str(file), "problem": ""}]
    assert "cannot be read here" in gone["problems"][0]
    assert YAML not in told.out


def test_a_plan_is_written_and_changes_nothing(manage: Manage, projects: FakeProjects) -> None:
    shown, told = manage("app", "adopt", "blog", "--plan"), manage("app", "adopt", "blog", "--plan", "--json")

    assert shown.code == told.code == 0
    assert "recreate  container of web  blog-web-1" in shown.out
    assert "blog_default (also in it: proxy)" in shown.out
    assert "Lost: The volume at /cache is lost." in shown.err
    assert f"--as blog --planned {told.json['fingerprint']}" in shown.err
    assert told.json["containers"][0]["action"] == "recreate"
    assert told.json["volumes"] == ["blog_data"]
    assert "very-secret-value" not in shown.out + shown.err + told.out + told.err
    assert not DeployEvent.objects.exists()


def test_it_says_what_is_lost_and_then_adopts(
    manage: Manage, projects: FakeProjects, stand_in: StandInWorker
) -> None:
    done = manage("app", "adopt", "blog", "--as", "journal", "--json")

    assert done.code == 0
    assert re.search(r"The volume at /cache is lost\.(.|\n)*Event \d+: adopt journal", done.err)
    assert (done.json["action"], done.json["app"], done.json["status"]) == ("adopt", "journal", "succeeded")
    assert done.json["plan"]["volumes"] == ["blog_data"]
    assert "very-secret-value" not in done.out + done.err


def test_another_plan_than_the_one_that_was_shown_is_refused(manage: Manage, projects: FakeProjects) -> None:
    done = manage("app", "adopt", "blog", "--planned", "somethingelse", "--json")
    assert done.code == 2
    assert json.loads(done.out)["project"] == "blog"
    assert "blog has changed since the plan was shown" in done.err
    assert not DeployEvent.objects.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["blog", "--as", "shop"], "There is already an app named shop."),
        (["blog", "--as", "Not/Slug"], "cannot name an app"),
        (["blog", "--as", "new"], "is reserved"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(
    manage: Manage, projects: FakeProjects, words: list[str], sentence: str
) -> None:
    make_app("shop")
    done = manage("app", "adopt", *words)
    assert done.code == 2
    assert sentence in done.err


def test_why_a_project_cannot_be_adopted_is_told(manage: Manage, projects: FakeProjects) -> None:
    projects.error = NotAdoptable("Compose makes something else of services.web.volumes.0.")
    done = manage("app", "adopt", "blog")
    assert (done.code, done.out) == (2, "")
    assert "something else of services.web.volumes.0" in done.err
