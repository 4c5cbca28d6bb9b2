"""One app, and the actions on it."""

import gzip
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.applications.services import create_app
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.state.app_state import UNREACHABLE, AppState
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status
from tests.accounts.people import ROLES
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine, container
from tests.panel.pages import BY, HTMX, make_app, make_deployed_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]

# Each action with what it posts and the roles that may do it.
OPERATORS = set(Role) - {Role.VIEWER}
ACTIONS: dict[str, tuple[dict[str, Any], set[Role]]] = {
    "stop": ({}, OPERATORS),
    "start": ({}, OPERATORS),
    "restart": ({}, OPERATORS),
    "pull": ({}, OPERATORS),
    "scale": ({"service": "web", "number": "3"}, OPERATORS),
    "redeploy": ({}, OPERATORS),
}


def test_it_shows_services_with_state_image_ports_and_exit_code(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app()
    fake_engine.states["shop"] = AppState(
        "degraded",
        (
            container("web", health="unhealthy", ports=("127.0.0.1:8080->80/tcp",)),
            container("migrate", state="exited", exit_code=3, image="shop/migrate:2"),
        ),
    )

    page = text(client, "/apps/shop/")

    assert "<span>Degraded</span>" in page
    assert "Running, unhealthy" in page
    assert "Ended, exit code 3" in page
    assert "shop/migrate:2" in page
    assert "127.0.0.1:8080-&gt;80/tcp" in page


def test_it_shows_a_service_that_has_no_container(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    app = make_app()
    expected = [{"service": "jobs", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}]
    make_event(app, version=app.current_version, expected=expected)
    fake_engine.states["shop"] = AppState("degraded", (container("web"),))

    page = text(client, "/apps/shop/")

    assert "jobs" in page
    assert "No container" in page


def test_it_shows_the_current_version_and_the_last_events(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    app = make_app()
    version = make_version(app, "services:\n  web:\n    image: nginx:1.29\n", note="Newer nginx")
    App.objects.filter(pk=app.pk).update(current_version=version)
    for hours in range(25):
        make_event(app, at=timezone.now() - timedelta(hours=25 - hours), version=version)

    page = text(client, "/apps/shop/")

    assert "Newer nginx" in page
    assert version.sha256[:12] in page
    assert page.count("<rect") == 20
    assert page.count('class="cell-duration') == 10


def test_it_answers_htmx_with_the_state_alone(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app()

    fragment = text(client, "/apps/shop/", **HTMX)

    assert fragment.lstrip().startswith('<section class="card" id="app-state"')


def test_it_shows_only_the_actions_of_the_role(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    make_deployed_app()
    fake_engine.states["shop"] = AppState("up", (container("web"),))
    shown: dict[str, set[str]] = {}
    for role in (Role.VIEWER, Role.OPERATOR, Role.DEPLOYER, Role.OWNER):
        person(role)
        page = text(client, "/apps/shop/")
        names = [*ACTIONS, "edit", "access", "settings"]
        shown[role] = {name for name in names if f'"/apps/shop/{name}/"' in page}

    assert shown[Role.VIEWER] == set()
    assert shown[Role.OPERATOR] == {"stop", "restart", "pull", "scale", "redeploy"}
    assert shown[Role.DEPLOYER] == shown[Role.OPERATOR] | {"edit"}
    assert shown[Role.OWNER] == shown[Role.DEPLOYER] | {"access", "settings"}


def test_it_offers_start_where_the_app_is_stopped(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OPERATOR)
    make_app()
    fake_engine.states["shop"] = AppState("stopped", (container("web", state="exited", exit_code=0),))

    page = text(client, "/apps/shop/")

    assert '"/apps/shop/start/"' in page
    assert '"/apps/shop/stop/"' not in page


def test_it_says_that_nothing_can_be_told_without_the_engine(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.VIEWER)
    make_app()
    fake_engine.states["shop"] = UNREACHABLE

    assert "The Docker engine does not answer" in text(client, "/apps/shop/")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_for_its_roles(
    client: Client, person: Person, fake_engine: FakeEngine, action: str, role: str
) -> None:
    posted, allowed = ACTIONS[action]
    make_deployed_app()
    person(role)

    response = client.post(f"/apps/shop/{action}/", posted)

    expected = 302 if role in allowed else 403 if role else 404
    assert response.status_code == expected
    assert DeployEvent.objects.active().count() == (1 if role in allowed else 0)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_leads_to_its_event(
    client: Client, person: Person, fake_engine: FakeEngine, action: str
) -> None:
    user = person(Role.DEPLOYER)
    app = make_deployed_app()

    response = client.post(f"/apps/shop/{action}/", ACTIONS[action][0])

    event = DeployEvent.objects.active().get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.app, event.status) == (app, Status.QUEUED)
    assert event.action == ("deploy" if action == "redeploy" else action)
    assert event.version == app.current_version
    assert (event.requested_by_user, event.requested_by) == (user, user.username)
    assert event.requested_from == "web 127.0.0.1"


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_never_a_get(
    client: Client, person: Person, fake_engine: FakeEngine, action: str
) -> None:
    person(Role.ADMINISTRATOR)
    make_deployed_app()
    # The page of a redeploy shows what it would do.
    assert client.get(f"/apps/shop/{action}/").status_code == (200 if action == "redeploy" else 405)
    assert not DeployEvent.objects.active().exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_needs_a_sign_in(client: Client, action: str) -> None:
    make_deployed_app()
    response = client.post(f"/apps/shop/{action}/", ACTIONS[action][0])
    assert response["Location"].startswith("/login/")
    assert not DeployEvent.objects.active().exists()


def test_an_action_needs_its_token_against_forgery(person: Person, client: Client) -> None:
    user = person(Role.ADMINISTRATOR)
    make_deployed_app()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)

    response = strict.post("/apps/shop/stop/")

    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()
    assert not DeployEvent.objects.active().exists()


def test_two_requests_at_once_are_both_recorded(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OPERATOR)
    make_deployed_app()
    first = client.post("/apps/shop/restart/")
    second = client.post("/apps/shop/restart/")
    assert first["Location"] != second["Location"]
    assert DeployEvent.objects.active().count() == 2


def test_an_unknown_app_and_an_unknown_action_are_not_found(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    make_deployed_app()
    missing = client.get("/apps/nope/")
    assert missing.status_code == 404
    assert "There is no app named nope." in missing.content.decode()
    assert client.post("/apps/nope/stop/").status_code == 404
    assert client.post("/apps/shop/explode/").status_code == 404


def test_an_app_that_was_never_deployed_cannot_be_acted_on(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    create_app("fresh", "", BY)
    assert "No version of this app is deployed yet." in text(client, "/apps/fresh/")
    for action, (posted, _roles) in ACTIONS.items():
        response = client.post(f"/apps/fresh/{action}/", posted)
        assert response.status_code == 409, action
        assert "has not been deployed yet" in response.content.decode()


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"service": "web", "number": "-1"}, "from 0 to 100, not -1"),
        ({"service": "web", "number": "101"}, "from 0 to 100, not 101"),
        ({"service": "web", "number": "many"}, "a whole number"),
        ({"service": "web"}, "a whole number"),
        ({"service": "<db>", "number": "2"}, "no service"),
    ],
)
def test_it_refuses_a_scale_that_cannot_be(
    client: Client, person: Person, fake_engine: FakeEngine, posted: dict[str, str], words: str
) -> None:
    person(Role.OPERATOR)
    make_deployed_app()

    response = client.post("/apps/shop/scale/", posted)

    assert response.status_code == 400
    assert words in response.content.decode()
    assert "<db>" not in response.content.decode()
    assert not DeployEvent.objects.active().exists()


@pytest.mark.parametrize("action", ["stop", "start", "restart"])
def test_an_action_on_a_service_is_recorded_as_such_wherever_it_is_shown(
    client: Client, person: Person, fake_engine: FakeEngine, action: str
) -> None:
    person(Role.OPERATOR)
    make_deployed_app()

    response = client.post(f"/apps/shop/{action}/", {"service": ["web", "web"]})

    event = DeployEvent.objects.active().get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.action, event.arguments) == (action, {"services": ["web"]})
    asked = AuditEntry.objects.filter(action=AuditAction.EVENT_REQUESTED).get()
    assert json.loads(asked.after)["arguments"] == {"services": ["web"]}
    for address in ("/", "/apps/shop/", "/events/", f"/events/{event.pk}/"):
        shown = " ".join(re.sub(r"<[^>]*>", " ", text(client, address)).split())
        assert re.search(rf"{action.title()} (shop )?web\b", shown), address


