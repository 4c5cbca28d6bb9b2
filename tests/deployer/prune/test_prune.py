"""A prune from the request to its end, over a scripted engine."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from apps.deployer.deployer import Deployer
from apps.deployer.prune import requests
from apps.deployer.prune.requests import NothingToPrune, kinds_of, submit_prune
from apps.deployer.prune.selection import Kind
from apps.deployer.recovery import recover
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner
from apps.deployments import claims, queue
from apps.deployments.logs import as_text
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, WORKER, Lab

IMAGES = {"sha256:1": ["demo/web:1"], "sha256:2": [], "sha256:3": ["busybox:latest"]}
KINDS = ("container", "network", "image")


class Engine:
    """What a scripted engine has: images by id with their names, stopped containers, networks."""

    def __init__(self) -> None:
        self.images = {pk: list(names) for pk, names in IMAGES.items()}
        self.containers = ["c1"]
        self.removed: list[list[str]] = []
        self.stuck: dict[str, str] = {}  # id: what the engine says to its removal
        self.runner = MockRunner()
        self.runner.on("image", "ls", answer=lambda _call: Answer(list(self.images)))
        self.runner.on("image", "inspect", answer=lambda _call: Answer([self._image(i) for i in self.images]))
        self.runner.on("ps", answer=lambda _call: Answer(self.containers))
        self.runner.on("container", "inspect", answer=lambda _call: Answer(self._told()))
        self.runner.on("df", answer=self._usage)
        self.runner.on("image", "rm", answer=self._remove)
        self.runner.on("container", "rm", answer=self._remove)

    def _told(self) -> list[str]:
        return [self.container(pk) for pk in self.containers]

    @staticmethod
    def _image(pk: str) -> str:
        told = {"id": pk, "names": IMAGES[pk], "digests": [], "parent": "", "size": 1000}
        return json.dumps(told)

    @staticmethod
    def container(pk: str) -> str:
        told = {"id": pk, "name": f"/{pk}", "image": "sha256:9", "state": "exited", "labels": {}}
        return json.dumps({**told, "networks": {}})

    def _usage(self, call: Call) -> Answer:
        if "--verbose" in call.argv:
            images = [{"ID": pk, "UniqueSize": "1kB"} for pk in self.images]
            return Answer([json.dumps({"Images": images, "Containers": [], "BuildCache": []})])
        return Answer([json.dumps({"Type": "Images", "Size": f"{len(self.images)}kB"})])

    def _remove(self, call: Call) -> Answer:
        pk = call.argv[-1]
        self.removed.append(call.argv[1:])
        if pk in self.stuck:
            return Answer([("stderr", self.stuck[pk])], exit_code=1)
        self.images.pop(pk, None)
        self.containers = [one for one in self.containers if one != pk]
        return Answer()


@pytest.fixture
def engine(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with an old image of app demo, one without a name, somebody else's, and a container."""
    engine = Engine()
    monkeypatch.setattr(requests, "default_runner", lambda: engine.runner)
    images = {"web": {"image": "demo/web:1", "id": "sha256:1", "digest": ""}}
    event = lab.queue(Action.DEPLOY, images=images)
    claims.finish(lab.claim(), Status.FAILED)
    assert event.pk
    return engine


ALL = {Kind.IMAGES: ["sha256:1", "sha256:2", "sha256:3"], Kind.CONTAINERS: ["c1"]}


def run(engine: Engine, cancel: CancelToken | None = None) -> DeployEvent:
    event = claims.claim_next(WORKER)
    assert event is not None
    Deployer(engine.runner).run(event, cancel or CancelToken())
    event.refresh_from_db()
    return event


def things(event: DeployEvent) -> dict[str, tuple[bool, str]]:
    return {one["id"]: (one["removed"], one["error"]) for one in event.plan["things"]}


def test_it_removes_what_was_chosen_and_says_what_it_freed(engine: Engine) -> None:
    asked = submit_prune(ALL, ANN)
    assert (asked.app, asked.slug, asked.subject) == (None, "", "engine")
    assert asked.arguments == {"images": ["sha256:1", "sha256:2"], "containers": ["c1"]}

    event = run(engine)

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert [step["name"] for step in event.steps] == ["wait", "look", "prune", "measure"]
    assert engine.removed == [
        ["container", "rm", "c1"],
        ["image", "rm", "sha256:1"],
        ["image", "rm", "sha256:2"],
    ]
    assert things(event) == {"c1": (True, ""), "sha256:1": (True, ""), "sha256:2": (True, "")}
    assert event.plan["freed"] == 2000
    text = "\n".join(as_text(event.pk))
    assert "Image demo/web:1: removed, as no app needs it any more" in text
    assert "Freed: 2 kB" in text


def test_only_what_was_seen_goes(engine: Engine) -> None:
    submit_prune({Kind.IMAGES: ["sha256:2"]}, ANN)
    run(engine)
    assert engine.removed == [["image", "rm", "sha256:2"]]


def test_what_somebody_needs_by_then_stays(engine: Engine) -> None:
    submit_prune(ALL, ANN)
    uses = engine.container("c1").replace("sha256:9", "sha256:1")
    engine.runner.on("container", "inspect", "--format", lines=[uses])

    event = run(engine)

    assert event.status == Status.SUCCEEDED
    assert set(things(event)) == {"c1", "sha256:2"}
    assert "1 of what was chosen stays" in event.output_tail


