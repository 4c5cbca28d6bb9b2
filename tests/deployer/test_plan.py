"""The decision of a plan, and the plan itself: no engine is asked."""

import json
from dataclasses import replace
from typing import Any

import pytest

from apps.applications.content import Content
from apps.core.secret import MASK
from apps.deployer.check import Checked
from apps.deployer.plan.decision import Situation
from apps.deployer.plan.desired import Desired
from apps.deployer.plan.observed import Images, Observed
from apps.deployer.plan.plan import Change, masked
from apps.deployer.plan.planning import build_plan
from apps.deployer.plan.rehearsal import Rehearsal
from apps.deployer.redaction import Redactor
from tests.deployer.plans import IMAGE, PROJECT, actions, desired, existing, plan, texts

BOTH: dict[str, dict[str, Any]] = {"web": {}, "db": {}}


def test_what_fits_is_kept_and_what_is_missing_made():
    found = plan(desired(BOTH), existing("db"))
    assert actions(found) == {"db": "keep", "web": "create"}
    assert found.summary == "keep db, create web"
    assert found.changes_something
    assert not plan(desired(BOTH), existing("db"), existing("web")).changes_something


def test_another_configuration_is_named_by_its_keys():
    old = desired({"web": {"command": ["a"], "environment": {"A": "1", "B": "2"}}}, {"web": "old"})
    new = desired({"web": {"environment": {"A": "1", "B": "3", "C": "4"}, "image": "demo/web:2"}})
    found = plan(new, existing("web", config_hash="old"), current=old)
    assert actions(found) == {"web": "recreate"}
    assert texts(found, "web") == [
        "image: demo/web:1 → demo/web:2",
        "command",
        "environment: C added; B changed",
    ]
    assert found.summary == "recreate web (image, command, environment)"


def test_a_container_that_fits_no_version_was_changed_outside():
    found = plan(desired({"web": {}}), existing("web", config_hash="x"), current=desired({"web": {}}))
    assert "changed outside the panel" in texts(found, "web")[0]
    found = plan(desired({"web": {}}), existing("web", config_hash="x"))
    assert "not started by the panel" in texts(found, "web")[0]


def test_an_image_whose_name_means_another_one_makes_a_container_anew():
    found = plan(desired({"web": {}}), existing("web", image_id="sha256:old"))
    assert actions(found) == {"web": "recreate"}
    assert found.summary == "recreate web (image moved)"


def test_an_image_that_has_gone_is_pulled_and_the_container_kept():
    found = plan(desired({"web": {}}), existing("web"), images=Images())
    assert actions(found) == {"web": "keep"}
    assert [(one.image, str(one.action)) for one in found.images] == [(IMAGE, "pull")]


def test_an_image_that_is_built_and_not_here_makes_a_container_anew():
    service = {"build": {"context": "."}, "image": ""}
    found = plan(desired({"web": service}), existing("web"), images=Images())
    assert actions(found) == {"web": "recreate"}
    assert [(one.image, str(one.action)) for one in found.images] == [(f"{PROJECT}-web", "build")]


def test_an_image_that_is_built_each_time_is_said_to_be():
    service = {"build": {"context": "."}, "pull_policy": "build"}
    found = plan(desired({"web": service}), existing("web"))
    assert actions(found) == {"web": "keep"}
    assert texts(found, "web") == ["its image is built each time; another result makes it anew"]


def test_both_a_configuration_and_an_image_can_be_the_reason():
    old = desired({"web": {"command": "a"}}, {"web": "old"})
    container = existing("web", config_hash="old", image_id="old")
    found = plan(desired({"web": {}}), container, current=old)
    assert texts(found, "web") == ["command", f"image: {IMAGE} means another one by now"]


@pytest.mark.parametrize(
    ("service", "here", "action"),
    [
        ({}, True, "check"),
        ({}, False, "pull"),
        ({"pull_policy": "never"}, True, "here"),
        ({"pull_policy": "never"}, False, "missing"),
        ({"pull_policy": "missing"}, True, "here"),
        ({"pull_policy": "missing", "image": "demo/web"}, True, "check"),
        ({"pull_policy": "missing", "image": "demo/web:latest"}, True, "check"),
        ({"pull_policy": "build", "build": {"context": "."}}, True, "build"),
        ({"build": {"context": "."}}, True, "check"),
        ({"build": {"context": "."}}, False, "build"),
        ({"image": "127.0.0.1:5000/demo/web@sha256:abc"}, True, "here"),
    ],
)
def test_what_happens_to_an_image(service, here, action):
    names = (IMAGE, "demo/web:latest", "127.0.0.1:5000/demo/web@sha256:abc")
    found = plan(desired({"web": service}), images=Images(dict.fromkeys(names, "sha256:x") if here else {}))
    assert [str(one.action) for one in found.images] == [action]


