"""Rollbacks to the same images over a scripted engine: what is pinned, recorded, and put back."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from apps.deployer.app_folder import AppFolder
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from apps.registries.services import save_credential
from tests.accounts.people import BY
from tests.deployer.conftest import Lab, told

NAME = "127.0.0.1:5999/demo/web:1"
DIGEST = "127.0.0.1:5999/demo/web@sha256:a"
WANTED = {"web": {"image": NAME, "id": "sha256:web", "digest": DIGEST}}
PINS = {"images": "same", "pins": WANTED}


def has_images(lab: Lab, *images: tuple[str, str]) -> None:
    """Let the engine have these (id, digest reference)."""
    lines = []
    for pk, reference in images:
        repository, _, digest = reference.partition("@")
        lines.append(json.dumps([pk, repository, "<none>", digest or "<none>"]))
    lab.runner.on("image", "ls", lines=lines)


def pinned(reference: str) -> str:
    """Return a container that runs the image `reference`, as Compose names it then."""
    container: dict[str, Any] = json.loads(told())
    container["Config"]["Image"] = reference
    return json.dumps(container)


def image_is(lab: Lab, *digests: str) -> None:
    told_image = json.dumps({"Id": "sha256:web", "RepoDigests": list(digests)})
    lab.runner.on("image", "inspect", lines=[told_image])


def folder() -> Path:
    return AppFolder("demo").path


def compose_files(lab: Lab, verb: str) -> list[list[str]]:
    """Return the files of each Compose command `verb`."""
    calls = [argv for argv in lab.runner.commands() if "compose" in argv and verb in argv]
    return [[Path(argv[n + 1]).name for n, word in enumerate(argv) if word == "-f"] for argv in calls]


BOTH = ["docker-compose.yml", "docker-compose.images.yml"]


def test_every_command_uses_the_pins_until_the_next_deploy(lab: Lab) -> None:
    lab.deployed()
    has_images(lab, ("sha256:web", DIGEST))
    image_is(lab, DIGEST)
    lab.engine_has([pinned(DIGEST)])
    lab.runner.calls.clear()

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert event.images == {"web": {**WANTED["web"], "pinned": DIGEST}}
    assert compose_files(lab, "pull") == compose_files(lab, "up") == [BOTH]
    assert "pull_policy: never" in (folder() / "docker-compose.images.yml").read_text()

    restarted = lab.run(lab.queue(Action.RESTART))
    scaled = lab.run(lab.queue(Action.SCALE, arguments={"scale": {"web": 1}}))
    assert restarted.images == scaled.images == event.images
    assert compose_files(lab, "restart") == compose_files(lab, "--scale=web=1") == [BOTH]

    lab.engine_has([told()])
    again = lab.run(lab.queue(Action.ROLLBACK, arguments={"images": "file"}))
    assert again.status == Status.SUCCEEDED
    assert compose_files(lab, "up")[-1] == ["docker-compose.yml"]
    assert [path.name for path in folder().iterdir()] == ["docker-compose.yml"]
    assert "pinned" not in again.images["web"]


def test_an_image_that_lost_its_name_is_pinned_by_its_id_and_keeps_its_digest(lab: Lab) -> None:
    has_images(lab, ("sha256:web", "<none>"))
    image_is(lab)
    lab.engine_has([pinned("sha256:web")])

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))

    assert event.images == {"web": {**WANTED["web"], "pinned": "sha256:web"}}


def test_an_image_that_is_elsewhere_only_is_pulled_by_its_digest_and_signed_in_for(lab: Lab) -> None:
    save_credential("127.0.0.1:5999", "alice", "very-secret", BY)
    has_images(lab)
    image_is(lab, DIGEST)
    lab.engine_has([pinned(DIGEST)])

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))

    assert event.status == Status.SUCCEEDED
    assert "Signing in to 127.0.0.1:5999" in event.output_tail
    assert "which has to be pulled" in event.output_tail
    assert "pull_policy" not in (folder() / "docker-compose.images.yml").read_text()


def test_an_image_that_is_here_needs_no_credential(lab: Lab, settings: Settings) -> None:
    save_credential("127.0.0.1:5999", "alice", "very-secret", BY)
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    has_images(lab, ("sha256:web", DIGEST))
    lab.engine_has([pinned(DIGEST)])

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))

    assert (event.status, event.error) == (Status.SUCCEEDED, "")


def test_an_image_that_is_nowhere_is_told_by_its_service_and_changes_nothing(lab: Lab) -> None:
    lab.deployed()
    before = {path.name: path.read_text() for path in folder().iterdir()}
    has_images(lab)
    lab.runner.on("compose", "pull", lines=[("stderr", "manifest unknown: manifest unknown")], exit_code=18)

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))

    assert (event.status, event.step) == (Status.FAILED, "pull")
    assert "no longer has the image that ran for web, and the pull failed" in event.error
    assert "Registry 127.0.0.1:5999 does not have the image" in event.error
    assert "Roll back with the same file instead. Nothing was changed" in event.error
    assert {path.name: path.read_text() for path in folder().iterdir()} == before


def test_a_built_image_that_is_gone_fails_before_anything_is_written(lab: Lab) -> None:
    has_images(lab)
    arguments = {"images": "same", "pins": {"web": {"image": "built", "id": "sha256:1", "digest": ""}}}

    event = lab.run(lab.queue(Action.ROLLBACK, arguments=arguments))

    assert (event.status, event.step) == (Status.FAILED, "write")
    assert "the image that ran for web, and it came from no registry" in event.error
    assert not folder().exists()


@pytest.mark.parametrize("failing", ["pull", "up"])
def test_pins_come_and_go_with_the_files(lab: Lab, failing: str) -> None:
    """A failure before `up` puts them back too, a later one leaves what was asked for."""
    has_images(lab, ("sha256:web", DIGEST))
    lab.engine_has([pinned(DIGEST)])
    lab.run(lab.queue(Action.ROLLBACK, arguments=PINS))
    before = (folder() / "docker-compose.images.yml").read_text()
    lab.runner.on("compose", failing, exit_code=1)

    assert lab.deployed().status == Status.FAILED

    left = folder() / "docker-compose.images.yml"
    assert left.exists() is (failing == "pull")
    if failing == "pull":
        assert left.read_text() == before


def test_a_service_without_containers_keeps_what_its_name_means_now(lab: Lab) -> None:
    image_is(lab, DIGEST)
    lab.engine_has([told("db")])

    event = lab.run(lab.queue(expected=[asdict(Expectation("db", 1, False, False, False))]))

    assert event.status == Status.SUCCEEDED
    images = DeployEvent.objects.get(pk=event.pk).images
    assert images["web"] == {"image": NAME, "id": "sha256:web", "digest": DIGEST}
