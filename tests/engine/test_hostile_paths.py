"""Every way to a deploy, by the real Compose: what is refused on one is refused on all, with its reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actor import Actor
from apps.accounts.models import Grant, Role, User
from apps.applications.content import Content, InvalidContent
from apps.applications.models import App
from apps.applications.services import create_app, store_version
from apps.deployer import requests, rollback
from apps.deployer.app_folder import AppFolder
from apps.deployer.approval.review import review
from apps.deployer.deployer import Deployer
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CancelToken
from apps.deployments import claims, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.accounts.people import make_person
from tests.engine.hostile_files import SECRET, Hostile, hostile_files, prepare

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

# One of each kind: by Compose's answer, by a link, by what is read, by what an included file reads.
NAMES = (
    "privileged by a merge",
    "bind by a link",
    "env_file by a variable",
    "env_file of a file that is included",
)


class Stage:
    """An app whose versions an administrator made, hostile files for it, and a deployer of that app alone."""

    def __init__(self, client: Client, outside: Path) -> None:
        self.client = client
        self.app = create_app("hostile", "", Actor("root", "command line"))
        store_version(self.app, Content("services: {web: {image: x}}\n"), Actor("root", "command line"))
        prepare(AppFolder("hostile").path, outside)
        self.files = [file for file in hostile_files(outside) if file.name in NAMES]
        self.user: User = make_person("dora")
        Grant.objects.create(user=self.user, app=self.app, role=Role.DEPLOYER, given_by="root")
        client.force_login(self.user)
        self.by = Actor("dora", "web 192.0.2.1", self.user)

    def stored(self, file: Hostile) -> int:
        content = Content.read(file.yaml, file.environment)
        version, _is_new = store_version(self.app, content, Actor("root", "command line"))
        return version.number

    def runs(self, file: Hostile) -> None:
        number = self.stored(file)
        App.objects.filter(pk=self.app.pk).update(current_version=self.app.versions.get(number=number))

    def typed(self, file: Hostile, **more: object) -> dict[str, object]:
        return {"compose": file.yaml, "environment": file.environment, "seen": 1, "base": 1, **more}


@pytest.fixture
def stage(engine: object, client: Client, settings: Settings, tmp_path: Path) -> Stage:
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"
    settings.SIMPLEDEPLOY_APPS_DIR.mkdir()
    return Stage(client, tmp_path / "outside")


def edit(stage: Stage, file: Hostile, **more: object) -> HttpResponse:
    return stage.client.post("/apps/hostile/edit/", stage.typed(file, **more))


def redeploy(stage: Stage, file: Hostile, method: str) -> HttpResponse:
    stage.runs(file)
    return getattr(stage.client, method)("/apps/hostile/redeploy/")


def roll_back(stage: Stage, file: Hostile, method: str) -> HttpResponse:
    address = f"/apps/hostile/versions/{stage.stored(file)}/rollback/"
    return getattr(stage.client, method)(address, {"images": "file"})


PAGES: dict[str, Callable[[Stage, Hostile], HttpResponse]] = {
    "plan": lambda stage, file: edit(stage, file, intent="plan"),
    "deploy": edit,
    "plan of a redeploy": lambda stage, file: redeploy(stage, file, "get"),
    "redeploy": lambda stage, file: redeploy(stage, file, "post"),
    "plan of a rollback": lambda stage, file: roll_back(stage, file, "get"),
    "rollback": lambda stage, file: roll_back(stage, file, "post"),
}


@pytest.mark.parametrize("page", PAGES)
def test_each_page_refuses_it_with_the_reason_and_queues_nothing(stage: Stage, page: str) -> None:
    for file in stage.files:
        answer = PAGES[page](stage, file)
        told = answer.content.decode().replace("&#x27;", "'")
        assert f"allow “{file.rule.label}” for this app" in told, (page, file.name)
        assert SECRET not in told
        assert answer.status_code == 400 or (answer.status_code == 200 and "plan" in page)
    assert not DeployEvent.objects.exists()


def test_each_request_refuses_it(stage: Stage) -> None:
    (file,) = (one for one in stage.files if one.name == "privileged by a merge")
    content, number = Content.read(file.yaml, file.environment), stage.stored(file)
    assert "Privileged containers" in str(requests.check(content, stage.by, "hostile").problems[0])
    for ask in (
        lambda: requests.plan_deploy("hostile", content, stage.by),
        lambda: requests.submit_deploy("hostile", content, stage.by),
        lambda: rollback.plan_rollback(stage.app, number, stage.by, same_images=False),
        lambda: rollback.submit_rollback(stage.app, number, stage.by, same_images=False),
        lambda: review(queued(stage, number), default_runner()),
    ):
        with pytest.raises(InvalidContent, match="Privileged containers"):
            ask()


def queued(stage: Stage, number: int) -> DeployEvent:
    version = stage.app.versions.get(number=number)
    return queue.enqueue(stage.app, Action.ROLLBACK, stage.by, version=version, host_rules=[])


def test_an_event_that_got_into_the_queue_is_refused_before_anything_is_pulled(stage: Stage) -> None:
    for file in stage.files:
        event = queued(stage, stage.stored(file))
        claimed = claims.claim_next("here:1:1")
        assert claimed is not None
        Deployer(default_runner()).run(claimed, CancelToken())
        event.refresh_from_db()
        assert (event.status, event.step) == (Status.FAILED, "version")
        assert str(file.rule.label) in event.error
        assert SECRET not in event.error + event.output_tail
    assert not (AppFolder("hostile").path / "docker-compose.yml").exists()