def test_an_image_is_found_by_every_way_of_writing_it():
    images = Images({"nginx:latest": "a", "x/y:1": "b", "r.example/z@sha256:1": "c", "sha256:f": "sha256:f"})
    for reference, id in {
        "nginx": "a",
        "docker.io/library/nginx": "a",
        "docker.io/nginx:latest": "a",
        "docker.io/x/y:1": "b",
        "r.example/z:tag@sha256:1": "c",
        "sha256:f": "sha256:f",
        "x/y": "",
        "my_host.example/x": "",
    }.items():
        assert images.id_of(reference) == id, reference


# --- what depends on others ---


def test_what_depends_on_a_service_that_is_made_anew_goes_with_it():
    services = {"a": {}, "b": {"depends_on": {"a": {}}}, "c": {"depends_on": {"b": {}}}, "d": {}}
    found = plan(
        desired(services), existing("a", image_id="old"), *(existing(name) for name in ("b", "c", "d"))
    )
    assert actions(found) == {"a": "recreate", "b": "recreate", "c": "recreate", "d": "keep"}
    assert texts(found, "c") == ["depends on b, which is recreated"]


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"network_mode": "service:web"}, "network"),
        ({"ipc": "service:web"}, "IPC namespace"),
        ({"pid": "service:web"}, "PID namespace"),
        ({"volumes_from": ["web:ro"]}, "volumes"),
    ],
)
def test_what_shares_something_of_a_service_that_is_made_anew_goes_with_it(service, words):
    new = desired({"web": {}, "side": service}, {"side": "with the old container"})
    found = plan(new, existing("web", image_id="old"), existing("side", config_hash="with the old container"))
    assert actions(found)["side"] == "recreate"
    assert texts(found, "side") == [f"shares the {words} of web, which is recreated"]


# --- numbers of containers ---


def test_more_containers_get_the_next_numbers():
    found = plan(desired({"web": {"scale": 4}}), existing("web", 1), existing("web", 3))
    (service,) = found.services
    assert (service.action, service.now, service.wanted) == (Change.SCALE, 2, 4)
    assert [(c.name.removeprefix(f"{PROJECT}-web-"), str(c.action)) for c in service.containers] == [
        ("1", "keep"), ("3", "keep"), ("4", "create"), ("5", "create"),
    ]  # fmt: skip
    assert found.summary == "scale web (2 → 4)"


def test_a_million_containers_are_counted_and_not_named():
    (service,) = plan(desired({"web": {"scale": 10**9}})).services
    assert (service.wanted, len(service.containers)) == (10**9, 100)


def test_fewer_containers_lose_the_highest_numbers():
    found = plan(desired({"web": {"deploy": {"replicas": 1}}}), *(existing("web", n) for n in (1, 2, 3)))
    (service,) = found.services
    assert [str(c.action) for c in service.containers] == ["keep", "remove", "remove"]


def test_of_too_many_containers_compose_keeps_those_that_it_makes_anew():
    new = desired({"web": {"scale": 1}})
    found = plan(new, existing("web", 1), existing("web", 2, config_hash="old"), current=new)
    (service,) = found.services
    assert [str(c.action) for c in service.containers] == ["remove", "recreate"]
    assert service.action == Change.RECREATE


def test_a_container_that_a_scale_made_is_no_change_from_outside():
    new = replace(desired({"web": {"depends_on": {}}}), scaled={"web": "scaled"})
    found = plan(new, existing("web", config_hash="scaled"), current=new)
    assert texts(found, "web") == ["made by a scale, for which Compose leaves depends_on out"]


def test_a_service_of_none_has_nothing_to_do():
    assert actions(plan(desired({"web": {"scale": 0}}))) == {"web": "keep"}
    assert actions(plan(desired({"web": {"scale": 0}}), existing("web"))) == {"web": "scale"}


def test_a_service_that_is_gone_is_removed_and_one_of_an_idle_profile_left_alone():
    found = plan(desired({"web": {}}), existing("old"), existing("debug"), idle=frozenset({"debug"}))
    assert actions(found) == {"debug": "keep", "old": "remove", "web": "create"}
    assert texts(found, "old") == ["no longer in the file"]
    assert "its profile is not active" in texts(found, "debug")[0]


# --- containers that stand still ---


@pytest.mark.parametrize(
    ("state", "action", "words"),
    [
        ({"state": "exited", "exit_code": 3}, "start", "ended with exit code 3, and up starts it again"),
        ({"state": "created"}, "start", "is created, and up starts it"),
        ({"state": "paused"}, "start", "is paused: up fails until somebody unpauses it"),
        ({"state": "restarting"}, "keep", None),
    ],
)
def test_what_stands_still_is_started(state, action, words):
    found = plan(desired({"web": {}}), existing("web", **state))
    assert actions(found) == {"web": action}
    assert [words in text for text in texts(found, "web")] == ([True] if words else [])


