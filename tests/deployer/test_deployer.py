"""Every step list, every transition, and every step that fails or is cancelled, over a scripted engine."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.models import App
from apps.deployer.app_folder import AppFolder
from apps.deployer.runner.interface import CancelToken, Outcome
from apps.deployer.runner.mock_runner import Call
from apps.deployer.steps import STEPS
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import queue
from apps.deployments.logs import as_text
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from apps.registries.services import save_credential
from tests.accounts.people import BY
from tests.deployer.conftest import ANN, Lab, compose_text, told


def compose_commands(lab: Lab) -> list[str]:
    """Return the verbs of the Compose commands that were started, in order."""
    verbs = {"pull", "up", "stop", "start", "restart", "down"}
    # What a plan asks Compose is none of them.
    found = ([w for w in argv if w in verbs] for argv in lab.runner.commands() if "compose" in argv)
    return [words[0] for words in found if words]


def text_of(event: DeployEvent) -> str:
    return "\n".join(as_text(event.pk))


def test_a_deploy_walks_its_steps_and_succeeds(lab: Lab) -> None:
    event = lab.deployed()

    assert event.status == Status.SUCCEEDED
    assert [step["name"] for step in event.steps] == [
        "version", "write", "credentials", "pull", "up", "verify", "record",
    ]  # fmt: skip
    assert all(step["started_at"] and step["finished_at"] for step in event.steps)
    assert [s["exit_code"] for s in event.steps if s["name"] in ("pull", "up")] == [0, 0]
    assert compose_commands(lab) == ["pull", "up"]
    assert lab.app.current_version == event.version
    assert event.slot is None
    assert event.error == ""
    assert event.services[0]["verdict"] == "running"
    assert event.queued_at <= event.started_at <= event.finished_at
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == compose_text()
    assert not (AppFolder("demo").path / ".env").exists()


def test_every_action_has_steps() -> None:
    assert set(STEPS) == set(Action)


@pytest.mark.parametrize(
    ("action", "arguments", "commands", "steps"),
    [
        (Action.STOP, {}, ["stop"], ["stop", "record"]),
        (Action.START, {}, ["start"], ["start", "verify", "record"]),
        (Action.RESTART, {}, ["restart"], ["restart", "verify", "record"]),
        (Action.PULL, {}, ["pull"], ["credentials", "pull", "record"]),
        (Action.SCALE, {"scale": {"web": 2}}, ["up"], ["scale", "verify", "record"]),
        (Action.REMOVE, {}, ["down"], ["down"]),
    ],
)
def test_each_lifecycle_action_runs_its_command(
    lab: Lab, action: Action, arguments: dict, commands: list[str], steps: list[str]
) -> None:
    lab.deployed()
    lab.runner.calls.clear()
    if action == Action.STOP:
        lab.engine_has([told(Status="exited", ExitCode=137)])
    if action == Action.SCALE:
        lab.engine_has([told(), told(number=2)])

    event = lab.run(lab.queue(action, arguments=arguments))

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert compose_commands(lab) == commands
    assert [step["name"] for step in event.steps] == steps


@pytest.mark.parametrize("step", ["pull", "up"])
def test_a_command_that_says_no_fails_the_deploy_in_its_step(lab: Lab, step: str) -> None:
    lab.runner.on("compose", step, lines=[("stderr", "it went wrong")], exit_code=18)

    event = lab.deployed()

    assert (event.status, event.step, event.exit_code) == (Status.FAILED, step, 18)
    assert "it went wrong" in event.error
    assert "it went wrong" in event.output_tail
    assert event.steps[-1]["exit_code"] == 18
    assert event.steps[-1]["finished_at"]


def test_a_first_deploy_that_fails_before_up_leaves_no_file_and_no_version(lab: Lab) -> None:
    lab.runner.on("compose", "pull", exit_code=1)

    event = lab.deployed()

    assert "Nothing was changed" in event.error
    assert lab.app.current_version is None
    assert not AppFolder("demo").path.exists()


def test_a_later_deploy_that_fails_before_up_leaves_everything_as_it_was(lab: Lab) -> None:
    first = lab.deployed(environment="GREETING=hello\n")
    folder = AppFolder("demo").path
    before = {name: (folder / name).read_text() for name in ("docker-compose.yml", ".env")}
    lab.runner.on("compose", "pull", exit_code=1)

    event = lab.deployed(text=compose_text("127.0.0.1:5999/demo/web:2"))

    assert event.status == Status.FAILED
    assert lab.app.current_version == first.version
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_deploy_that_fails_in_up_keeps_the_new_file_and_version(lab: Lab) -> None:
    lab.deployed()
    lab.runner.on("compose", "up", exit_code=1)

    event = lab.deployed(text=compose_text("127.0.0.1:5999/demo/web:2"))

    assert event.status == Status.FAILED
    assert lab.app.current_version == event.version
    assert "web:2" in (AppFolder("demo").path / "docker-compose.yml").read_text()
    assert "simpledeploy-demo-web-1 (running)" in event.error


def test_a_timeout_names_the_step(lab: Lab) -> None:
    lab.runner.on("compose", "pull", outcome=Outcome.TIMED_OUT, exit_code=143)

    event = lab.deployed()

    assert event.status == Status.FAILED
    assert event.error.startswith("Pull: It did not end within 1800 seconds")


@pytest.mark.parametrize("step", ["pull", "up"])
def test_cancel_ends_a_running_command_and_says_where(lab: Lab, step: str) -> None:
    reached = threading.Event()
    lab.runner.on("compose", step, blocks_until_cancelled=True, before=lambda _call: reached.set())
    event = lab.queue()
    token = CancelToken()
    thread = threading.Thread(target=run_and_close, args=(lab, lab.claim(), token))
    thread.start()
    assert reached.wait(5)
    queue.cancel(event, ANN)
    token.cancel()
    thread.join(5)

    event.refresh_from_db()
    assert (event.status, event.step, event.cancel_requested_by) == (Status.CANCELLED, step, "ann")
    assert f"Cancelled by ann in step {step}." in event.error
    assert ("Nothing was changed" in event.error) == (step == "pull")


def test_cancel_ends_the_wait_of_verify(lab: Lab) -> None:
    lab.engine_has([told(Health={"Status": "starting"})])
    event = lab.queue()
    token = CancelToken()
    thread = threading.Thread(target=run_and_close, args=(lab, lab.claim(), token))
    thread.start()
    wait_until(lambda: DeployEvent.objects.get(pk=event.pk).services != [])
    queue.cancel(event, ANN)
    token.cancel()
    thread.join(5)

    event.refresh_from_db()
    assert (event.status, event.step) == (Status.CANCELLED, "verify")


def test_a_stopping_panel_leaves_the_event_interrupted(lab: Lab) -> None:
    lab.runner.on("compose", "pull", blocks_until_cancelled=True)
    event = lab.queue()
    token = CancelToken()
    token.cancel()
    lab.run(event, token)

    event.refresh_from_db()
    assert event.status == Status.INTERRUPTED
    assert "The panel was stopped" in event.error


def test_an_unexpected_error_ends_the_event_and_shows_no_traceback(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(_call: object) -> None:
        raise RuntimeError("kaboom with internals")

    lab.runner.on("compose", "pull", before=explode)

    event = lab.deployed()

    assert event.status == Status.FAILED
    assert f"see event {event.pk}" in event.error
    assert "kaboom" not in event.error + event.output_tail + text_of(event)
    assert "kaboom with internals" in caplog.text


def test_a_missing_service_makes_the_deploy_unstable(lab: Lab) -> None:
    App.objects.update(verify_timeout=1)
    lab.engine_has([])

    event = lab.deployed()

    assert event.status == Status.UNSTABLE
    assert "web: no container" in event.error
    assert event.services == [
        {
            "service": "web", "container": "", "state": "missing", "health": "", "exit_code": None,
            "restarts": 0, "verdict": "unstable", "reason": "no container", "image": "", "oom": False,
            "log": [],
        }
    ]  # fmt: skip


def test_a_crash_loop_is_unstable_even_if_it_runs_at_each_look(lab: Lab) -> None:
    App.objects.update(verify_timeout=1, calm_seconds=1)
    lab.engine_has(*[[told(RestartCount=n)] for n in range(5000)])

    event = lab.deployed()

    assert event.status == Status.UNSTABLE
    assert "Not calm for 1 s: web: restarted " in event.error
    assert event.services[0]["verdict"] == "unstable"
    assert event.services[0]["reason"].startswith("restarted ")


@pytest.mark.parametrize(("one_shot", "status"), [(True, Status.FAILED), (False, Status.UNSTABLE)])
def test_a_job_that_ends_badly_fails_and_a_service_that_does_is_unstable(
    lab: Lab, one_shot: bool, status: Status
) -> None:
    lab.engine_has([told(Status="exited", ExitCode=3)])

    event = lab.deployed(expected=[asdict(Expectation("web", 1, one_shot, one_shot, True))])

    assert event.status == status
    assert "web: exited with 3" in event.error
    assert event.services[0]["exit_code"] == 3


def test_a_job_that_ends_with_0_is_completed(lab: Lab) -> None:
    lab.engine_has([told()], [told(Status="exited", ExitCode=0)])

    event = lab.deployed(expected=[asdict(Expectation("web", 1, True, True, True))])

    assert event.status == Status.SUCCEEDED
    assert event.services[0]["verdict"] == "completed"


def test_verify_waits_for_health(lab: Lab) -> None:
    starting = [told(Health={"Status": "starting"})]
    lab.engine_has(starting, starting, starting, [told(Health={"Status": "healthy"})])

    event = lab.deployed()

    assert event.status == Status.SUCCEEDED
    assert "Waiting for web (health: starting)" in text_of(event)


def test_an_engine_that_goes_away_in_verify_fails_with_its_name(lab: Lab) -> None:
    App.objects.update(verify_timeout=1)
    lab.runner.on("ps", "--quiet", "--no-trunc", lines=[("stderr", "Cannot connect")], exit_code=1)

    event = lab.deployed()

    assert (event.status, event.step) == (Status.FAILED, "verify")
    assert "The Docker engine does not answer" in event.error


def test_the_credentials_reach_pull_and_up_by_docker_config_alone_and_are_gone_after(lab: Lab) -> None:
    save_credential("127.0.0.1:5999", "alice", "s3cret-of-alice", BY)
    save_credential("ghcr.io", "alice", "not-needed-here", BY)
    seen: list[tuple[str, str]] = []

    def look(call: Call) -> None:
        assert call.env is not None
        folder = Path(call.env["DOCKER_CONFIG"])
        seen.append((str(folder), (folder / "config.json").read_text()))
        assert "s3cret-of-alice" not in str(call.argv) + str(call.env)

    lab.runner.on("compose", "pull", before=look).on("compose", "up", before=look)

    assert lab.deployed().status == Status.SUCCEEDED
    assert len(seen) == 2
    for folder, config in seen:
        assert "127.0.0.1:5999" in config
        assert "ghcr.io" not in config
        assert not Path(folder).exists()


@pytest.mark.parametrize("step", ["pull", "up"])
def test_the_credentials_are_gone_after_a_failure(lab: Lab, step: str) -> None:
    save_credential("127.0.0.1:5999", "alice", "s3cret-of-alice", BY)
    folders: list[Path] = []

    def look(call: Call) -> None:
        folders.append(Path((call.env or {})["DOCKER_CONFIG"]))

    lab.runner.on("compose", step, exit_code=1, before=look)

    lab.deployed()

    assert len(folders) == 1
    assert not folders[0].exists()


def test_secrets_are_replaced_in_log_tail_and_error(lab: Lab) -> None:
    save_credential("127.0.0.1:5999", "alice", "s3cret-of-alice", BY)
    lab.runner.on(
        "compose", "pull", lines=["login s3cret-of-alice", ("stderr", "token=hunter2-hunter2")], exit_code=1
    )

    event = lab.deployed(environment="TOKEN=hunter2-hunter2\n")

    everything = event.error + event.output_tail + text_of(event)
    assert "s3cret-of-alice" not in everything
    assert "hunter2-hunter2" not in everything
    assert "token=••••••••" in everything


def test_the_panels_own_environment_does_not_reach_compose(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEDEPLOY_SECRET_KEY", "the-panels-own")
    monkeypatch.setenv("HOME_MADE", "leak")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")

    lab.deployed(environment="HTTP_PROXY=http://the-app-says.example\n")

    env = next(call.env for call in lab.runner.calls if "pull" in call.argv)
    assert env is not None
    assert "the-panels-own" not in env.values()
    assert "HOME_MADE" not in env
    assert "HTTP_PROXY" not in env  # the app's own value counts in its file


def test_remove_frees_the_slug_and_keeps_history(lab: Lab) -> None:
    lab.deployed()
    lab.engine_has([])

    event = lab.run(lab.queue(Action.REMOVE, arguments={"volumes": True}))

    assert event.status == Status.SUCCEEDED
    assert lab.app.removed_at is not None
    assert not AppFolder("demo").path.exists()
    down = next(argv for argv in lab.runner.commands() if "down" in argv)
    assert "--volumes" in down
    assert DeployEvent.objects.filter(app=lab.app).count() == 2
    assert lab.app.versions.count() == 1


def test_remove_leaves_what_others_put_into_the_folder_and_says_so(lab: Lab) -> None:
    lab.deployed()
    kept = AppFolder("demo").path / "data.txt"
    kept.write_text("mine")

    event = lab.run(lab.queue(Action.REMOVE))

    assert event.status == Status.SUCCEEDED
    assert kept.read_text() == "mine"
    assert "data.txt" in text_of(event)


def test_remove_that_leaves_something_fails_and_the_app_stays(lab: Lab) -> None:
    lab.deployed()
    lab.runner.on("network", "ls", lines=["simpledeploy-demo_default"])

    event = lab.run(lab.queue(Action.REMOVE))

    assert event.status == Status.FAILED
    assert "network simpledeploy-demo_default" in event.error
    assert lab.app.removed_at is None


def test_an_event_behind_a_remove_does_nothing(lab: Lab) -> None:
    lab.deployed()
    restart = lab.queue(Action.RESTART)
    App.objects.update(removed_at=timezone.now())
    lab.runner.calls.clear()

    event = lab.run(restart)

    assert event.status == Status.FAILED
    assert "was removed" in event.error
    assert lab.runner.calls == []


def test_a_lifecycle_event_goes_by_the_version_that_runs_when_its_turn_comes(lab: Lab) -> None:
    lab.deployed()
    deploy = lab.queue(text=compose_text("127.0.0.1:5999/demo/web:2"))
    restart = lab.queue(Action.RESTART)
    lab.run(deploy)

    event = lab.run(restart)

    assert event.version == deploy.version
    assert event.expected == deploy.expected


def test_a_version_changed_in_the_database_is_not_deployed(lab: Lab) -> None:
    event = lab.queue()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE compose_versions SET yaml = 'services: {evil: {image: evil}}'")

    event = lab.run(event)

    assert (event.status, event.step) == (Status.FAILED, "version")
    assert "was changed in the database" in event.error
    assert compose_commands(lab) == []


def test_a_key_that_does_not_decrypt_fails_the_event_in_a_sentence(lab: Lab, settings: Settings) -> None:
    event = lab.queue(environment="A=b\n")
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    event = lab.run(event)

    assert event.status == Status.FAILED
    assert "cannot be decrypted" in event.error


def test_a_full_disk_fails_write_and_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.deployed()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("apps.deployer.app_folder._write_private", full)

    event = lab.deployed(text=compose_text("127.0.0.1:5999/demo/web:2"))

    assert (event.status, event.step) == (Status.FAILED, "write")
    assert "No space left on device" in event.error
    assert (AppFolder("demo").path / "docker-compose.yml").read_text() == compose_text()


def run_and_close(lab: Lab, event: DeployEvent, token: CancelToken) -> None:
    lab.deployer.run(event, token)
    connection.close()


def wait_until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_an_image_that_no_registry_has_is_left_to_be_built(lab: Lab) -> None:
    # Compose 2.26.1.
    told_so = "WARNING: Some service image(s) must be built from source by running:"
    lab.runner.on("compose", "pull", lines=[("stderr", told_so)], exit_code=18)
    lab.runner.on("compose", "pull", "--ignore-buildable")

    event = lab.deployed()

    assert (event.status, event.error) == (Status.SUCCEEDED, "")
    assert sum("pull" in argv for argv in lab.runner.commands()) == 2
