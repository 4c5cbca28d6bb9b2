"""The page of one event, its output, and its cancel."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status
from tests.accounts.people import ROLES
from tests.panel.admin_records import NOON, make_chunk, make_event
from tests.panel.pages import HTMX, make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
UNENDED: dict[str, Any] = {"started_at": None, "finished_at": None}


def queued(app: App, **columns: Any) -> DeployEvent:
    return make_event(app, status=Status.QUEUED, **UNENDED | columns)


def running(app: App, **columns: Any) -> DeployEvent:
    begun: dict[str, Any] = {"status": Status.RUNNING, "finished_at": None, "slot": 0}
    begun["started_at"] = timezone.now()
    return make_event(app, **begun | columns)


def step(name: str, seconds: float | None = 1, exit_code: int | None = 0) -> dict[str, Any]:
    end = None if seconds is None else (NOON + timedelta(seconds=seconds)).isoformat()
    return {"name": name, "started_at": NOON.isoformat(), "finished_at": end, "exit_code": exit_code}


def test_a_failed_event_says_why_and_shows_the_step(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    app = make_app()
    event = make_event(
        app,
        version=app.current_version,
        status=Status.FAILED,
        step="pull",
        steps=[step("version"), step("pull", 4, 1)],
        error="The registry ghcr.io refused. Nothing was started.",
        services=[
            {"service": "web", "state": "exited", "health": "", "exit_code": 3, "reason": "exited with 3"}
        ],
        images={"web": {"image": "nginx:alpine", "digest": "nginx@sha256:0123"}},
        plan={
            "summary": "recreate web (image)",
            "services": [
                {
                    "service": "web",
                    "action": "recreate",
                    "reasons": [{"key": "image", "text": "image: nginx:1 → <b>nginx:2</b>"}],
                    "containers": [],
                    "now": 1,
                    "wanted": 1,
                    "image": "nginx:2",
                }
            ],
        },
    )

    page = text(client, f"/events/{event.pk}/")

    assert "The registry ghcr.io refused. Nothing was started." in page
    assert page.count("timeline-failed") == 1
    assert "exit code 1" in page
    assert "4.0 s" in page
    assert "Not reached:" in page
    assert "Ended, exit code 3" in page
    assert "nginx@sha256:0123" in page
    assert "What was planned" in page
    assert "image: nginx:1 → &lt;b&gt;nginx:2&lt;/b&gt;" in page
    assert "/apps/shop/edit/?version=1" in page


def test_a_running_event_shows_its_step_and_last_times(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    app = make_app()
    make_event(app, steps=[step("pull", 7)])
    event = running(app, step="pull", steps=[step("version"), step("pull", None, None)])

    page = text(client, f"/events/{event.pk}/")

    assert page.count("timeline-running") == 1
    assert "usually 7.0 s" in page
    assert f'action="/events/{event.pk}/cancel/"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_usual_is_the_median_of_the_last_successes(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    app = make_app()
    for seconds in (3, 60, 4):
        make_event(app, steps=[step("pull", seconds)])
    make_event(app, status=Status.FAILED, steps=[step("pull", 900)])
    make_event(app, action="restart", steps=[step("pull", 900)])

    assert "usually 4.0 s" in text(client, f"/events/{running(app).pk}/")


def test_a_pull_shows_how_far_each_image_has_come(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = running(make_app(), step="pull", images={"web": {"image": "nginx:alpine"}})
    loading = " 0f917812651c Downloading [=>      ]  36.45kB/1.069MB"
    make_chunk(event, 1, " web Pulling ", " 0f917812651c Pulling fs layer ", loading)

    page = text(client, f"/events/{event.pk}/")
    assert '<code class="quiet">nginx:alpine</code>' in page
    assert "0 of 1 layer, 36.45 kB of 1.069 MB" in page

    make_chunk(event, 4, " 0f917812651c Pull complete ", " web Pulled ")
    fragment = text(client, f"/events/{event.pk}/pull/", **HTMX)
    assert "<span>Pulled</span>" in fragment
    assert 'max="1" value="1.000"' in fragment
    # The step has ended meanwhile.
    DeployEvent.objects.filter(pk=event.pk).update(step="up")
    assert "progress" not in text(client, f"/events/{event.pk}/pull/", **HTMX).replace("pull-progress", "")


def test_its_queries_do_not_grow_with_the_history(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    app = make_app()

    def queries(event: DeployEvent) -> int:
        with CaptureQueriesContext(connection) as captured:
            text(client, f"/events/{event.pk}/")
        return len(captured)

    make_event(app, status=Status.FAILED, version=app.current_version)
    few = queries(make_event(app, status=Status.FAILED, version=app.current_version))
    for _ in range(30):
        make_event(app, version=app.current_version, steps=[step("pull", 7)])
    many = make_event(app, status=Status.FAILED, version=app.current_version)
    make_chunk(many, 1, *[f"line {n}" for n in range(1, 701)])
    assert queries(many) <= few
    assert few < 25


def test_an_ended_event_is_not_loaded_again_and_not_cancelled(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    page = text(client, f"/events/{make_event(make_app()).pk}/")
    assert "http-equiv" not in page
    assert "/cancel/" not in page
    assert 'data-active="no"' in page


def test_its_output_stands_in_the_page(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app())
    make_chunk(event, 1, "Pulling <web>", "Pulled")

    page = text(client, f"/events/{event.pk}/")

    assert ">Pulling &lt;web&gt;</span></div>" in page
    assert 'data-whole="yes" data-before="0" data-last="2"' in page


def test_of_a_long_output_the_last_lines_stand_in_the_page(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app())
    make_chunk(event, 1, *[f"line {n}" for n in range(1, 701)])

    page = text(client, f"/events/{event.pk}/")

    assert ">line 700</span></div>" in page
    assert ">line 201</span></div>" in page
    assert ">line 200</span></div>" not in page
    assert 'data-whole="no" data-before="200" data-last="700"' in page
    assert "200 earlier lines are not shown here" in page


def test_of_very_long_lines_the_last_ones_stand_in_the_page(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app())
    for first in range(1, 31, 3):
        make_chunk(event, first, *(f"line {n} {'x' * 50_000}" for n in range(first, first + 3)))

    page = text(client, f"/events/{event.pk}/")

    assert ">line 30 x" in page
    assert page.count(" xxx") == 6
    assert 'data-whole="no" data-before="24" data-last="30"' in page


def test_the_live_part_is_what_the_page_includes(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = running(make_app(), step="pull")

    fragment = text(client, f"/events/{event.pk}/status/", **HTMX)

    assert 'id="event-status"' in fragment
    assert 'id="event-facts" hx-swap-oob="true"' in fragment
    assert 'data-state="running|pull|0"' in fragment
    assert "<html" not in fragment


def test_a_queued_event_shows_its_place(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    queued(make_app("blog"))
    event = queued(make_app())
    page = text(client, f"/events/{event.pk}/")
    assert "place 2 in the queue" in page
    assert 'data-state="queued||2"' in page


def test_the_output_is_downloaded_whole(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    event = make_event(make_app())
    make_chunk(event, 1, *[f"line {n}" for n in range(1, 701)])

    response: Any = client.get(f"/events/{event.pk}/log.txt")
    lines = b"".join(response.streaming_content).decode().splitlines()

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="shop-event-{event.pk}.txt"'
    assert [line.partition(" ")[2] for line in lines] == [f"line {n}" for n in range(1, 701)]


@pytest.mark.parametrize("end", ["", "status/", "log.txt"])
def test_only_who_may_see_the_app_sees_its_events(client: Client, person: Person, end: str) -> None:
    event = make_event(make_app())
    address = f"/events/{event.pk}/{end}"
    assert client.get(address)["Location"].startswith("/login/")
    person("")
    assert client.get(address).status_code == 404
    person(Role.VIEWER)
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405
    assert client.get(f"/events/{event.pk + 1}/{end}").status_code == 404
    assert client.get(f"/events/99999999999999999999/{end}").status_code == 404


# --- cancel ---


def test_a_queued_event_is_cancelled_at_once(client: Client, person: Person) -> None:
    user = person(Role.OPERATOR)
    event = queued(make_app())

    response = client.post(f"/events/{event.pk}/cancel/")

    event.refresh_from_db()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.status, event.cancel_requested_by) == (Status.CANCELLED, user.username)


def test_a_running_event_is_asked_to_end(client: Client, person: Person) -> None:
    user = person(Role.OPERATOR)
    event = running(make_app())

    client.post(f"/events/{event.pk}/cancel/")

    event.refresh_from_db()
    assert (event.status, event.cancel_requested_by) == (Status.RUNNING, user.username)
    page = text(client, f"/events/{event.pk}/")
    assert "asked to cancel" in page
    assert "/cancel/" not in page
    assert 'data-state="running||0|cancelling"' in page


def test_an_ended_event_cannot_be_cancelled(client: Client, person: Person) -> None:
    person(Role.OPERATOR)
    event = make_event(make_app())
    response = client.post(f"/events/{event.pk}/cancel/")
    assert response.status_code == 409
    assert "has already ended" in response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_cancelling_is_for_operators(client: Client, person: Person, role: str) -> None:
    person(role)
    event = queued(make_app())
    may = role not in ("", Role.VIEWER)

    page = client.get(f"/events/{event.pk}/")
    response = client.post(f"/events/{event.pk}/cancel/")

    event.refresh_from_db()
    assert ("/cancel/" in page.content.decode()) is may
    assert response.status_code == (302 if may else 403 if role else 404)
    assert (event.status == Status.CANCELLED) is may


def test_cancelling_is_no_get_and_needs_a_sign_in(client: Client, person: Person) -> None:
    event = queued(make_app())
    assert client.post(f"/events/{event.pk}/cancel/")["Location"].startswith("/login/")
    person(Role.ADMINISTRATOR)
    assert client.get(f"/events/{event.pk}/cancel/").status_code == 405
    event.refresh_from_db()
    assert event.status == Status.QUEUED


def test_a_service_that_failed_shows_its_verdict_and_its_last_lines(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    fine = {"service": "db", "container": "shop-db-1", "state": "exited", "health": "", "exit_code": 0}
    loop = {"service": "web", "container": "shop-web-1", "state": "running", "health": "", "exit_code": None}
    judged = [
        fine | {"verdict": "completed", "reason": "", "log": []},
        loop | {"verdict": "unstable", "reason": "restarted once", "log": ["<b>no table</b>", "", "bye"]},
    ]
    event = make_event(make_app(), status=Status.UNSTABLE, services=judged)

    page = text(client, f"/events/{event.pk}/")

    assert "Completed" in page
    assert "Running, not stable" in page
    assert "restarted once" in page
    assert page.count('class="last-lines"') == 1
    assert 'aria-label="Last lines of shop-web-1">&lt;b&gt;no table&lt;/b&gt;\n\nbye\n</pre>' in page
    # It was read before the services had these.
    assert 'class="last-lines"' in text(client, f"/events/{event.pk}/status/")


def test_an_automatic_rollback_and_its_cause_lead_to_each_other(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    app = make_app()
    failed = make_event(app, status=Status.UNSTABLE)
    rollback = make_event(app, action="rollback", version=app.current_version, cause=failed)

    assert f'<a href="/events/{rollback.pk}/">event {rollback.pk}</a>' in text(
        client, f"/events/{failed.pk}/"
    )
    assert "Roll back to version 1</span>" in text(client, f"/events/{failed.pk}/")
    assert f'<a href="/events/{failed.pk}/">event {failed.pk}</a>' in text(client, f"/events/{rollback.pk}/")
    assert f"because of event {failed.pk}</a>" in text(client, "/events/")
    assert f"because of event {failed.pk}</a>" in text(client, "/apps/shop/")
