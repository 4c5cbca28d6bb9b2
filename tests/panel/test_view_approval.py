"""The page on which another person approves or refuses what waits, and what other pages say of it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.models import Grant, Role, User
from apps.applications.models import App
from apps.deployer.plan.observed import Observed
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action
from apps.panel.shown.glances import shared_look
from tests.accounts.people import make_person
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_engine")]
Person = Callable[[str], User]
NEWER = YAML.replace("alpine", "1.29")


@pytest.fixture
def waiting(fake_engine: FakeEngine) -> DeployEvent:
    """A deploy of version 2 of a protected app, which deb asked for."""
    app = make_app(protected=True)
    fake_engine.runs("shop", YAML)
    return ask(app)


def ask(app: App, action: Action = Action.DEPLOY, by: User | None = None, **more: Any) -> DeployEvent:
    by = by or User.objects.filter(username="deb").first() or make_person("deb", Role.DEPLOYER)
    if action == Action.DEPLOY:
        more["version"] = make_version(app, NEWER)
    return queue.enqueue(app, action, Actor(by.get_username(), "web 192.0.2.1", by), **more)


def reviewed(page: str) -> str:
    found = re.search(r'name="reviewed" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def address(event: DeployEvent, what: str = "approval") -> str:
    return f"/events/{event.pk}/{what}/"


def test_an_owner_sees_plan_and_difference_and_approves_them(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(Role.OWNER)
    page = text(client, address(waiting))
    assert "deb</a> <span" in page
    assert "What it would do now" in page
    assert "image: nginx:alpine → nginx:1.29" in page
    assert "From version 1 to version 2" in page

    response = client.post(address(waiting), {"reviewed": reviewed(page), "note": "fine"})

    assert response.headers["Location"] == f"/events/{waiting.pk}/"
    waiting.refresh_from_db()
    assert (waiting.approval, waiting.approval_by, waiting.approval_note) == ("given", "a-owner", "fine")
    assert waiting.approval_sha256 == reviewed(page)
    page = text(client, f"/events/{waiting.pk}/")
    assert "What was approved" in page
    assert "Given by <a" in page
    assert ">a-owner</a>" in page
    assert waiting.approval_sha256 in page
    assert "place 1 in the queue" in page


def test_a_plan_that_has_changed_is_shown_anew_and_approves_nothing(
    client: Client, person: Person, waiting: DeployEvent, fake_engine: FakeEngine
) -> None:
    person(Role.OWNER)
    seen = reviewed(text(client, address(waiting)))
    fake_engine.observed = Observed()

    response = client.post(address(waiting), {"reviewed": seen, "note": "<b>fine"})

    assert response.status_code == 409
    page = response.content.decode()
    assert "Nothing was approved. Read the new plan" in page
    assert 'value="&lt;b&gt;fine"' in page
    assert reviewed(page) != seen
    assert client.post(address(waiting), {"reviewed": reviewed(page)}).status_code == 302


@pytest.mark.parametrize("given", ["", "x", "a" * 64])
def test_an_approval_of_nothing_that_was_shown_is_refused(
    given: str, client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(Role.OWNER)
    assert client.post(address(waiting), {"reviewed": given}).status_code == 409
    waiting.refresh_from_db()
    assert waiting.awaits_approval


def test_who_asked_sees_the_plan_and_no_button_and_is_refused(client: Client, person: Person) -> None:
    event = ask(make_app(protected=True), by=person(Role.ADMINISTRATOR))

    page = text(client, address(event))

    assert "another person has to approve it" in page
    assert "What it would do now" in page
    assert 'name="reviewed"' not in page
    assert client.post(address(event), {"reviewed": "a" * 64}).status_code == 403
    assert address(event) not in text(client, f"/events/{event.pk}/")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.DEPLOYER])
def test_who_may_not_approve_reaches_neither_page_nor_refusal(
    role: Role, client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(role)
    assert client.get(address(waiting)).status_code == 403
    assert client.post(address(waiting), {"reviewed": "a" * 64}).status_code == 403
    assert client.post(address(waiting, "refuse"), {"note": "no"}).status_code == 403
    assert address(waiting) not in text(client, f"/events/{waiting.pk}/")


def test_an_owner_of_another_app_does_not_even_see_it(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    user = person("")
    Grant.objects.create(user=user, app=make_app("other"), role=Role.OWNER, given_by="root")
    assert client.get(address(waiting)).status_code == 404
    assert client.post(address(waiting, "refuse"), {"note": "no"}).status_code == 404


def test_a_refusal_needs_a_reason_and_ends_it(client: Client, person: Person, waiting: DeployEvent) -> None:
    person(Role.OWNER)
    for way, note, wrong in (
        ("refuse", " ", "Say why it is refused"),
        ("refuse", "n" * 501, "501 characters"),
        ("approval", "n" * 501, "501 characters"),
    ):
        sent = {"note": note, "reviewed": reviewed(text(client, address(waiting)))}
        refused = client.post(address(waiting, way), sent)
        page = refused.content.decode()
        assert refused.status_code == 400
        # At the field, with what was typed.
        assert wrong in page.partition('id="note-error"')[2].partition("</div>")[0]
        assert f'value="{note}" aria-invalid="true"' in page
    waiting.refresh_from_db()
    assert waiting.awaits_approval

    response = client.post(address(waiting, "refuse"), {"note": "not on a Friday"})

    assert response.status_code == 302
    page = text(client, f"/events/{waiting.pk}/")
    assert "Refused by a-owner: not on a Friday. Nothing was changed." in page
    assert client.post(address(waiting), {"reviewed": "a" * 64}).status_code == 409
    assert client.get(address(waiting)).headers["Location"] == f"/events/{waiting.pk}/"


def test_the_event_says_what_it_waits_for_and_who_can_decide(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    make_person("olga", Role.OWNER)
    make_person("otto", Role.OWNER, is_active=False)
    person(Role.OPERATOR)

    page = text(client, f"/events/{waiting.pk}/")

    assert "waits for another person's approval" in page.replace("&#x27;", "'")
    assert "deb asked for this: olga can approve or refuse it." in page
    assert "Wait for approval" in page
    assert "place 0" not in page
    assert 'data-state="queued|approval|0"' in page
    assert f"/events/{waiting.pk}/cancel/" in page


def test_where_nobody_else_can_approve_it_says_so(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(Role.VIEWER)
    assert "nobody else can approve it at present" in text(client, f"/events/{waiting.pk}/")


def test_the_list_of_apps_tells_approvers_and_says_what_waits(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    olga = person(Role.OWNER)
    page = text(client, "/")
    assert "1 event waits for your approval" in page
    assert "Deploy waits for approval" in page
    row = text(client, "/apps/shop/row/", **HTMX)
    # The page and the socket agree, so that the row is fetched anew just once when it is approved.
    told = json.loads(shared_look.now().seen_by(olga).apps["shop"].text)
    assert told["deploying"] == {
        "event": waiting.pk, "action": "deploy", "status": "queued", "step": "approval", "position": 0,
    }  # fmt: skip
    assert f'data-live-key="{told["key"]}"' in row
    ask(App.objects.get(), Action.REMOVE, olga)
    assert "1 event waits for your approval" in text(client, "/")

    listed = text(client, "/events/?status=approval")

    assert listed.count('class="cell-state"') == 2


def test_what_runs_or_is_next_is_shown_before_what_waits_for_approval(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(Role.VIEWER)
    ask(waiting.app, Action.STOP)  # type: ignore[arg-type]
    assert "Stop queued, place 1" in text(client, "/")
    assert "for your approval" not in text(client, "/")


def test_pages_make_as_many_queries_for_many_as_for_one(
    client: Client, person: Person, waiting: DeployEvent
) -> None:
    person(Role.OWNER)

    def queries(page: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            text(client, page)
        return len(captured)

    pages = ("/", "/events/?status=approval", f"/events/{waiting.pk}/")
    before = [queries(page) for page in pages]
    for number in range(4):
        make_person(f"owner-{number}", Role.OWNER)
        ask(make_app(f"app-{number}", protected=True))
    assert [queries(page) for page in pages] == before


def test_protection_is_set_and_taken_on_the_settings_page(client: Client, person: Person) -> None:
    person(Role.OWNER)
    make_app()
    typed = {"name": "shop", "verify_timeout": 60, "calm_seconds": 5}

    client.post("/apps/shop/settings/", typed | {"protected": "on"})
    assert App.objects.get().protected
    assert "protected" in text(client, "/apps/shop/")

    client.post("/apps/shop/settings/", typed)
    assert not App.objects.get().protected


@pytest.mark.parametrize(
    ("path", "sent", "summary"),
    [
        ("scale/", {"service": "web", "number": "3"}, "scale web (1 → 3)"),
        ("remove/", {"confirm": "shop"}, "remove web"),
        ("redeploy/", {}, "recreate web (outside)"),
        ("versions/1/rollback/", {}, "recreate web (outside)"),
    ],
)
def test_what_changes_a_protected_app_keeps_its_plan_and_waits(
    path: str, sent: dict[str, str], summary: str, client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OWNER)
    app = make_app(protected=True)
    expected = [{"service": "web", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}]
    DeployEvent.objects.create(
        app=app, slug="shop", action=Action.DEPLOY, version=app.current_version, status="succeeded",
        requested_by="ann", expected=expected, started_at=timezone.now(), step="record",
    )  # fmt: skip
    fake_engine.runs("shop", NEWER)

    response = client.post(f"/apps/shop/{path}", sent)

    assert response.status_code == 302, response.content.decode()[-2000:]
    event = DeployEvent.objects.latest()
    assert (event.approval, event.plan["summary"]) == ("awaited", summary)
    assert "What was asked for" in text(client, f"/events/{event.pk}/")


def test_before_something_is_asked_for_the_page_says_that_it_will_wait(
    client: Client, person: Person
) -> None:
    person(Role.OWNER)
    app = make_app(protected=True)
    event = make_event(app, version=app.current_version, status="failed")
    pages = ("/apps/shop/redeploy/", "/apps/shop/versions/1/rollback/", f"/events/{event.pk}/retry/")
    said = "shop is protected: another person approves it before it runs."
    assert all(said in text(client, page) for page in pages)
    App.objects.update(protected=False)
    assert not any(said in text(client, page) for page in pages)
