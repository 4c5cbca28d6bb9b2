"""Asking once more for what an event did not bring about, and the way back from it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployer import inquiry
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


def test_an_app_that_is_removed_meanwhile_is_not_made_again(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may operate an app may not make one, and its name may be another app's by now."""
    person(Role.OPERATOR)
    app = make_app()
    event = failed(app)

    def remove_first(*args: Any, **options: Any) -> Any:
        App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
        make_app("shop")
        return fake_engine.check_content(*args, **options)

    monkeypatch.setattr(inquiry, "check_content", remove_first)

    answer = client.post(f"/events/{event.pk}/retry/")

    assert answer.status_code == 409
    assert "was removed; nothing was started" in answer.content.decode()
    assert not DeployEvent.objects.active().exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hold_the_same_plan_one_deploys(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.OPERATOR)
    event = failed(make_app())
    address = f"/events/{event.pk}/retry/"
    planned = client.get(address).context["plan"].fingerprint
    both_planned = threading.Barrier(2)

    def together(*args: Any, **options: Any) -> Any:
        plan = fake_engine.make_plan(*args, **options)
        both_planned.wait(10)
        return plan

    monkeypatch.setattr(inquiry, "make_plan", together)
    codes: list[int] = []

    def send() -> None:
        other = Client()
        other.cookies = client.cookies
        try:
            codes.append(other.post(address, {"planned": planned}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [302, 409]
    assert DeployEvent.objects.active().count() == 1
