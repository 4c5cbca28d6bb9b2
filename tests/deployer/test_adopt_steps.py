"""Taking a project over, step by step over a played engine: it is handed over, or given back."""

import pytest
from pytest_django.fixtures import Settings

from apps.applications.models import App
from apps.applications.services import create_app
from apps.core.owner import current_owner
from apps.deployer import worker as worker_module
from apps.deployer.adopt import steps as adopt_steps
from apps.deployer.app_folder import AppFolder
from apps.deployer.recovery import finish_adoption, recover
from apps.deployer.runner.interface import CancelToken
from apps.deployments import claims, queue
from apps.deployments.logs import as_text
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN, Lab
from tests.deployer.old_engine import OldEngine
from tests.deployer.test_recovery import dead_owner
from tests.deployer.test_worker import ended, serving, wait_until

BEFORE = {"front": "running", "blog-side-1": "exited"}
RESTARTS = {"front": "on-failure:3", "blog-side-1": "no"}


@pytest.fixture
def old(lab: Lab) -> OldEngine:
    return OldEngine(lab)


def assert_given_back(old: OldEngine, event: DeployEvent) -> None:
    assert old.state() == BEFORE
    assert old.restarts() == RESTARTS
    assert App.objects.get(slug="demo").current_version is None
    assert not AppFolder("demo").path.exists()
    assert event.is_terminal


def test_a_project_is_handed_over(lab: Lab, old: OldEngine) -> None:
    event = lab.run(old.adoption())

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert old.acts() == ["pull", "update", "stop", "rename", "up", "rm", "rm"]
    assert old.state() == {"front": "running"}
    assert old.networks == {}
    assert lab.app.current_version == event.version
    assert [step["name"] for step in event.steps] == [
        "version", "write", "credentials", "pull", "hand_over", "up", "verify", "retire", "record",
    ]  # fmt: skip
    assert event.services[0]["verdict"] == "running"
    assert "missing" in next(argv for argv in lab.runner.commands() if "pull" in argv)


def test_nothing_is_touched_where_a_step_before_the_hand_over_fails(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("compose", "pull", exit_code=1)

    event = lab.run(old.adoption())

    assert (event.status, event.step) == (Status.FAILED, "pull")
    assert "Nothing was changed" in event.error
    assert old.acts() == ["pull"]
    assert_given_back(old, event)


def test_containers_that_are_others_by_then_are_left_alone(lab: Lab, old: OldEngine) -> None:
    event = old.adoption()
    old.containers["newer"] = {"name": "blog-web-2", "project": "blog", "service": "web", "state": "running"}

    event = lab.run(event)

    assert (event.status, event.step) == (Status.FAILED, "hand_over")
    assert "are others than when the plan was shown" in event.error
    assert "Nothing was changed: blog runs as before." in event.error
    assert old.acts() == ["pull"]
    assert old.state() == {**BEFORE, "blog-web-2": "running"}


def test_containers_that_have_the_apps_name_already_are_left_alone(lab: Lab, old: OldEngine) -> None:
    old.containers["lost"] = {"name": "x", "project": "simpledeploy-demo", "service": "x", "state": "running"}

    event = lab.run(old.adoption())

    assert (event.status, event.step) == (Status.FAILED, "hand_over")
    assert "Nothing was changed: blog runs as before." in event.error
    assert old.state() == {**BEFORE, "x": "running"}


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (("update", "--restart=no"), "hand_over"),
        (("stop", "old-web"), "hand_over"),
        (("old-web", "front-old-web"), "hand_over"),
        (("up", "--remove-orphans"), "up"),
    ],
)
def test_a_command_that_fails_after_that_gives_all_back(
    lab: Lab, old: OldEngine, words: tuple[str, ...], step: str
) -> None:
    lab.runner.on(*words, exit_code=1)

    event = lab.run(old.adoption())

    assert (event.status, event.step) == (Status.FAILED, step)
    assert "blog was given back: 1 of its 2 containers run again, as before." in event.error
    assert_given_back(old, event)


def test_new_containers_that_do_not_run_well_give_all_back(lab: Lab, old: OldEngine) -> None:
    old.new_state = "dead"

    event = lab.run(old.adoption())

    assert (event.status, event.step) == (Status.UNSTABLE, "verify")
    assert "web: dead" in event.error
    assert [one["state"] for one in event.services] == ["dead"]
    assert old.acts()[-4:] == ["down", "rename", "update", "start"]
    assert_given_back(old, event)


