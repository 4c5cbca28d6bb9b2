"""What an event records of the configurations and images of the containers that it leaves."""

import json
from typing import Any

from apps.deployer.steps import STEPS
from apps.deployments.models import DeployEvent
from apps.deployments.states import BEFORE_UP, Action, Status
from tests.deployer.conftest import Lab, told


def hashed(hash: str, service: str = "web", number: int = 1, image: str = "sha256:web") -> str:
    container: dict[str, Any] = json.loads(told(service, number))
    container["Config"]["Labels"]["com.docker.compose.config-hash"] = hash
    return json.dumps(container | {"Image": image})


def test_a_deploy_records_the_configuration_of_each_service(lab: Lab) -> None:
    lab.engine_has([hashed("1a"), hashed("2b", "idle")])

    assert lab.deployed().config_hashes == {"web": "1a", "idle": "2b"}


def test_a_deploy_whose_up_failed_records_none(lab: Lab) -> None:
    lab.engine_has([hashed("1a")])
    lab.runner.on("up", exit_code=1, lines=["no"])

    event = lab.deployed()

    assert (event.status, event.step, event.config_hashes) == (Status.FAILED, "up", {})


def test_a_scale_keeps_what_is_recorded_and_adds_what_is_new(lab: Lab) -> None:
    lab.engine_has([hashed("1a")])
    lab.deployed()
    # Somebody made it anew by hand; a scale leaves such a container as it is.
    lab.engine_has([hashed("by hand"), hashed("3c", "jobs")])

    event = lab.run(lab.queue(Action.SCALE, arguments={"scale": {"web": 1}}))

    assert event.config_hashes == {"web": "1a", "jobs": "3c"}


def test_a_scale_after_a_pull_records_both_images(lab: Lab) -> None:
    lab.engine_has([hashed("1a")])
    lab.deployed()
    lab.engine_has([hashed("1a"), hashed("1a", number=2, image="sha256:newer")])

    event = lab.run(lab.queue(Action.SCALE, arguments={"scale": {"web": 2}}))

    web = event.images["web"]
    assert {web["id"], *web["also"]} == {"sha256:web", "sha256:newer"}


def test_a_deploy_that_ended_before_up_has_not_shaped_the_app(lab: Lab) -> None:
    lab.engine_has([hashed("1a")])
    first = lab.deployed()
    lab.runner.on("pull", exit_code=1, lines=["no"])

    again = lab.deployed()

    assert (again.status, again.step) == (Status.FAILED, "pull")
    assert DeployEvent.objects.that_shaped(lab.app) == first


def test_the_steps_before_up_are_the_first_of_a_deploy() -> None:
    names = [step.__name__ for step in STEPS[Action.DEPLOY]]

    assert {"", "approval", *names[: names.index("up")], "compare"} == BEFORE_UP