def test_one_that_cannot_be_removed_is_told_and_the_others_go(engine: Engine) -> None:
    engine.stuck = {"sha256:1": "Error: conflict: unable to delete: image is being used"}
    submit_prune(ALL, ANN)

    event = run(engine)

    assert event.status == Status.UNSTABLE
    assert things(event)["sha256:1"] == (False, "Error: conflict: unable to delete: image is being used")
    assert things(event)["sha256:2"] == (True, "")
    assert event.error.startswith("Measure: Not removed: image demo/web:1 (Error: conflict")
    assert event.error.endswith("2 things were removed.")
    assert event.plan["freed"] == 1000


def test_one_that_somebody_else_removed_is_no_trouble(engine: Engine) -> None:
    def gone(_call: Call) -> Answer:
        engine.images.pop("sha256:1", None)
        return Answer([("stderr", "No such image")], exit_code=1)

    engine.runner.on("image", "rm", "sha256:1", answer=gone)
    submit_prune(ALL, ANN)

    event = run(engine)

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert things(event)["sha256:1"] == (True, "")


def test_the_build_cache_that_is_used_from_now_on_stays(engine: Engine) -> None:
    event = submit_prune({}, ANN, build_cache=True)
    assert set(event.arguments) == {"build-cache"}

    event = run(engine)

    assert event.status == Status.SUCCEEDED
    (command,) = [argv[1:] for argv in engine.runner.commands() if "builder" in argv]
    assert command[:4] == ["builder", "prune", "--force", "--filter"]
    assert command[4] in ("until=1s", "until=2s")
    assert "The build cache: removed, as it is not in use" in event.output_tail


def test_nothing_left_of_what_was_chosen_is_refused(engine: Engine) -> None:
    for wanted in ({}, {Kind.IMAGES: ["sha256:3", "sha256:nope"]}, {Kind.NETWORKS: ["sha256:1"]}):
        with pytest.raises(NothingToPrune, match="There is nothing to remove"):
            submit_prune(wanted, ANN)
    assert not DeployEvent.objects.filter(action=Action.PRUNE).exists()


def test_a_size_that_cannot_be_told_is_no_failure(engine: Engine) -> None:
    engine.runner.on("df", exit_code=1)
    submit_prune(ALL, ANN)
    engine.runner.on("system", "df", exit_code=1)

    event = run(engine)

    assert event.status == Status.SUCCEEDED
    assert event.plan["freed"] is None
    assert "Freed: not known" in event.output_tail


def test_an_engine_that_goes_away_fails_it(engine: Engine) -> None:
    submit_prune(ALL, ANN)
    engine.runner.on("image", "ls", "--all", exit_code=1)

    event = run(engine)

    assert (event.status, event.step) == (Status.FAILED, "look")
    assert event.error.endswith("Nothing was removed.")


def test_it_waits_for_the_others_and_can_be_cancelled_meanwhile(engine: Engine, lab: Lab) -> None:
    lab.queue(Action.STOP)
    busy = lab.claim()
    asked = submit_prune(ALL, ANN)
    token = CancelToken()

    def prune() -> None:
        run(engine, token)
        connection.close()

    thread = threading.Thread(target=prune)
    thread.start()
    try:
        while "Waiting until nothing else runs" not in "\n".join(as_text(asked.pk)):
            assert thread.is_alive()
        queue.cancel(asked, ANN)
        token.cancel()
    finally:
        thread.join(10)

    asked.refresh_from_db()
    assert (asked.status, asked.step) == (Status.CANCELLED, "wait")
    assert "Nothing was removed." in asked.error
    assert engine.removed == []
    claims.finish(busy, Status.SUCCEEDED)


def test_a_cancel_between_two_things_leaves_the_rest(engine: Engine) -> None:
    token = CancelToken()
    asked = submit_prune(ALL, ANN)

    def cancel(_call: Call) -> None:
        queue.cancel(asked, ANN)
        token.cancel()

    engine.runner.on("image", "rm", "sha256:1", before=cancel)

    event = run(engine, token)

    assert (event.status, event.step) == (Status.CANCELLED, "prune")
    assert things(event)["c1"] == (True, "")
    assert things(event)["sha256:2"] == (False, "")
    assert "1 thing was removed." in event.error


def test_after_a_crash_the_next_one_goes_on(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    submit_prune(ALL, ANN)
    crashed = claims.claim_next("nowhere:999999:1")
    assert crashed is not None
    assert claims.begin_alone(crashed, "prune")
    DeployEvent.objects.running().update(heartbeat_at=None)
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"

    recover(WORKER)

    crashed.refresh_from_db()
    assert crashed.status == Status.INTERRUPTED
    assert "another prune finds the rest" in crashed.error
    assert not (tmp_path / "apps").exists()
    submit_prune(ALL, ANN)
    assert run(engine).status == Status.SUCCEEDED


def test_kinds_are_all_where_none_is_named() -> None:
    assert kinds_of([]) == list(Kind)
    assert kinds_of(["images", "containers"]) == [Kind.CONTAINERS, Kind.IMAGES]
    with pytest.raises(requests.UnknownKind, match="'volumes' is no kind"):
        kinds_of(["volumes"])


def test_no_command_of_a_prune_forces_or_touches_volumes(engine: Engine) -> None:
    submit_prune(ALL, ANN, build_cache=True)
    run(engine)
    words: list[Any] = [word for argv in engine.runner.commands() for word in argv]
    assert "volume" not in words
    assert "--volumes" not in words
    assert "-v" not in words
    assert not [argv for argv in engine.runner.commands() if "--force" in argv and "builder" not in argv]