@pytest.mark.parametrize("words", [("stop", "old-web"), ("up", "--remove-orphans")])
def test_a_cancel_after_the_hand_over_gives_all_back(
    lab: Lab, old: OldEngine, words: tuple[str, ...]
) -> None:
    event = old.adoption()
    claimed = lab.claim()
    token = CancelToken()
    lab.runner.on(*words, blocks_until_cancelled=True, before=lambda _call: token.cancel())
    queue.cancel(claimed, ANN)

    lab.deployer.run(claimed, token)

    event.refresh_from_db()
    assert event.status == Status.CANCELLED
    assert "Cancelled by ann" in event.error
    assert "blog was given back" in event.error
    assert_given_back(old, event)


def test_a_cancel_before_the_hand_over_changes_nothing(lab: Lab, old: OldEngine) -> None:
    event = old.adoption()
    claimed = lab.claim()
    token = CancelToken()
    lab.runner.on("compose", "pull", blocks_until_cancelled=True, before=lambda _call: token.cancel())
    queue.cancel(claimed, ANN)
    lab.deployer.run(claimed, token)

    event.refresh_from_db()
    assert (event.status, event.step) == (Status.CANCELLED, "pull")
    assert old.acts() == ["pull"]
    assert_given_back(old, event)


def test_what_cannot_be_started_again_is_named(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("up", "--remove-orphans", exit_code=1)
    lab.runner.on("start", "old-web", exit_code=1)

    event = lab.run(old.adoption())

    assert "blog could not be given back as a whole: front does not run (docker start front)" in event.error


def test_no_restart_of_the_engine_starts_what_is_handed_over(lab: Lab, old: OldEngine) -> None:
    meanwhile = {}
    lab.runner.on("stop", "old-web", exit_code=1, before=lambda _call: meanwhile.update(old.restarts()))

    event = lab.run(old.adoption())

    assert set(meanwhile.values()) == {"no"}
    assert_given_back(old, event)


def test_the_old_ones_stand_still_while_new_ones_run_that_cannot_be_removed(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("down", "--remove-orphans", exit_code=1)
    lab.runner.on("up", "--remove-orphans", answer=old.up_and_fail)

    event = lab.run(old.adoption())

    assert "the new containers of simpledeploy-demo could not be removed" in event.error
    assert "the old ones are not started while these run: front;" in event.error
    assert "docker update --restart=on-failure:3 front" in event.error
    assert "docker start front" in event.error
    assert old.containers["old-web"]["restart"] == "no"
    assert old.containers["old-web"]["state"] == "exited"


def test_the_old_ones_start_where_what_is_left_of_the_new_ones_stands_still(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("down", "--remove-orphans", exit_code=1)
    old.new_state = "dead"

    event = lab.run(old.adoption())

    assert "the new containers of simpledeploy-demo could not be removed." in event.error
    assert old.containers["old-web"]["state"] == "running"
    assert old.containers["old-web"]["restart"] == "on-failure:3"


def test_a_restart_policy_that_does_not_come_back_is_named(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("up", "--remove-orphans", exit_code=1)
    lab.runner.on("update", "--restart=on-failure:3", exit_code=1)

    event = lab.run(old.adoption())

    named = "front does not restart by itself (docker update --restart=on-failure:3 front)"
    assert f"blog could not be given back as a whole: {named}." in event.error
    assert old.state() == BEFORE


def test_old_containers_that_will_not_go_are_named_and_the_app_stays(lab: Lab, old: OldEngine) -> None:
    lab.runner.on("rm", "old-side", "old-web", exit_code=1)

    event = lab.run(old.adoption())

    assert (event.status, event.step) == (Status.FAILED, "retire")
    assert "The app runs. Of the old containers these are left: blog-side-1, front-old-web" in event.error
    assert lab.app.current_version == event.version
    assert old.state()["front"] == "running"


def test_a_network_that_others_use_stays(lab: Lab, old: OldEngine) -> None:
    old.containers["proxy"] = {"name": "proxy", "project": "edge", "service": "proxy", "state": "running"}
    old.networks["blog_default"].append("proxy")

    event = lab.run(old.adoption())

    assert event.status == Status.SUCCEEDED
    assert old.networks.keys() == {"blog_default"}
    assert "The network blog_default stays: proxy is in it" in "\n".join(as_text(event.pk))


def died_in(lab: Lab, old: OldEngine, step: str, **recorded: str) -> DeployEvent:
    """Leave an adoption as a worker leaves it that is killed at the end of `step`, its policy `recorded`."""
    event = old.adoption()
    claimed = claims.claim_next(dead_owner())
    assert claimed is not None
    claims.advance(claimed, step=step)
    assert claimed.version is not None
    AppFolder("demo").path.mkdir(parents=True)
    (AppFolder("demo").path / "docker-compose.yml").write_text(claimed.version.yaml)
    arguments = claimed.arguments | {
        "old": [
            {"id": "old-web", "name": "front", "ran": True, "aside": "front-old-web"} | recorded,
            {"id": "old-side", "name": "blog-side-1", "ran": False, "aside": ""},
        ]
    }
    claims.advance(claimed, arguments=arguments)
    old.containers["old-web"] |= {"name": "front-old-web", "state": "exited"}
    if step != "hand_over":
        App.objects.filter(slug="demo").update(current_version=claimed.version)
        old.containers["new-web"] = {
            "name": "front", "project": "simpledeploy-demo", "service": "web", "state": "running",
        }  # fmt: skip
    return event


def recover_all(lab: Lab) -> None:
    for event in recover("me:1:1"):
        finish_adoption(event, lab.runner, CancelToken())


@pytest.mark.parametrize("step", ["hand_over", "up", "verify"])
def test_an_adoption_that_died_before_the_old_ones_were_removed_is_given_back(
    lab: Lab, old: OldEngine, step: str
) -> None:
    event = died_in(lab, old, step, restart="on-failure:3")
    old.containers["old-web"]["restart"] = "no"

    recover_all(lab)

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert f"died in step {step}. blog was given back" in event.error
    assert_given_back(old, event)


def test_an_adoption_that_died_before_it_stopped_anything_changed_nothing(lab: Lab, old: OldEngine) -> None:
    event = old.adoption()
    claimed = claims.claim_next(dead_owner())
    assert claimed is not None
    claims.advance(claimed, step="hand_over")

    recover_all(lab)

    event.refresh_from_db()
    assert "Nothing was changed: blog runs as before." in event.error
    assert old.acts() == []
    assert_given_back(old, event)


@pytest.mark.parametrize("step", ["retire", "record"])
def test_an_adoption_that_died_after_that_is_finished(lab: Lab, old: OldEngine, step: str) -> None:
    event = died_in(lab, old, step)

    recover_all(lab)

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert "demo runs; the old containers of blog are gone." in event.error
    assert old.state() == {"front": "running"}
    assert App.objects.get(slug="demo").current_version == event.version


def test_recovery_waits_for_an_engine_that_is_away(lab: Lab, old: OldEngine) -> None:
    event = died_in(lab, old, "up")
    old.is_away = True
    recover_all(lab)
    event.refresh_from_db()
    assert event.status == Status.RUNNING

    old.is_away = False
    recover_all(lab)

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert_given_back(old, event)


def test_recovery_that_hangs_holds_nothing_up_and_goes_on_after_the_next_start(
    lab: Lab, old: OldEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIMPLEDEPLOY_DRAIN_TIMEOUT = 0
    monkeypatch.setattr(worker_module, "_BEAT", 0.05)
    monkeypatch.setattr(worker_module, "_REAP", 0.05)
    lab.runner.on("down", "--remove-orphans", blocks_until_cancelled=True)
    lab.runner.on("compose", "stop", blocks_until_cancelled=True)
    event = died_in(lab, old, "up")
    # What somebody wanted of the adoption ends no recovery.
    queue.cancel(event, ANN)

    def now() -> DeployEvent:
        return DeployEvent.objects.get(pk=event.pk)

    with serving(lab.runner) as (stop, _stop_now, thread):
        wait_until(lambda: any("down" in argv for argv in lab.runner.commands()))
        other = queue.enqueue(create_app("other", "", ANN), Action.STOP, ANN)
        wait_until(lambda: DeployEvent.objects.get(pk=other.pk).step == "stop")
        queue.cancel(other, ANN)
        ended(other)
        beat = now().heartbeat_at
        wait_until(lambda: now().heartbeat_at != beat)
        stop.cancel()
        thread.join(15)
        assert not thread.is_alive()

    assert [argv for argv in lab.runner.commands() if "down" in argv][1:] == []
    assert (now().status, now().worker) == (Status.RUNNING, current_owner())
    assert AppFolder("demo").path.exists()

    lab.runner.on("compose", "down", "--remove-orphans", answer=old.down)
    with serving(lab.runner):
        ended(event)
    assert_given_back(old, now())


def test_giving_back_waits_for_an_engine_that_is_away(
    lab: Lab, old: OldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def comes_back(_seconds: float) -> None:
        old.is_away = False

    def goes(_call: object) -> None:
        old.is_away = True

    monkeypatch.setattr(adopt_steps.time, "sleep", comes_back)
    lab.runner.on("up", "--remove-orphans", exit_code=1, before=goes)

    event = lab.run(old.adoption())

    assert "blog was given back" in event.error
    assert_given_back(old, event)