@pytest.mark.parametrize(
    ("action", "service", "words"),
    [
        ("stop", "<db>", "shop has no service"),
        ("stop", "", "shop has no service"),
        ("restart", "--help", "Its services: web."),
        ("pull", "web", "Pull is for the whole app"),
    ],
)
def test_it_refuses_an_action_on_what_is_no_service(
    client: Client, person: Person, fake_engine: FakeEngine, action: str, service: str, words: str
) -> None:
    person(Role.OPERATOR)
    make_deployed_app()

    response = client.post(f"/apps/shop/{action}/", {"service": ["web", service]})

    assert response.status_code == 400
    assert words in response.content.decode()
    assert "Nothing was changed." in response.content.decode()
    assert "<db>" not in response.content.decode()
    assert not DeployEvent.objects.active().exists()


def test_it_says_that_the_engine_is_gone_on_a_page_and_in_a_fragment(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OPERATOR)
    make_deployed_app()
    fake_engine.failure = EngineUnreachable("The engine does not answer. Nothing was started.")

    page = client.post("/apps/shop/stop/")
    fragment = client.post("/apps/shop/stop/", headers=HTMX)

    assert page.status_code == fragment.status_code >= 400
    assert "The engine does not answer. Nothing was started." in page.content.decode()
    assert fragment.content.decode().startswith('<div class="alert')
    assert fragment["HX-Retarget"] == "#problem"
    assert not DeployEvent.objects.active().exists()


