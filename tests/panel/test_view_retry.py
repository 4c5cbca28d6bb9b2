"""Asking once more for what an event did not bring about, and the way back from it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.accounts.people import ROLES
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]


def failed(app: App, action: str = Action.DEPLOY, **columns: Any) -> DeployEvent:
    given: dict[str, Any] = {"status": Status.FAILED, "step": "verify", "version": app.current_version}
    return make_event(app, action=action, **given | columns)


def test_a_deploy_is_asked_for_again_by_its_plan(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    user = person(Role.OPERATOR)
    app = make_app()
    event = failed(app)
    assert f'href="/events/{event.pk}/retry/"' in text(client, f"/events/{event.pk}/")

    page = client.get(f"/events/{event.pk}/retry/")
    planned = page.context["plan"].fingerprint
    assert "Try again as planned" in page.content.decode()
    assert DeployEvent.objects.count() == 1
    answer = client.post(f"/events/{event.pk}/retry/", {"planned": planned})

    again = DeployEvent.objects.latest()
    assert answer["Location"] == f"/events/{again.pk}/"
    assert (again.action, again.version, again.status) == ("deploy", app.current_version, Status.QUEUED)
    assert again.requested_by == user.username
    assert app.versions.count() == 1
    # It waits by now: the plan that was shown is overtaken.
    assert client.post(f"/events/{event.pk}/retry/", {"planned": planned}).status_code == 409


@pytest.mark.parametrize(
    ("action", "arguments"),
    [("restart", {}), ("stop", {"services": ["web"]}), ("pull", {}), ("scale", {"scale": {"web": 2}})],
)
def test_what_has_no_plan_is_asked_for_again_at_once(
    client: Client, person: Person, fake_engine: FakeEngine, action: str, arguments: dict[str, Any]
) -> None:
    person(Role.OPERATOR)
    app = make_app()
    shaped = [{"service": "web", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}]
    make_event(app, version=app.current_version, expected=shaped)
    event = failed(app, action, arguments=arguments)
    assert f'action="/events/{event.pk}/retry/"' in text(client, f"/events/{event.pk}/")
    assert client.get(f"/events/{event.pk}/retry/")["Location"] == f"/events/{event.pk}/"

    client.post(f"/events/{event.pk}/retry/")

    again = DeployEvent.objects.latest()
    assert (again.action, again.status) == (action, Status.QUEUED)
    assert again.arguments == arguments


@pytest.mark.parametrize(
    "columns",
    [
        {"status": Status.SUCCEEDED},
        {"status": Status.RUNNING, "finished_at": None, "slot": 0},
        {"action": Action.REMOVE},
        {"action": Action.ADOPT},
    ],
    ids=["succeeded", "running", "remove", "adopt"],
)
def test_what_makes_no_sense_is_neither_offered_nor_done(
    client: Client, person: Person, fake_engine: FakeEngine, columns: dict[str, Any]
) -> None:
    person(Role.ADMINISTRATOR)
    event = failed(make_app(), **columns)

    answer = client.post(f"/events/{event.pk}/retry/")

    assert "retry" not in text(client, f"/events/{event.pk}/")
    assert answer.status_code == 409
    assert "cannot be asked for again" in answer.content.decode()
    assert DeployEvent.objects.count() == 1


@pytest.mark.parametrize("role", ROLES)
def test_trying_again_is_for_operators(
    client: Client, person: Person, fake_engine: FakeEngine, role: str
) -> None:
    event = failed(make_app(), "restart")
    person(role)
    may = role not in ("", Role.VIEWER)
    page = client.get(f"/events/{event.pk}/")
    assert ("retry" in page.content.decode()) is may
    assert client.post(f"/events/{event.pk}/retry/").status_code == (302 if may else 403 if role else 404)
    assert (DeployEvent.objects.count() == 2) is may


def test_the_way_back_is_the_version_that_ran_well_last(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    app = make_app()
    make_event(app, version=app.current_version)
    bad = failed(app)
    link = '<a class="btn" href="/apps/shop/versions/1/rollback/">'
    assert link in text(client, f"/events/{bad.pk}/")

    # It changed nothing: there is nothing to go back from, and nothing else to go back to.
    unchanged = failed(app, step="pull")
    assert link not in text(client, f"/events/{unchanged.pk}/")
    assert link in text(client, f"/events/{bad.pk}/")
    # Something else has changed the app since.
    failed(app)
    assert link not in text(client, f"/events/{bad.pk}/")
    person(Role.VIEWER)
    assert link not in text(client, f"/events/{failed(app).pk}/")
