"""Drift is told where there is any, and nowhere else."""

from dataclasses import replace
from typing import Any

import pytest

from apps.deployer.state.app_files import EditedFile
from apps.deployer.state.baseline import Baseline
from apps.deployer.state.drift import find_differences
from tests.deployer.test_verdict import JOB, RUNNING, SERVICE

BASELINE = Baseline(
    slug="shop",
    version=3,
    expected=(SERVICE,),
    config_hashes={"web": "1a"},
    image_ids={"web": frozenset({"sha256:1"})},
)
WEB = replace(RUNNING, config_hash="1a")


def told(baseline: Baseline, *containers: Any, files: tuple[EditedFile, ...] = ()) -> list[tuple[str, str]]:
    return [(str(d.kind), d.text) for d in find_differences(baseline, containers, files)]


@pytest.mark.parametrize(
    ("baseline", "containers"),
    [
        (BASELINE, [WEB]),
        # A container that stands still, a job that has ended.
        (BASELINE, [replace(WEB, state="exited", exit_code=137)]),
        (replace(BASELINE, expected=(JOB,)), [replace(WEB, state="exited")]),
        # After a scale by the panel, also to nothing, and one after a pull.
        (replace(BASELINE, expected=(replace(SERVICE, replicas=2),)), [WEB, replace(WEB, name="p-web-2")]),
        (replace(BASELINE, expected=(replace(SERVICE, replicas=0),)), []),
        (
            replace(BASELINE, image_ids={"web": frozenset({"sha256:1", "sha256:2"})},
                    expected=(replace(SERVICE, replicas=2),)),
            [WEB, replace(WEB, image_id="sha256:2")],
        ),
        # The container of a profile that is not active, which was there at the deploy.
        (replace(BASELINE, config_hashes={"web": "1a", "idle": "2b"}),
         [WEB, replace(WEB, service="idle", config_hash="2b")]),
        # Nothing was recorded: deployed by an older panel, or its `up` failed.
        (replace(BASELINE, config_hashes={}, image_ids={}), [replace(WEB, config_hash="other")]),
        (replace(BASELINE, config_hashes={}), [WEB, replace(WEB, service="other")]),
        # The image of a service that ran none when it was deployed.
        (replace(BASELINE, image_ids={}), [replace(WEB, image_id="sha256:9")]),
        (Baseline("shop"), [WEB]),
        (replace(BASELINE, busy=True), []),
    ],
)  # fmt: skip
def test_nothing_is_claimed(baseline: Baseline, containers: list[Any]) -> None:
    assert told(baseline, *containers) == []


def test_another_configuration_is_told_with_the_files_it_was_started_from() -> None:
    own = replace(WEB, config_hash="2b")
    elsewhere = replace(
        own, config_files=("/home/ann/compose.yml", "/home/ann/more.yml"), working_dir="/home/ann"
    )

    assert told(BASELINE, own) == [("configuration", "web was made from another configuration.")]
    assert told(BASELINE, elsewhere) == [
        (
            "configuration",
            "web was made from another configuration, started from /home/ann/compose.yml, "
            "/home/ann/more.yml in /home/ann.",
        )
    ]


def test_one_of_several_containers_is_named() -> None:
    two = replace(BASELINE, expected=(replace(SERVICE, replicas=2),))

    assert told(two, WEB, replace(WEB, name="p-web-2", config_hash="2b")) == [
        ("configuration", "p-web-2 of web was made from another configuration.")
    ]


def test_another_image_is_told() -> None:
    assert told(BASELINE, replace(WEB, image_id="sha256:2")) == [
        ("image", "web was made from another image than was deployed (web:1).")
    ]


def test_what_is_missing_and_what_is_too_much_is_told() -> None:
    three = replace(BASELINE, expected=(replace(SERVICE, replicas=3),))

    assert told(BASELINE) == [("missing", "web has no container; version 3 asks for 1.")]
    assert told(three, WEB) == [("missing", "web has 1 of its containers; version 3 asks for 3.")]
    assert told(BASELINE, WEB, WEB) == [("extra", "web has 2 containers; version 3 asks for 1.")]
    assert told(BASELINE, WEB, replace(WEB, service="cache")) == [
        ("extra", "cache is no service of version 3.")
    ]


def test_an_edited_file_is_told_with_its_path() -> None:
    files = (EditedFile("docker-compose.yml", "was edited by hand"), EditedFile(".env", "is gone"))

    compose, env = told(BASELINE, WEB, files=files)

    assert compose[0] == "file"
    assert compose[1].endswith("/shop/docker-compose.yml was edited by hand.")
    assert env[0] == "environment file"
    assert env[1].endswith("/shop/.env is gone.")
