"""What a plan asks of Compose and the engine, over a runner that starts nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.applications.content import MAX_YAML_BYTES, Content, InvalidContent
from apps.applications.host_rules.rules import EVERYTHING
from apps.deployer.check import Checked
from apps.deployer.compose import IMAGES_FILE, Project
from apps.deployer.engine_errors import ComposeMissing, EngineUnreachable
from apps.deployer.plan.desired import hashed
from apps.deployer.plan.observed import list_existing
from apps.deployer.plan.planning import make_plan
from apps.deployer.runner.interface import Outcome
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner
from tests.deployer.plans import IMAGE, IMAGE_ID, PROJECT, actions, texts

YAML = "services:\n  web:\n    image: demo/web:1\n"
SECRET = "hunter2-hunter2"
MODEL = {"services": {"web": {"image": IMAGE}}}


@pytest.fixture(autouse=True)
def apps_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"
    return tmp_path / "apps"


def row(name: str, service: str, **fields: str) -> str:
    columns = {
        "id": f"id-{name}",
        "names": name,
        "state": "running",
        "status": "Up 3 minutes",
        "ports": "",
        "project": PROJECT,
        "service": service,
        "number": "1",
        "one_off": "False",
        "hash": "hash-of-web",
        "image": IMAGE_ID,
    }
    return json.dumps(list((columns | fields).values()))


def scripted(*rows: str, model: dict[str, Any] = MODEL) -> MockRunner:
    """Return a runner whose engine has the containers `rows` and whose Compose resolves to `model`."""
    return (
        MockRunner()
        .on("version", lines=["2.26.1"])
        .on("config", "--format", lines=[json.dumps(model)])
        .on("config", "--hash", lines=[f"{name} hash-of-{name}" for name in model["services"]])
        .on("config", "--services", lines=["web", "debug"])
        .on("ps", "--all", lines=list(rows))
        .on("network", "ls", lines=[json.dumps([f"{PROJECT}_default", PROJECT])])
        .on("image", "ls", lines=[json.dumps([IMAGE_ID, "demo/web", "1", "<none>"])])
        .on("context", "inspect", lines=["tcp://elsewhere:2375"])
    )


def commands(runner: MockRunner, *words: str) -> list[Call]:
    return [call for call in runner.calls if all(word in call.argv for word in words)]


def test_a_plan_comes_of_what_compose_and_engine_say():
    runner = scripted(row(f"{PROJECT}-web-1", "web"), row("other", "x", project="else", hash=""))
    found = make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)
    assert actions(found) == {"web": "keep"}
    assert [(one.name, str(one.action)) for one in found.networks] == [(f"{PROJECT}_default", "stays unused")]
    assert found.checked.services == ["web"]


def test_what_is_secret_goes_only_by_standard_input_and_memory():
    runner = scripted(model={"services": {"web": {"image": IMAGE, "environment": {"P": SECRET}}}})
    make_plan(
        Content(YAML, f"P={SECRET}\n"),
        "shop",
        runner,
        host_rules=EVERYTHING,
        current=Content(YAML, "P=old-old-old\n"),
    )
    for call in runner.calls:
        assert SECRET not in " ".join(call.argv)
        assert SECRET not in str(call.env)
    hashing = commands(runner, "--hash")
    assert len(hashing) == 2
    assert all(SECRET.encode() in (call.stdin or b"") for call in hashing)


def test_nothing_is_written_into_the_apps_folder(apps_dir: Path):
    make_plan(Content(YAML, "A=1\n"), "shop", scripted(), host_rules=EVERYTHING, current=None)
    assert not apps_dir.exists()


def test_the_same_content_is_asked_about_once():
    runner = scripted()
    make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=Content(YAML))
    assert len(commands(runner, "config", "--format")) == 1
    assert len(commands(runner, "config", "--hash")) == 1


def pinned_and_plain(runner: MockRunner) -> tuple[int, int]:
    """Return how many contents Compose was asked about with pins, and how many without."""
    asked = commands(runner, "config", "--format")
    pinned = sum(any(word.endswith(IMAGES_FILE) for word in call.argv) for call in asked)
    runner.calls.clear()
    return pinned, len(asked) - pinned


def test_pins_are_a_file_of_their_own_and_part_of_the_fingerprint(apps_dir: Path):
    seen = []

    def read(call: Call) -> Answer:
        assert call.cwd is not None
        seen.extend(path.read_text() for path in call.cwd.iterdir() if path.name == IMAGES_FILE)
        return Answer([json.dumps(MODEL)])

    content, runner = Content(YAML), scripted().on("--no-path-resolution", answer=read)
    plain = make_plan(content, "shop", runner, host_rules=EVERYTHING, current=content)
    assert pinned_and_plain(runner) == (0, 1)

    pinned = make_plan(content, "shop", runner, host_rules=EVERYTHING, current=content, pins="services: {}\n")
    assert pinned_and_plain(runner) == (1, 1)
    assert seen == ["services: {}\n"]
    assert (plain.pins_sha256, len(pinned.pins_sha256)) == ("", 64)
    assert plain.fingerprint != pinned.fingerprint


def test_what_runs_with_pins_is_compared_as_it_was_deployed(apps_dir: Path):
    (apps_dir / "shop").mkdir(parents=True)
    (apps_dir / "shop" / IMAGES_FILE).write_text("services: {} # pinned\n")
    runner = scripted()
    make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=Content(YAML))
    assert pinned_and_plain(runner) == (1, 1)


def test_a_content_that_compose_refuses_has_its_problems():
    words = "services.web.image must be a string"
    runner = scripted().on("--no-path-resolution", lines=[("stderr", words)], exit_code=15)
    with pytest.raises(InvalidContent, match="line 3, column 5: Compose refuses the file"):
        make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)


def test_a_current_version_that_compose_no_longer_takes_is_no_obstacle():
    def read(call: Call) -> Answer:
        assert call.cwd is not None
        if "old" in (call.cwd / "docker-compose.yml").read_text():
            return Answer([("stderr", "env file gone.env not found")], exit_code=1)
        return Answer([json.dumps(MODEL)])

    container = row(f"{PROJECT}-web-1", "web", hash="older")
    runner = scripted(container)
    runner.on("--no-path-resolution", answer=read)
    found = make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=Content(f"# old\n{YAML}"))
    assert actions(found) == {"web": "recreate"}
    assert "changed outside the panel" in texts(found, "web")[0]


def test_an_engine_that_is_gone_is_said():
    words = "Is the docker daemon running?"
    runner = scripted()
    runner.on("ps", "--no-trunc", lines=[("stderr", words)], exit_code=1)
    with pytest.raises(EngineUnreachable, match=r"Is the docker daemon running\?"):
        make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)


def test_compose_that_is_missing_is_said():
    runner = MockRunner().on("version", exit_code=127, outcome=Outcome.NOT_STARTED)
    with pytest.raises(ComposeMissing):
        make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)
    assert len(runner.calls) == 1


def test_no_dry_run_is_asked_for_where_an_image_is_missing():
    runner = scripted()
    runner.on("ls", "--digests", lines=[])
    found = make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)
    assert commands(runner, "--dry-run") == []
    assert not found.rehearsed


def test_profiles_are_asked_for_only_where_a_container_has_no_service():
    runner = scripted(row(f"{PROJECT}-web-1", "web"))
    make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)
    assert commands(runner, "--services") == []
    runner = scripted(row(f"{PROJECT}-debug-1", "debug"))
    runner.on("ls", "--digests", lines=[])
    found = make_plan(Content(YAML), "shop", runner, host_rules=EVERYTHING, current=None)
    assert actions(found) == {"debug": "keep", "web": "create"}


def test_what_shares_something_is_hashed_with_the_container(tmp_path: Path):
    runner = MockRunner().on("--hash", lines=["side b", "side.scaled-by-the-panel c", "host d"])
    side = {
        "network_mode": "service:web",
        "pid": "service:none",
        "volumes_from": ["web:ro", "container:c:ro"],
        "depends_on": {"host": {"condition": "service_started"}, "gone": {"required": False}},
    }
    model = {"services": {"side": side, "host": {"network_mode": "host", "profiles": ["x"]}}}
    containers = {"web": "id-of-web", "none": ""}
    found = hashed(runner, Project("p", tmp_path), Checked(model=model), containers.__getitem__)
    assert found.hashes == {"side": "b", "host": "d"}
    assert found.scaled == {"side": "c", "host": "d"}
    assert runner.calls[0].stdin is not None
    services = json.loads(runner.calls[0].stdin)["services"]
    assert services["side"] == {
        "network_mode": "container:id-of-web",
        "pid": f"container:{'0' * 64}",
        "volumes_from": ["id-of-web", "c"],
        "depends_on": {"host": {"condition": "service_started"}},
    }
    assert services["side.scaled-by-the-panel"] == {
        key: value for key, value in services["side"].items() if key != "depends_on"
    }
    assert services["host"] == {"network_mode": "host"}
    assert side["network_mode"] == "service:web", "the model itself is left as it was"


def test_every_container_of_the_engine_is_read():
    runner = scripted(
        row("web", "web", names="b/alias,web", status="Exited (137) 2 hours ago", state="exited"),
        row("x", "", project="", number="", hash="", image="", ports="0.0.0.0:80->80/tcp"),
        row("once", "web", one_off="True"),
    )
    web, x, once = list_existing(runner)
    assert (web.name, web.state, web.exit_code, web.runs) == ("web", "exited", 137, False)
    assert (x.project, x.number, [str(port) for port in x.ports]) == ("", 0, ["0.0.0.0:80/tcp"])
    assert once.one_off


def test_a_huge_file_is_planned_too():
    names = [f"s{n}" for n in range(5_000)]
    text = "services:\n" + "".join(f"  {name}: {{image: demo/web:1}} # {'x' * 150}\n" for name in names)
    assert MAX_YAML_BYTES * 0.8 < len(text) < MAX_YAML_BYTES
    model = {"services": {name: {"image": IMAGE, "ports": []} for name in names}}
    found = make_plan(Content.read(text), "shop", scripted(model=model), host_rules=EVERYTHING, current=None)
    assert len(found.services) == len(names)
    assert len(found.fingerprint) == 64
