"""`manage.py app` and `manage.py registry` as people and scripts run them: real processes, a real engine."""

import json
import re

from tests.engine.command_line import CommandLine, alone, make, served, web
from tests.lab.children import started_with
from tests.lab.engine import Engine, project_of
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

__all__ = ["alone", "make", "served"]

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00")


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

    back = alone.folder / "back.yml"
    back.write_text(first)
    planned = alone.json("app", "plan", slug, "--file", str(back))
    assert planned["summary"] == "recreate web (image)"
    assert engine.containers(project) == [container], "a plan changes nothing"

    rolled_back = alone.json("app", "rollback", slug, "--to", "1")
    assert rolled_back["plan"]["summary"] == planned["summary"]
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


def test_a_worker_alone_runs_what_waits_and_ends_with_its_stream(
    alone: CommandLine, registry: Registry
) -> None:
    alone.sign_in(registry)
    alone.run("app", "deploy", alone.slug, "--file", alone.file(web(registry)), "--detach")
    worker = alone.panel.popen("worker")
    try:
        wait_until(lambda: alone.events()[0]["status"] == "succeeded", "the worker has run it", timeout=60)
        streams = started_with("events", worker.pid)
        assert len(streams) == 1
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert not streams[0].is_running()


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