def test_the_fingerprint_does_not_change_when_a_container_ends_and_does_when_anything_else_does():
    new = desired(BOTH)
    first = plan(new, existing("web"), existing("db")).fingerprint
    ended = existing("web", state="exited", exit_code=1)
    assert plan(new, ended, existing("db", id="another")).fingerprint == first
    more = desired({"web": {"scale": 2}})
    assert plan(more, ended).fingerprint == plan(more, existing("web")).fingerprint
    others = [
        plan(new, existing("web"), existing("db", image_id="moved")),
        plan(new, existing("web")),
        plan(new, existing("web"), existing("db"), existing("db", 2)),
        plan(desired(BOTH, networks={"default": {"name": "n"}}), existing("web"), existing("db")),
        plan(new, existing("web"), existing("db"), current=new),
    ]
    assert len({first, *(other.fingerprint for other in others)}) == 1 + len(others)


# --- Compose's own word ---


def test_the_dry_run_has_the_last_word_and_is_named():
    said = Rehearsal({f"{PROJECT}-web-1": "recreate", f"{PROJECT}-db-1": "keep"})
    found = plan(desired(BOTH), existing("web"), existing("db"), rehearsal=said)
    assert actions(found) == {"db": "keep", "web": "recreate"}
    assert texts(found, "web") == ["Compose's own dry run says so"]
    assert found.rehearsed


def test_a_container_that_the_dry_run_leaves_alone_is_kept():
    found = plan(desired({"web": {}}), existing("web"), existing("old"), rehearsal=Rehearsal())
    assert actions(found) == {"web": "keep", "old": "keep"}


def test_a_dry_run_that_failed_changes_no_prediction_and_is_told():
    said = Rehearsal({f"{PROJECT}-web-1": "recreate"}, failure="network x declared as external, not found")
    found = plan(desired({"web": {}}), existing("web"), rehearsal=said)
    assert actions(found) == {"web": "keep"}
    assert (found.rehearsed, found.failure) == (False, "network x declared as external, not found")


def test_a_secret_that_the_words_of_a_dry_run_end_within_is_masked():
    said = "x" * 490 + " hunter2-hunter2"
    found = plan(desired({"web": {}}), rehearsal=Rehearsal({}, failure=said))
    assert len(found.failure) == 500
    shown = masked(replace(found, failure=said), Redactor(["hunter2-hunter2"])).failure
    assert shown == "x" * 490 + f" {MASK}"


# --- networks and volumes ---


def test_networks_and_volumes_are_made_kept_unused_or_missing():
    resources = {
        "default": {"name": f"{PROJECT}_default"},
        "far": {"name": "far", "external": True},
        "gone": {"name": "gone", "external": True},
        "new": {"name": f"{PROJECT}_new"},
    }
    here = {
        f"{PROJECT}_default": PROJECT,
        f"{PROJECT}_old": PROJECT,
        "far": "",
        "other": "other",
        "a" * 64: PROJECT,
    }
    found = plan(
        desired({"web": {}}, networks=resources, volumes=resources),
        existing("web"),
        networks=here,
        volumes=here,
    )
    expected = {
        "far": "keep",
        "gone": "missing",
        f"{PROJECT}_default": "keep",
        f"{PROJECT}_new": "create",
        f"{PROJECT}_old": "stays unused",
    }
    assert {one.name: str(one.action) for one in found.networks} == expected
    assert found.networks == found.volumes


# --- secrets ---


def test_no_value_of_an_environment_is_in_a_plan():
    secret, old_secret = "hunter2-hunter2", "swordfish-swordfish"
    old = desired(
        {"web": {"image": f"demo/{old_secret}:1", "environment": {"P": old_secret}}}, {"web": "old"}
    )
    model = {
        "services": {
            "web": {
                "image": f"demo/{secret}:1",
                "container_name": secret,
                "environment": {"P": secret, "Q": secret},
                "volumes": [{"type": "bind", "source": f"/x/{secret}", "target": f"/{secret}"}],
            }
        },
        "networks": {"n": {"name": secret}},
        "volumes": {"v": {"name": secret, "external": True}},
    }
    new = Desired(Checked(model=model, warnings=[f"odd: {secret}"]), {"web": "new"})
    situation = Situation(PROJECT, new, Observed((existing("web", config_hash="old"),)), old)
    contents = Content("a", f"P={secret}\n"), Content("b", f"P={old_secret}\n")
    found = build_plan(situation, "shop", *contents)
    told = json.dumps(found.as_dict(), ensure_ascii=False) + repr(found)
    assert secret not in told
    assert old_secret not in told
    assert MASK in told
    assert "environment: Q added; P changed" in texts(found, "web")


def test_a_plan_as_a_dict_is_json_and_says_all():
    found = plan(desired(BOTH), existing("web", image_id="old"))
    told = json.loads(json.dumps(found.as_dict()))
    assert told["services"][0] == {
        "service": "db",
        "action": "create",
        "reasons": [],
        "containers": [{"name": f"{PROJECT}-db-1", "action": "create"}],
        "now": 0,
        "wanted": 1,
        "image": IMAGE,
    }
    assert told["services"][1]["reasons"][0]["key"] == "image moved"
    assert told["fingerprint"] == found.fingerprint
    assert "checked" not in told