def test_many_services_and_events_take_as_many_queries_as_one(
    client: Client, person: Person, fake_engine: FakeEngine, django_assert_num_queries: Any
) -> None:
    person(Role.DEPLOYER)
    app = make_deployed_app()
    fake_engine.states["shop"] = AppState("up", (container("web"),))
    with CaptureQueriesContext(connection) as first:
        client.get("/apps/shop/")

    asked = [
        {"service": f"s{n}", "replicas": 50, "one_shot": False, "must_end": False, "may_end": False}
        for n in range(60)
    ]
    many = {"version": app.current_version, "expected": asked, "action": "scale"}
    for number in range(20):
        event = make_event(app, at=timezone.now() - timedelta(hours=number), **many)
    make_event(app, version=app.current_version, action="stop", cause=event, arguments={"services": ["s1"]})
    fake_engine.states["shop"] = AppState(
        "up",
        tuple(container(f"s{s}", container=f"s{s}-{n}", id=f"{s}-{n}") for s in range(60) for n in range(50)),
    )
    with django_assert_num_queries(len(first)):
        page = text(client, "/apps/shop/")

    # Three thousand containers make no page that a phone cannot load.
    assert "60 services, all well" in page
    assert page.count("and 40 more") == 60
    assert len(gzip.compress(page.encode())) < 60_000


def test_an_app_that_was_removed_is_told_as_such_to_those_who_saw_it(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    app = make_deployed_app()
    removal = make_event(app, action="remove", requested_by="bob")
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    person(Role.VIEWER)

    page = client.get("/apps/shop/")
    part = text(client, "/apps/shop/", **HTMX)

    assert page.status_code == 404
    for said in (page.content.decode(), part):
        assert "shop was removed" in said
        assert "bob removed it" in said
        assert f'"/events/{removal.pk}/"' in said
    assert 'id="app-state"' in part
    assert text(client, "/apps/shop/?part=history", **HTMX) == ""
    # Whoever may not see it learns no more than of one that never was.
    person("")
    hidden, never = client.get("/apps/shop/"), client.get("/apps/nope/")
    assert hidden.status_code == never.status_code == 404
    assert "There is no app named shop." in hidden.content.decode()
    # The name belongs to another app by now.
    person(Role.ADMINISTRATOR)
    create_app("shop", "", BY)
    assert "No version of this app is deployed yet." in text(client, "/apps/shop/")


def test_it_tells_restarts_limits_of_links_and_what_is_copied(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.OPERATOR)
    app = make_deployed_app()
    digest = "sha256:" + "d" * 64
    make_event(
        app,
        version=app.current_version,
        action="scale",
        expected=app.events.get().expected,
        images={"web": {"image": "nginx:alpine", "id": "sha256:1", "digest": f"nginx@{digest}"}},
    )
    ports = ("0.0.0.0:8080->80/tcp", ":::8080->80/tcp", "127.0.0.1:9090->90/tcp")
    web = container("web", image_id="sha256:1", ports=ports, restarts=3, started_at="2026-03-01T10:00:00Z")
    foreign = container("beside", image="alpine")
    fake_engine.states["shop"] = AppState("degraded", (web, foreign))

    page = text(client, "/apps/shop/")

    assert "restarted 3 times" in page
    assert 'datetime="2026-03-01T10:00:00+00:00"' in page
    assert f'data-copy="{digest}"' in page
    assert f"Digest {digest}" in page
    assert 'href="http://testserver:8080/"' in page
    assert page.count("8080-&gt;80/tcp") == 1
    assert ":9090/" not in page
    assert "not in the file" in page
    assert 'name="service" value="web"' in page
    assert 'name="service" value="beside"' not in page


@pytest.mark.parametrize("role", Role)
def test_a_service_leads_to_its_logs_and_its_console(
    client: Client, person: Person, fake_engine: FakeEngine, role: Role
) -> None:
    make_deployed_app()
    fake_engine.states["shop"] = AppState("up", (container("web"), container("job", state="exited")))
    person(role)
    page = text(client, "/apps/shop/")
    assert page.count("/apps/shop/logs/?service=") == 2
    # A console is for owners, in what runs.
    consoles = re.findall(r"/apps/shop/console/\?service=(\w+)", page)
    assert consoles == (["web"] if role in (Role.OWNER, Role.ADMINISTRATOR) else [])
