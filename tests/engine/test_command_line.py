"""`manage.py app` and `manage.py registry` as people and scripts run them: real processes, a real engine."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.panel import ROOT, PanelProcess
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import wait_until

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00")


class CommandLine:
    """One panel's command line and the one app of a test."""

    def __init__(self, panel: PanelProcess, slug: str, folder: Path) -> None:
        self.panel = panel
        self.slug = slug
        self.folder = folder

    def file(self, yaml: str, name: str = "compose.yml") -> str:
        path = self.folder / name
        path.write_text(yaml)
        return str(path)

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done = self.panel.manage(*words, **options)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: str, code: int = 0, **options: Any) -> Any:
        done = self.run(*words, "--json", **options)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def deploy(self, yaml: str, *words: str, code: int = 0) -> Any:
        return self.json("app", "deploy", self.slug, "--file", self.file(yaml), *words, code=code)

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.json("app", "events", self.slug)
        return events

    def sign_in(self, registry: Registry) -> None:
        done = self.run(
            "registry", "add", registry.host, "--username", registry.username, input=registry.password
        )
        assert done.returncode == 0, done.stderr


MakeCommandLine = Callable[..., CommandLine]


@pytest.fixture
def make(
    panel_process: Callable[..., PanelProcess], compose_project_cleanup: ProjectCleanup, tmp_path: Path
) -> MakeCommandLine:
    def make(**options: Any) -> CommandLine:
        return CommandLine(panel_process(**options), compose_project_cleanup("cli"), tmp_path)

    return make


@pytest.fixture
def alone(make: MakeCommandLine) -> CommandLine:
    """A command line where no worker runs."""
    return make(start=False)


@pytest.fixture
def served(make: MakeCommandLine) -> CommandLine:
    """A command line beside a running panel."""
    return make()


def web(registry: Registry, tag: str = "1", more: str = "") -> str:
    return f"services:\n  web:\n    image: {registry.ref('web', tag)}\n{more}"


def stalled(registry: StallingRegistry) -> str:
    return f"services:\n  web:\n    image: {registry.ref()}\n"


