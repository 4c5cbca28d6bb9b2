"""The page of a prune: what would go and what stays, the choice, and who may."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from apps.accounts.models import Role, User
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.prune import requests
from apps.deployer.prune.selection import Item, KeptImage, Kind, Selection
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.accounts.people import ROLES
from tests.panel.pages import BY, make_app, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
PAGE = "/engine/prune/"

FOUND = Selection(
    (
        Item(Kind.CONTAINERS, "c1", "<old>", "it is stopped and of no project", 1500),
        Item(Kind.NETWORKS, "n1", "simpledeploy-shop_old", "no container of its app uses it", 0),
        Item(Kind.IMAGES, "sha256:1", "demo/web:1", "no app needs it any more", 2_000_000),
        Item(Kind.IMAGES, "sha256:2", "0123456789ab", "it has no name any more", 1_000_000),
    ),
    5_000_000,
    (KeptImage("sha256:3", "demo/web@sha256:a", ("shop: version 3",)),),
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Selection]:
    """What the engine has, as the only member of a list."""
    found = [FOUND]
    monkeypatch.setattr(requests, "preview", lambda: found[0])
    return found


def asked() -> dict[str, Any]:
    event = DeployEvent.objects.get()
    assert (event.action, event.app, event.requested_by) == (Action.PRUNE, None, "a-administrator")
    return dict(event.arguments)


def test_it_shows_what_would_go_and_what_is_kept(
    client: Client, person: Person, found: list[Selection]
) -> None:
    person(Role.ADMINISTRATOR)

    page = text(client, PAGE)

    assert "<code>&lt;old&gt;</code>" in page
    assert "it is stopped and of no project" in page
    assert "1.5 kB" in page
    assert '<input type="hidden" name="images" value="sha256:1 sha256:2">' in page
    assert page.count('name="kinds"') == 4
    assert "About 8.002 MB in all" in page
    assert "Volumes are never touched" in page
    assert "demo/web@sha256:a" in page
    assert "shop: version 3" in page


def test_what_was_shown_and_chosen_is_queued(client: Client, person: Person, found: list[Selection]) -> None:
    person(Role.ADMINISTRATOR)

    response = client.post(
        PAGE,
        {
            "kinds": ["images", "networks"],
            "images": "sha256:1 sha256:9",
            "networks": "n1",
            "containers": "c1",
        },
    )

    assert response["Location"] == f"/events/{DeployEvent.objects.get().pk}/"
    assert asked() == {"images": ["sha256:1"], "networks": ["n1"]}


def test_the_build_cache_can_be_chosen_alone(client: Client, person: Person, found: list[Selection]) -> None:
    person(Role.ADMINISTRATOR)
    client.post(PAGE, {"kinds": ["build-cache"], "images": "sha256:1"})
    assert set(asked()) == {"build-cache"}


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"images": "sha256:1"}, 400, "Choose at least one kind"),
        ({"kinds": ["volumes"]}, 400, "is no kind of things"),
        ({"kinds": ["images"], "images": "sha256:9"}, 409, "There is nothing to remove"),
        ({"kinds": ["images"]}, 409, "There is nothing to remove"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    client: Client,
    person: Person,
    found: list[Selection],
    fields: dict[str, Any],
    status: int,
    words: str,
) -> None:
    person(Role.ADMINISTRATOR)
    response = client.post(PAGE, fields, headers={"referer": f"http://testserver{PAGE}"})
    assert response.status_code == status
    page = response.content.decode()
    assert words in page
    assert f'href="{PAGE}">' in page.partition("<main")[2]
    assert not DeployEvent.objects.exists()


def test_a_clean_engine_says_so(client: Client, person: Person, found: list[Selection]) -> None:
    person(Role.ADMINISTRATOR)
    found[0] = Selection()
    page = text(client, PAGE)
    assert "Nothing to prune" in page
    assert "<button" not in page.partition("<main")[2].partition("</main>")[0]


def test_sizes_that_are_not_known_are_called_so(
    client: Client, person: Person, found: list[Selection]
) -> None:
    person(Role.ADMINISTRATOR)
    found[0] = Selection((Item(Kind.IMAGES, "sha256:1", "demo/web:1", "why", None),), None)
    page = text(client, PAGE)
    assert page.count("not known") == 3
    assert "About" not in page


def test_an_engine_that_does_not_answer_is_told(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)

    def away() -> Selection:
        raise EngineUnreachable

    monkeypatch.setattr(requests, "preview", away)
    response = client.get(PAGE)
    assert response.status_code == 503
    page = response.content.decode()
    assert "The Docker engine does not answer" in page
    assert 'href="/settings/check/"' in page


@pytest.mark.parametrize("role", ROLES)
def test_it_is_for_administrators(client: Client, person: Person, found: list[Selection], role: str) -> None:
    assert client.get(PAGE)["Location"].startswith("/login/")
    assert client.post(PAGE, {"kinds": ["images"]})["Location"].startswith("/login/")
    person(role)
    may = role == Role.ADMINISTRATOR

    assert client.get(PAGE).status_code == (200 if may else 403)
    posted = client.post(PAGE, {"kinds": ["images"], "images": "sha256:1"})
    assert posted.status_code == (302 if may else 403)
    assert DeployEvent.objects.exists() is may
    assert ("/settings/" in client.get("/").content.decode()) is may


def test_an_event_on_the_engine_has_its_page_and_its_row(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    event = queue.enqueue(None, Action.PRUNE, BY, arguments={"images": ["sha256:1"]})
    outcomes = {"sha256:1": (True, ""), "sha256:2": (False, "in use"), "sha256:3": (False, "")}
    things = [
        {"kind": "images", "id": pk, "name": f"demo/{pk}", "size": 1, "removed": removed, "error": error}
        for pk, (removed, error) in outcomes.items()
    ]
    DeployEvent.objects.update(plan={"things": things, "before": 5, "freed": 2_000_000})

    page = text(client, f"/events/{event.pk}/")

    assert "Prune engine" in page
    assert "Remove it" in page
    assert "freed 2 MB" in page
    for word in ("Removed", "Still there", "Not reached"):
        assert page.count(f"<span>{word}</span>") == 1
    assert f"/events/{event.pk}/cancel/" in page
    assert "Prune engine" in text(client, "/events/")
    assert "Prune engine" in text(client, "/events/?action=prune")
    assert text(client, f"/events/{event.pk}/status/")
    download = client.get(f"/events/{event.pk}/log.txt")
    assert download["Content-Disposition"] == f'attachment; filename="engine-event-{event.pk}.txt"'
    assert client.get("/admin/deployments/deployevent/").status_code == 200
    assert client.get(f"/admin/deployments/deployevent/{event.pk}/change/").status_code == 200
    rows = list(csv.DictReader(io.StringIO(export(client))))
    assert [(row["app"], row["action"]) for row in rows] == [("", "prune")]


def export(client: Client) -> str:
    response = client.get("/admin/deployments/deployevent/export/")

    async def read() -> str:
        return "".join([part.decode() async for part in response])  # type: ignore[attr-defined]

    return async_to_sync(read)()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DEPLOYER, Role.ADMINISTRATOR])
def test_only_administrators_cancel_it(client: Client, person: Person, role: str) -> None:
    person(role)
    make_app()
    event = queue.enqueue(None, Action.PRUNE, BY)
    may = role == Role.ADMINISTRATOR

    assert (f"/events/{event.pk}/cancel/" in text(client, f"/events/{event.pk}/")) is may
    assert client.post(f"/events/{event.pk}/cancel/").status_code == (302 if may else 403)
    event.refresh_from_db()
    assert (event.status == Status.CANCELLED) is may
