"""Other projects of the engine, and their adoption, on their pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from apps.accounts.models import Role, User
from apps.applications.content import Content
from apps.applications.models import App
from apps.core.errors import NotFound
from apps.deployer.adopt import requests as adopt_requests
from apps.deployer.adopt.content import NotAdoptable
from apps.deployer.adopt.foreign import ForeignProject
from apps.deployer.adopt.plan import AdoptionPlan, ContainerMove, NetworkMove
from apps.deployer.containers import Container
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action
from tests.panel.pages import make_app, text
from tests.panel.test_page_source import Source

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
LIST, ADOPT = "/engine/projects/", "/engine/projects/blog/adopt/"
YAML = "services:\n  web:\n    image: nginx  # ours\n"


def container(project: str = "blog", **fields: Any) -> Container:
    columns = {
        "id": "a" * 64, "name": f"{project}-web-1", "project": project, "service": "web",
        "state": "running", "health": "", "exit_code": 0, "restarts": 0, "restart_policy": "no",
        "image": "nginx", "image_id": "sha256:1", "ports": (), "oom_killed": False,
        "config_hash": "h1", "working_dir": "/srv/blog", "config_files": ("/srv/blog/compose.yml",),
    }  # fmt: skip
    return Container(**columns | fields)


class FakeProjects:
    """The containers that the engine has, and what planning an adoption says."""

    def __init__(self) -> None:
        self.containers: list[Container] = []
        self.error: Exception | None = None
        self.config_hash = "h1"

    def list(self, runner: object) -> list[Container]:
        if self.error:
            raise self.error
        return self.containers

    def plan(self, project: str, slug: str, runner: object, **options: object) -> AdoptionPlan:
        if self.error:
            raise self.error
        content = Content.read(YAML, "TOKEN=very-secret-value\n")
        return AdoptionPlan(
            project=project,
            slug=slug,
            folder="/srv/blog",
            sha256=content.sha256,
            containers=(ContainerMove("web", "blog-web-1", f"simpledeploy-{slug}-web-1", "running"),),
            volumes=("blog_data",),
            binds=("/srv/blog/html",),
            networks=(NetworkMove("blog_default", f"simpledeploy-{slug}_default", ("proxy",)),),
            lost=("The volume at /cache is lost.",),
            warnings=("It is down for a moment.",),
            old=ForeignProject(project, (container(project, config_hash=self.config_hash),)),
            content=content,
            model={"services": {"web": {"image": "nginx"}}},
        )


@pytest.fixture
def projects(monkeypatch: pytest.MonkeyPatch) -> FakeProjects:
    fake = FakeProjects()
    monkeypatch.setattr(adopt_requests, "list_containers", fake.list)
    monkeypatch.setattr(adopt_requests, "make_adoption_plan", fake.plan)
    return fake


def test_the_list_names_foreign_projects_and_their_files(
    client: Client, person: Person, projects: FakeProjects, tmp_path: Path
) -> None:
    person(Role.ADMINISTRATOR)
    make_app("shop")
    file = tmp_path / "compose.yml"
    file.write_text(YAML)
    projects.containers = [
        container("blog", working_dir=str(tmp_path), config_files=(str(file),)),
        container("simpledeploy-shop"),
        container("gone", config_files=("/no/such/compose.yml",)),
    ]

    page = text(client, LIST)

    assert str(file) in page
    assert ADOPT in page
    assert "/no/such/compose.yml cannot be read here" in page
    assert "/engine/projects/gone/adopt/" not in page
    assert "simpledeploy-shop" not in page


@pytest.mark.parametrize("name", ["../../etc", "<script>alert(1)</script>", "a/b", "-x", "A", "x" * 300])
def test_a_name_that_compose_never_gave_is_shown_as_text_and_leads_nowhere(
    client: Client, person: Person, projects: FakeProjects, name: str
) -> None:
    person(Role.ADMINISTRATOR)
    projects.containers = [container(name, config_files=("/etc/shadow",))]
    page = text(client, LIST)
    assert escape(name) in page
    assert "<script>alert" not in page
    assert "/adopt/" not in page


def test_both_pages_keep_the_rules_of_a_page(
    client: Client, person: Person, projects: FakeProjects, tmp_path: Path
) -> None:
    person(Role.ADMINISTRATOR)
    (tmp_path / "compose.yml").write_text(YAML)
    here = {"working_dir": str(tmp_path), "config_files": (str(tmp_path / "compose.yml"),)}
    projects.containers = [container("blog", **here), container("old", **here)]
    for address in (LIST, ADOPT):
        source = Source(text(client, address))
        assert source.faults == []
        assert len(source.ids) == len(set(source.ids))


def test_an_empty_list_and_an_absent_engine_are_told(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)
    assert "Nothing else runs here" in text(client, LIST)
    projects.error = EngineUnreachable()
    assert "does not answer" in text(client, LIST)


@pytest.mark.parametrize("role", ["", *Role][:-1])
@pytest.mark.parametrize("address", [LIST, ADOPT])
def test_only_administrators_see_other_projects(
    client: Client, person: Person, projects: FakeProjects, role: str, address: str
) -> None:
    person(role)
    assert client.get(address).status_code == 403
    if address == ADOPT:
        assert client.post(address, {"slug": "blog", "planned": "x"}).status_code == 403
    assert not DeployEvent.objects.exists()


@pytest.mark.parametrize("address", [LIST, ADOPT])
def test_it_needs_a_signed_in_person(client: Client, projects: FakeProjects, address: str) -> None:
    assert client.get(address)["Location"].startswith("/login/")


def test_the_plan_is_shown_before_anything_happens(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)
    page = text(client, ADOPT)
    for words in (
        'value="blog"', "blog-web-1 becomes simpledeploy-blog-web-1", "blog_data", "/srv/blog/html",
        "becomes simpledeploy-blog_default", "Also in it: proxy", "The volume at /cache is lost.",
        "It is down for a moment.", "image: nginx  # ours",
    ):  # fmt: skip
        assert words in page
    assert "very-secret-value" not in page
    assert not App.objects.exists()


def planned(projects: FakeProjects, slug: str = "journal") -> str:
    return projects.plan("blog", slug, None).fingerprint


def test_an_adoption_is_queued_as_it_was_planned(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)

    response = client.post(ADOPT, {"slug": "journal", "planned": planned(projects)})

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.action, event.slug, event.version.yaml) == (Action.ADOPT, "journal", YAML)
    assert event.arguments == {
        "project": "blog", "containers": ["a" * 64], "names": ["simpledeploy-journal-web-1"],
    }  # fmt: skip
    assert event.images == {"web": {"image": "nginx"}}
    assert [one["service"] for one in event.expected] == ["web"]
    assert "very-secret-value" not in str(event.plan) + event.version.note
    page = text(client, f"/events/{event.pk}/")
    assert "blog-web-1 becomes simpledeploy-journal-web-1" in page
    assert "Stop the old containers" in page


def test_a_project_that_has_changed_since_is_refused_with_its_new_plan(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)
    shown = planned(projects)
    projects.config_hash = "h2"

    response = client.post(ADOPT, {"slug": "journal", "planned": shown})

    assert response.status_code == 409
    page = response.content.decode()
    assert "has changed since the plan was shown" in page
    assert planned(projects) in page
    assert not DeployEvent.objects.exists()


@pytest.mark.parametrize(
    ("slug", "status", "words"),
    [
        ("", 400, "This field is required."),
        ("Not A Slug", 400, "cannot name an app"),
        ("shop", 409, "There is already an app named shop"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_at_its_field(
    client: Client, person: Person, projects: FakeProjects, slug: str, status: int, words: str
) -> None:
    person(Role.ADMINISTRATOR)
    make_app("shop")
    response = client.post(ADOPT, {"slug": slug, "planned": "x"})
    assert response.status_code == status
    assert words in response.content.decode()
    assert not DeployEvent.objects.exists()


def test_a_project_that_cannot_be_taken_over_says_why(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)
    projects.error = NotAdoptable("Compose makes something else of services.web.volumes.0.")
    assert "something else of services.web.volumes.0" in text(client, ADOPT)
    assert client.post(ADOPT, {"slug": "blog", "planned": "x"}).status_code == 400


def test_an_unknown_project_is_not_found(client: Client, person: Person, projects: FakeProjects) -> None:
    person(Role.ADMINISTRATOR)
    projects.error = NotFound("No Compose project 'blog' runs.")
    assert client.get(ADOPT).status_code == 404


def test_two_people_cannot_take_the_same_project(
    client: Client, person: Person, projects: FakeProjects
) -> None:
    person(Role.ADMINISTRATOR)
    client.post(ADOPT, {"slug": "journal", "planned": planned(projects)})
    response = client.post(ADOPT, {"slug": "other", "planned": planned(projects, "other")})
    assert response.status_code == 409
    assert "Somebody is taking blog over" in response.content.decode()
    assert not App.objects.filter(slug="other").exists()
