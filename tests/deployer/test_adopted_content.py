"""The parts of taking a project's content over that need no engine."""

import pytest
import yaml

from apps.applications import environment
from apps.deployer.adopt.merged_file import freed
from apps.deployer.adopt.model_proof import differences
from apps.deployer.dotenv_values import usable

NAMES = ("old", "simpledeploy-blog")
OLD = {
    "name": "old",
    "services": {"web": {"image": "x", "environment": {"A": "1"}, "volumes": [{"source": "/srv/old/a"}]}},
    "networks": {"default": {"name": "old_default", "ipam": {}}},
    "volumes": {"data": {"name": "old_data"}, "new": {"name": "old_new"}},
    "secrets": {"key": {"name": "old_key", "file": "/srv/old/key"}},
}


def changed(**sections: object) -> dict:
    new = {
        **OLD,
        "name": "simpledeploy-blog",
        "networks": {"default": {"name": "simpledeploy-blog_default", "ipam": {}}},
        "volumes": {"data": {"name": "old_data", "external": True}, "new": {"name": "simpledeploy-blog_new"}},
        "secrets": {"key": {"name": "simpledeploy-blog_key", "file": "/srv/old/key"}},
    }
    return new | sections


def differing(new: dict) -> list[str]:
    return differences(OLD, new, NAMES, frozenset({"new"}))


def test_names_that_must_differ_are_no_difference() -> None:
    assert differing(changed(**{"x-more": {"file": "/srv/app"}})) == []


def test_a_path_may_be_written_in_another_way() -> None:
    web = {**OLD["services"]["web"], "volumes": [{"source": "/srv/old/./b/../a"}]}
    assert differing(changed(services={"web": web})) == []


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"services": {"web": {**OLD["services"]["web"], "image": "y"}}}, "services.web.image"),
        (
            {"services": {"web": {**OLD["services"]["web"], "environment": {"A": "hidden"}}}},
            "services.web.environment.A",
        ),
        (
            {"services": {"web": {**OLD["services"]["web"], "volumes": [{"source": "/other"}]}}},
            "services.web.volumes.0.source",
        ),
        ({"services": {**OLD["services"], "job": {}}}, "services.job"),
        ({"volumes": {"data": {"name": "simpledeploy-blog_data"}, "new": {"name": "old_new"}}},
         "volumes.data.name"),
        ({"volumes": {"data": {"name": "old_data", "external": True}}}, "volumes.new"),
        ({"networks": {"default": {"name": "else", "ipam": {}}}}, "networks.default.name"),
        ({"networks": {"default": {"name": "simpledeploy-blog_default", "driver": "x", "ipam": {}}}},
         "networks.default.driver"),
        ({"secrets": {"key": {"name": "simpledeploy-blog_key", "file": "/srv/app/key"}}}, "secrets.key.file"),
        ({"more": {"a": 1}}, "more"),
    ],
)  # fmt: skip
def test_a_difference_is_told_by_its_path_and_never_by_its_value(sections: dict, path: str) -> None:
    found = differing(changed(**sections))
    assert path in found
    assert "hidden" not in " ".join(found)


def test_values_that_stand_in_no_file_leave_the_merged_one() -> None:
    merged = {
        "name": "old",
        "services": {
            "web": {"environment": {"KEY": "from an env_file $$5", "PLAIN": "written", "VAR": "${VAR}"}},
            "1-job": {"environment": {"KEY": "other secret", "NONE": None}},
        },
        "networks": {"default": {"name": "old_default"}, "own": {"name": "shared"}},
    }
    text, found = freed(yaml.safe_dump(merged), "old", "PLAIN: written", {"WEB_KEY": "taken"})

    assert found == {"WEB_KEY_": "from an env_file $5", "_1_JOB_KEY": "other secret"}
    loaded = yaml.safe_load(text)
    assert loaded["services"]["web"]["environment"] == {
        "KEY": "${WEB_KEY_}", "PLAIN": "written", "VAR": "${VAR}",
    }  # fmt: skip
    assert loaded["services"]["1-job"]["environment"] == {"KEY": "${_1_JOB_KEY}", "NONE": None}
    assert loaded["networks"] == {"default": {}, "own": {"name": "shared"}}
    assert "name" not in loaded
    assert "secret" not in text


def test_names_that_steer_docker_or_compose_are_not_taken_over() -> None:
    values = {"A": "1", "DOCKER_HOST": "x", "PATH": "y", "COMPOSE_FILE": "a.yml", "COMPOSE_PROFILES": "jobs",
              "SIMPLEDEPLOY_SECRET_KEY": "z", "LONG": "two\nlines $x"}  # fmt: skip
    kept, dropped = usable(values)
    assert kept == {"A": "1", "COMPOSE_PROFILES": "jobs", "LONG": "two\nlines $x"}
    assert dropped == ["COMPOSE_FILE", "DOCKER_HOST", "PATH", "SIMPLEDEPLOY_SECRET_KEY"]
    assert environment.values(environment.write(kept)) == kept