def compose_processes(slug: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if project_of(slug) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for_step(line: CommandLine, step: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        done = line.run("app", "events", line.slug, "--json")
        # Refused until the app is there.
        newest: dict[str, Any] = json.loads(done.stdout)[0] if done.returncode == 0 else {"step": None}
        return newest if newest["step"] == step else None

    event = wait_until(reached, f"the event is in step {step}")
    assert event is not None
    return event


def test_the_life_of_an_app_where_no_worker_runs(
    alone: CommandLine, engine: Engine, registry: Registry
) -> None:
    alone.sign_in(registry)
    registry.forget_local()
    slug, project = alone.slug, project_of(alone.slug)
    env = alone.folder / "shop.env"
    env.write_text("GREETING=good $morning 'all'\n")
    first = web(
        registry, more="    environment: [GREETING]\n    volumes: ['content:/data']\nvolumes: {content: {}}\n"
    )

    event = alone.deploy(first, "--env-file", str(env), "--message", "first")
    assert event["status"] == "succeeded"
    assert event["action"] == "deploy"
    assert event["version"] == 1
    assert [step["name"] for step in event["steps"]] == [
        "version", "write", "credentials", "pull", "up", "verify", "record",
    ]  # fmt: skip
    assert event["services"][0]["service"] == "web"
    assert event["images"]["web"]["digest"].startswith(f"{registry.host}/")
    assert event["requested_from"] == "command line"
    for column in ("queued_at", "started_at", "finished_at"):
        assert ISO.fullmatch(event[column])
    (container,) = engine.containers(project)
    assert "GREETING=good $morning 'all'" in engine.inspect(container)["Config"]["Env"]

    assert alone.deploy(first, "--env-file", str(env))["version"] == 1, "the same content is no new version"

    second = first.replace(registry.ref("web", "1"), registry.ref("web", "2"))
    assert alone.deploy(second)["version"] == 2
    (container,) = engine.containers(project)
    assert "GREETING=good $morning 'all'" in engine.inspect(container)["Config"]["Env"], "kept on redeploy"
    engine.run("exec", container, "sh", "-c", "echo precious > /data/file")

    rolled_back = alone.json("app", "rollback", slug, "--to", "1")
    assert (rolled_back["action"], rolled_back["version"]) == ("rollback", 1)
    (container,) = engine.containers(project)
    assert engine.run("exec", container, "cat", "/www/index.html", "/data/file").stdout == "web 1precious\n"

    scaled = alone.json("app", "scale", slug, "web=3")
    assert scaled["arguments"] == {"scale": {"web": 3}}
    assert len(engine.containers(project)) == 3

    for action, state in (("stop", "stopped"), ("start", "up"), ("restart", "up"), ("pull", "up")):
        assert alone.json("app", action, slug)["status"] == "succeeded"
        (app,) = alone.json("app", "list")
        assert (app["slug"], app["state"], app["current_version"]) == (slug, state, 1)
        assert app["deploying"] is None

    versions = alone.json("app", "versions", slug)
    assert [version["number"] for version in versions] == [2, 1]
    assert versions[1]["note"] == "first"
    assert versions[1]["environment"] == ["GREETING"]
    assert versions[1]["sha256"] != versions[0]["sha256"]

    removed = alone.json("app", "remove", slug)
    assert removed["status"] == "succeeded"
    assert not engine.containers(project)
    assert not engine.networks(project)
    assert engine.volumes(project), "volumes go only when asked"
    assert alone.json("app", "list") == []
    actions = [event["action"] for event in alone.events()]
    assert actions == [
        "remove", "pull", "restart", "start", "stop", "scale", "rollback", "deploy", "deploy", "deploy",
    ]  # fmt: skip
    assert alone.deploy(first)["version"] == 1, "the slug can be used again"
    assert alone.json("app", "remove", slug, "--volumes")["arguments"] == {"volumes": True}
    assert not engine.volumes(project)


def test_following_writes_the_output_to_stdout_and_the_progress_to_stderr(
    alone: CommandLine, registry: Registry
) -> None:
    alone.sign_in(registry)
    done = alone.run("app", "deploy", alone.slug, "--file", alone.file(web(registry)))
    assert done.returncode == 0
    assert f"Container {project_of(alone.slug)}-web-1  Started" in done.stdout
    assert "Step " not in done.stdout
    event = alone.events()[0]["id"]
    assert done.stderr.startswith(f"Event {event}: deploy {alone.slug}, version 1.\n")
    assert "Step verify ...\n" in done.stderr
    assert f"Event {event} succeeded after " in done.stderr
    assert registry.password not in done.stdout + done.stderr

    logged = alone.run("app", "logs", str(event))
    assert logged.stdout == done.stdout
    lines = alone.json("app", "logs", str(event))
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert "".join(line["text"] + "\n" for line in lines) == done.stdout


def test_a_running_panel_takes_the_event(served: CommandLine, registry: Registry) -> None:
    served.sign_in(registry)
    event = served.deploy(web(registry))
    assert event["status"] == "succeeded"
    assert f":{served.panel.pid}:" in event["worker"]


def test_detach_queues_and_the_panel_runs_it(served: CommandLine, registry: Registry) -> None:
    served.sign_in(registry)
    event = served.deploy(web(registry), "--detach")
    assert event["status"] in ("queued", "running")
    wait_until(lambda: served.events()[0]["status"] == "succeeded", "the panel has run it")


def test_detach_without_a_worker_waits_for_one(alone: CommandLine, registry: Registry) -> None:
    alone.sign_in(registry)
    done = alone.run("app", "deploy", alone.slug, "--file", alone.file(web(registry)), "--detach")
    assert done.returncode == 0
    assert "No worker runs" in done.stderr
    assert alone.events()[0]["status"] == "queued"
    alone.panel.start()
    wait_until(lambda: alone.events()[0]["status"] == "succeeded", "the panel has run it")


def test_a_pull_that_fails_exits_with_1_and_names_the_registry(
    alone: CommandLine, engine: Engine, registry: Registry
) -> None:
    registry.forget_local()
    done = alone.run("app", "deploy", alone.slug, "--file", alone.file(web(registry)))
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert registry.host in done.stderr
    assert not engine.containers(project_of(alone.slug))


def test_a_job_that_fails_exits_with_1(alone: CommandLine, registry: Registry) -> None:
    alone.sign_in(registry)
    yaml = (
        f"services:\n  job:\n    image: {registry.ref('job')}\n    environment: {{EXIT_CODE: '7'}}\n"
        f"  web:\n    image: {registry.ref('web')}\n"
    )
    event = alone.deploy(yaml, code=1)
    assert event["status"] in ("failed", "unstable")
    (job,) = [service for service in event["services"] if service["service"] == "job"]
    assert job["exit_code"] == 7


class TestCtrlC:
    def test_it_leaves_an_event_of_the_panel_which_cancel_then_ends(
        self, served: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = served.file(stalled(stalling_registry))
        following = served.panel.popen("app", "deploy", served.slug, "--file", file)
        event = wait_for_step(served, "pull")
        following.send_signal(signal.SIGINT)
        _out, err = following.communicate(timeout=10)
        assert following.returncode == 3
        assert f"manage.py app cancel {served.slug} --event {event['id']}" in err
        assert "Traceback" not in err
        assert served.events()[0]["status"] == "running"

        done = served.run("app", "cancel", served.slug)
        assert done.returncode == 0
        assert done.stdout == f"Event {event['id']}: deploy {served.slug}, version 1: cancelled.\n"
        (ended,) = served.events()
        assert (ended["status"], ended["step"]) == ("cancelled", "pull")
        assert ended["cancel_requested_by"]
        assert not compose_processes(served.slug)

    def test_it_cancels_an_event_that_the_command_runs_itself(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        following.send_signal(signal.SIGINT)
        _out, err = following.communicate(timeout=15)
        assert following.returncode == 3
        assert "Traceback" not in err
        (event,) = alone.events()
        assert (event["status"], event["step"]) == ("cancelled", "pull")
        assert not compose_processes(alone.slug)

    def test_somebody_elses_cancel_ends_the_follower_with_3(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        assert alone.json("app", "cancel", alone.slug)["status"] == "cancelled"
        following.communicate(timeout=15)
        assert following.returncode == 3

    def test_an_event_whose_command_was_killed_is_closed_by_cancel(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        following.kill()
        following.communicate()
        done = alone.run("app", "cancel", alone.slug)
        assert done.returncode == 1
        assert alone.events()[0]["status"] == "interrupted"
        assert not compose_processes(alone.slug)


class TestOnATerminal:
    @pytest.fixture
    def terminal(self, alone: CommandLine) -> Iterator[Callable[..., tuple[int, str]]]:
        descriptors: list[int] = []

        def run(*words: str, press: bytes = b"", when: str = "") -> tuple[int, str]:
            """Run manage.py on a terminal; type `press` once `when` was written. Return code and output."""
            ours, theirs = pty.openpty()
            descriptors.append(ours)
            process = subprocess.Popen(
                [sys.executable, "manage.py", *words],
                cwd=ROOT,
                env={**alone.panel.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                preexec_fn=become_terminal_leader,
            )
            os.close(theirs)
            text = b""
            while True:
                try:
                    read = os.read(ours, 65536)
                except OSError:
                    break
                text += read
                if press and when.encode() in text:
                    os.write(ours, press)
                    press = b""
            return process.wait(timeout=10), text.decode()

        yield run
        for descriptor in descriptors:
            os.close(descriptor)

    def test_the_steps_are_drawn_with_their_times(
        self, alone: CommandLine, registry: Registry, terminal: Callable[..., tuple[int, str]]
    ) -> None:
        alone.sign_in(registry)
        code, text = terminal("app", "deploy", alone.slug, "--file", alone.file(web(registry)))
        assert code == 0, text
        last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")
        for step in ("version", "write", "credentials", "pull", "up", "verify", "record"):
            assert re.search(rf"✓ +{step} +\d+\.\d s\n", last), last
        assert "web-1  Started" in last
        assert text.rstrip().endswith("\x1b[0m"), "colours are off again"
        assert "\x1b[?25h" in text, "the cursor is back"

    def test_ctrl_c_is_heard(
        self,
        alone: CommandLine,
        stalling_registry: StallingRegistry,
        terminal: Callable[..., tuple[int, str]],
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        code, text = terminal("app", "deploy", alone.slug, "--file", file, press=b"\x03", when="pull ")
        assert code == 3, text
        assert "Traceback" not in text
        assert alone.events()[0]["status"] == "cancelled"
        assert not compose_processes(alone.slug)

    def test_a_password_is_asked_for_and_not_echoed(
        self, alone: CommandLine, terminal: Callable[..., tuple[int, str]]
    ) -> None:
        code, text = terminal(
            "registry", "add", "ghcr.io", "--username", "alice", press=b"typed-secret\n", when="Password of"
        )
        assert code == 0, text
        assert "typed-secret" not in text
        assert "ghcr.io: added." in text


def become_terminal_leader() -> None:
    """Make the child's standard input its controlling terminal, so that Ctrl-C there is a signal to it."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_reader_that_leaves_is_no_error(alone: CommandLine, registry: Registry) -> None:
    alone.sign_in(registry)
    chatty = f"services:\n  web:\n    image: {registry.ref('web')}\n"
    file = alone.file(chatty)
    for words in (["app", "deploy", alone.slug, "--file", file], ["app", "list"], ["app", "logs", "1"]):
        process = alone.panel.popen(*words)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=60) == 0, err
        assert "Traceback" not in err
        assert "BrokenPipe" not in err
        process.stderr.close()
    assert alone.events()[0]["status"] == "succeeded", "the deploy went on without a reader"


class TestRegistry:
    def test_check_really_logs_in(self, alone: CommandLine, registry: Registry) -> None:
        alone.sign_in(registry)
        done = alone.run("registry", "check", registry.host)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{registry.host}: {registry.username} may log in.\n"
        alone.run("registry", "add", registry.host, "--username", "alice", input="not-the-password")
        done = alone.run("registry", "check", registry.host)
        assert (done.returncode, done.stdout) == (2, "")
        assert registry.host in done.stderr
        assert "not-the-password" not in done.stderr

    def test_json_tells_everything_but_the_password(self, alone: CommandLine, registry: Registry) -> None:
        words = ["registry", "add", registry.host, "--username", "alice"]
        added = alone.json(*words, input="very-secret-pw")
        assert alone.json("registry", "list") == [added]
        assert added.keys() == {"host", "username", "only_apps", "created_at", "updated_at"}
        assert "very-secret-pw" not in json.dumps(added)
        assert alone.json("registry", "remove", registry.host)["host"] == registry.host
        assert alone.json("registry", "list") == []
