"""`manage.py engine`: what it shows, asks for and refuses, without an engine."""

from typing import Any

import pytest

from apps.accounts.actor import Actor
from apps.deployer.prune import requests
from apps.deployer.prune.selection import Item, KeptImage, Kind, Selection
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.command_line import Manage, StandInWorker, make_app, manage, stand_in

__all__ = ["manage", "stand_in"]

pytestmark = pytest.mark.django_db
BY = Actor("alice", "command line")

FOUND = Selection(
    (
        Item(Kind.NETWORKS, "n1", "simpledeploy-shop_old", "its app was removed", 0),
        Item(Kind.IMAGES, "sha256:1", "demo/web:1", "no app needs it any more", 2_000_000),
    ),
    0,
    (KeptImage("sha256:3", "demo/web@sha256:a", ("shop: version 3",)),),
)


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> list[Selection]:
    found = [FOUND]
    monkeypatch.setattr(requests, "preview", lambda: found[0])
    return found


def test_a_preview_changes_nothing(manage: Manage) -> None:
    done = manage("engine", "prune", "--preview")

    assert done.code == 0
    assert [line.split(maxsplit=2)[:2] for line in done.out.splitlines()] == [
        ["KIND", "NAME"],
        ["networks", "simpledeploy-shop_old"],
        ["images", "demo/web:1"],
    ]
    assert "Removing it frees about 2 MB: manage.py engine prune --yes" in done.err
    assert "1 images that no container uses are kept" in done.err
    assert not DeployEvent.objects.exists()


def test_a_preview_as_json(manage: Manage) -> None:
    told: Any = manage("engine", "prune", "--preview", "--json").json

    assert told["images"] == [
        {
            "kind": "images",
            "id": "sha256:1",
            "name": "demo/web:1",
            "why": "no app needs it any more",
            "size": 2_000_000,
        }
    ]
    assert told["containers"] == []
    assert told["build-cache"] == {"size": 0}
    assert told["size"] == 2_000_000
    assert told["kept"] == [{"id": "sha256:3", "name": "demo/web@sha256:a", "reasons": ["shop: version 3"]}]


def test_only_some_kinds(manage: Manage) -> None:
    done = manage("engine", "prune", "--preview", "--only", "networks,build-cache")
    assert "simpledeploy-shop_old" in done.out
    assert "demo/web:1" not in done.out
    told: Any = manage("engine", "prune", "--preview", "--only", "networks", "--json").json
    assert set(told) == {"networks", "size", "kept"}


@pytest.mark.django_db(transaction=True)
def test_it_removes_and_follows(manage: Manage, stand_in: StandInWorker) -> None:
    done = manage("engine", "prune", "--yes", "--only", "images")

    event = DeployEvent.objects.get()
    assert (done.code, event.status) == (0, Status.SUCCEEDED)
    assert event.arguments == {"images": ["sha256:1"]}
    assert f"Event {event.pk}: prune engine." in done.err
    assert stand_in.ran == [event.pk]


@pytest.mark.django_db(transaction=True)
def test_one_that_could_not_remove_all_ends_with_1(manage: Manage, stand_in: StandInWorker) -> None:
    stand_in.ends = Status.UNSTABLE
    done = manage("engine", "prune", "--yes", "--json")
    assert (done.code, done.json["app"], done.json["status"]) == (1, None, "unstable")


@pytest.mark.parametrize(
    "words",
    [
        ["prune"],
        ["prune", "--preview", "--yes"],
        ["prune", "--preview", "--only", "volumes"],
        ["prune", "--yes", "--only", "containers"],
        ["cancel"],
        ["cancel", "--event", "99"],
    ],
)
def test_what_is_refused_is_a_sentence_and_2(manage: Manage, words: list[str]) -> None:
    done = manage("engine", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err
    assert "Traceback" not in done.err
    assert not DeployEvent.objects.exists()


def test_an_empty_preview_says_so(manage: Manage, found: list[Selection]) -> None:
    found[0] = Selection()
    assert "There is nothing to remove." in manage("engine", "prune", "--preview").err


def test_a_prune_is_cancelled_and_no_other_event_by_its_number(manage: Manage) -> None:
    app, _version = make_app()
    other = queue.enqueue(app, Action.STOP, BY)
    event = queue.enqueue(None, Action.PRUNE, BY)

    assert manage("engine", "cancel", "--event", str(other.pk)).code == 2
    done = manage("engine", "cancel")

    assert (done.code, done.out) == (0, f"Event {event.pk}: prune engine: cancelled.\n")
    event.refresh_from_db()
    other.refresh_from_db()
    assert (event.status, other.status) == (Status.CANCELLED, Status.QUEUED)
