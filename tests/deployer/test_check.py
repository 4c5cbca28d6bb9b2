import json
import stat
from pathlib import Path

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING, NOTHING
from apps.core.secret import MASK
from apps.deployer.check import check_content, require_compose
from apps.deployer.compose import Project, config, version
from apps.deployer.engine_errors import ComposeMissing, ComposeTooOld, EngineProblem
from apps.deployer.runner.interface import Outcome
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner

YAML = "services:\n  web:\n    image: ghcr.io/shop/web:${TAG}\n  db:\n    image: postgres\n"
MODEL = {
    "name": "simpledeploy-check",
    "services": {
        "web": {"image": "ghcr.io/shop/web:1"},
        "db": {"image": "postgres"},
        "copy": {"image": "postgres"},
        "built": {"build": {"context": "."}},
    },
}


class Seen:
    """What lay in the staging folder when Compose was called."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.modes: set[int] = set()
        self.call: Call | None = None

    def __call__(self, call: Call) -> None:
        self.call = call
        assert call.cwd is not None
        self.modes = {stat.S_IMODE(call.cwd.stat().st_mode)}
        self.files = {entry.name: entry.read_text() for entry in call.cwd.iterdir() if entry.is_file()}


def answering(model: object = MODEL, *, seen: Seen | None = None, **answer: object) -> MockRunner:
    answer = answer or {"lines": [json.dumps(model)]}
    return MockRunner().on("version", lines=["2.26.1-4"]).on("config", before=seen, **answer)


def test_it_tells_services_images_and_registries():
    checked = check_content(Content(YAML), answering(), host_rules=EVERYTHING)
    assert checked.valid
    assert checked.services == ["built", "copy", "db", "web"]
    assert checked.images == ["ghcr.io/shop/web:1", "postgres"]
    assert checked.registries == ["docker.io", "ghcr.io"]
    assert checked.model == MODEL


def test_compose_reads_both_files_from_a_private_folder_that_is_gone_afterwards():
    seen = Seen()
    runner = answering(seen=seen)
    check_content(
        Content(YAML, "TAG=1\nPASSWORD='a b'\n"), runner, project="simpledeploy-shop", host_rules=EVERYTHING
    )
    assert seen.files == {"docker-compose.yml": YAML, ".env": "TAG=1\nPASSWORD='a b'\n"}
    assert seen.modes == {0o700}
    assert seen.call is not None
    assert seen.call.cwd is not None
    assert not seen.call.cwd.exists()
    assert runner.commands() == [version(), config(Project("simpledeploy-shop", seen.call.cwd))]


def test_without_an_environment_there_is_no_env_file():
    seen = Seen()
    check_content(Content(YAML), answering(seen=seen), host_rules=EVERYTHING)
    assert list(seen.files) == ["docker-compose.yml"]


def test_the_environment_of_the_app_hides_the_panels_of_the_same_name(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("SIMPLEDEPLOY_SECRET_KEY", "hunter2hunter2")
    seen = Seen()
    check_content(Content(YAML, "HTTP_PROXY=other\n"), answering(seen=seen), host_rules=EVERYTHING)
    assert seen.call is not None
    assert seen.call.env is not None
    assert "HTTP_PROXY" not in seen.call.env
    assert "hunter2" not in str(seen.call.env)
    assert "PATH" in seen.call.env


def test_other_files_of_the_app_are_seen_but_not_its_present_two(tmp_path: Path):
    for name in ("docker-compose.yml", ".env", "extra.env", "base.yml"):
        (tmp_path / name).write_text(f"old {name}")
    seen = Seen()
    check_content(Content(YAML), answering(seen=seen), folder=tmp_path, host_rules=EVERYTHING)
    assert seen.files == {
        "docker-compose.yml": YAML,
        "extra.env": "old extra.env",
        "base.yml": "old base.yml",
    }
    assert (tmp_path / "extra.env").read_text() == "old extra.env"


def test_a_folder_that_is_not_there_yet_is_no_fault(tmp_path: Path):
    assert check_content(Content(YAML), answering(), folder=tmp_path / "none", host_rules=EVERYTHING).valid


def test_a_refusal_has_its_line_and_no_staging_path():
    def refuse(call: Call) -> Answer:
        words = f"validating {call.cwd}/docker-compose.yml: services.web.image must be a string"
        return Answer([("stderr", words)], exit_code=15)

    runner = MockRunner().on("version", lines=["2.26.1"]).on("config", answer=refuse)
    checked = check_content(Content(YAML), runner, host_rules=EVERYTHING)
    (problem,) = checked.problems
    assert not checked.valid
    assert (problem.line, problem.column) == (3, 5)
    assert problem.message == "Compose refuses the file: services.web.image must be a string."


def test_values_of_the_environment_are_masked_in_problems_and_warnings():
    lines = [
        ("stderr", 'time="2026-01-01T00:00:00Z" level=warning msg="odd: hunter2hunter2"'),
        ("stderr", "invalid spec: hunter2hunter2:: empty section between colons"),
    ]
    checked = check_content(
        Content(YAML, "P=hunter2hunter2\n"), answering(lines=lines, exit_code=1), host_rules=EVERYTHING
    )
    assert checked.warnings == [f"odd: {MASK}"]
    assert f"invalid spec: {MASK}::" in checked.problems[0].message


SECRET = "Hunter2/Hunter2:Hunter2"


@pytest.mark.parametrize(
    "service",
    [
        {"cap_add": [SECRET]},  # told in capitals
        {"cap_add": ["SYS_ADMIN"], "runtime": SECRET},
        {"sysctls": {SECRET: "1"}},  # with dots for slashes
        {"security_opt": [f"x={SECRET}"]},
        {"devices": [f"{SECRET}/x:/dev/x"]},  # a part of it
        {"volumes_from": [f"container:{SECRET}"]},
        {"annotations": {SECRET: "x"}},
        {"network_mode": f"container:{SECRET}"},
        {"image": f"my_host.example.{SECRET}/x"},
        {"image": f"{'x' * 85}.my_host.{SECRET}/x"},  # of which the sentence shows the beginning
        {"volumes": [{"type": "bind", "source": f"/srv/{SECRET}/../{SECRET}", "target": "/x"}]},
    ],
)
def test_no_rule_tells_a_value_of_the_environment_however_it_writes_it(service: dict[str, object]):
    model = {"services": {"web": {"image": "x", **service}}}
    content = Content("services:\n  web:\n    image: ${P}\n", f"P={SECRET}\n")
    checked = check_content(content, answering(model), host_rules=NOTHING)
    assert checked.problems
    told = "\n".join(problem.message for problem in checked.problems).lower()
    assert "hunter2" not in told
    if "runtime" in service:
        assert "capability sys_admin is more" in told


def test_a_part_of_a_value_that_compose_took_apart_is_masked():
    content = Content(YAML, "URL=postgres://shop:p4ssw0rd@db/shop\n")
    answer = answering(lines=[("stderr", "Invalid containerPort: p4ssw0rd@db/shop")], exit_code=1)
    assert "p4ssw0rd" not in check_content(content, answer, host_rules=EVERYTHING).problems[0].message

    model = {"services": {"web": {"volumes": [{"type": "bind", "source": "/x/p4ssw0rd@db", "target": "/y"}]}}}
    (problem,) = check_content(content, answering(model), host_rules=NOTHING).problems
    assert problem.message.startswith(f"/x/{MASK} is outside of the app's folder.")


def test_a_secret_that_composes_words_end_within_is_masked():
    for padding in range(980, 1000):
        words = f"invalid: {'x' * (padding - len('invalid: '))}{SECRET}"
        answer = answering(lines=[("stderr", words)], exit_code=1)
        content = Content(YAML, f"P={SECRET}\n")
        (problem,) = check_content(content, answer, host_rules=EVERYTHING).problems
        assert "Hunter" not in problem.message


def test_the_resolved_model_is_not_in_the_repr():
    model = {"services": {"web": {"image": "x", "environment": {"P": "hunter2hunter2"}}}}
    assert "hunter2" not in repr(check_content(Content(YAML), answering(model), host_rules=EVERYTHING))


def test_warnings_are_told():
    lines = [
        json.dumps(MODEL),
        (
            "stderr",
            'time="x" level=warning msg="The \\"TAG\\" variable is not set. Defaulting to a blank string."',
        ),
    ]
    checked = check_content(Content(YAML), answering(lines=lines), host_rules=EVERYTHING)
    assert checked.valid
    assert checked.warnings == ['The "TAG" variable is not set. Defaulting to a blank string.']


def test_a_file_whose_profiles_are_all_off_is_refused():
    checked = check_content(Content(YAML), answering({"services": {}}), host_rules=EVERYTHING)
    assert [(problem.line, problem.column) for problem in checked.problems] == [(1, 1)]
    assert "COMPOSE_PROFILES" in checked.problems[0].message


def test_an_image_of_an_impossible_registry_is_refused_at_its_line():
    model = {"services": {"web": {"image": "my_host.example/x"}}}
    (problem,) = check_content(Content(YAML), answering(model), host_rules=EVERYTHING).problems
    assert (problem.line, problem.column) == (3, 5)
    assert "my_host.example/x cannot be pulled" in problem.message


def test_docker_that_is_not_there_is_said():
    runner = MockRunner().on("version", exit_code=127, outcome=Outcome.NOT_STARTED)
    with pytest.raises(ComposeMissing, match="Docker Compose was not found"):
        check_content(Content(YAML), runner, host_rules=EVERYTHING)
    assert runner.commands() == [version()]


def test_docker_without_the_compose_plugin_is_said_in_its_words():
    runner = MockRunner().on(
        "version", lines=[("stderr", "docker: 'compose' is not a docker command.")], exit_code=1
    )
    with pytest.raises(ComposeMissing, match="It said: docker: 'compose' is not a docker command"):
        check_content(Content(YAML), runner, host_rules=EVERYTHING)


@pytest.mark.parametrize("text", ["2.19.1", "v2.4.0", "1.29.2"])
def test_a_compose_that_is_too_old_is_refused(text):
    with pytest.raises(ComposeTooOld, match=f"Compose {text} is too old.*Install version 2.20 or later"):
        check_content(Content(YAML), MockRunner().on("version", lines=[text]), host_rules=EVERYTHING)


@pytest.mark.parametrize("text", ["2.20.0", "v2.26.1-4", "5.0.1", "dev"])
def test_a_newer_compose_is_taken_and_not_asked_again(text):
    runner = MockRunner().on("version", lines=[text])
    require_compose(runner)
    require_compose(runner)
    assert runner.commands() == [version()]


def test_a_compose_that_was_installed_meanwhile_is_found():
    runner = MockRunner().on("version", exit_code=1).on("version", lines=["2.26.1"])
    with pytest.raises(ComposeMissing):
        require_compose(runner)
    require_compose(runner)


def test_a_compose_that_does_not_finish_is_no_fault_of_the_content():
    with pytest.raises(EngineProblem, match="did not finish reading the file within 60 seconds"):
        check_content(
            Content(YAML), answering(exit_code=143, outcome=Outcome.TIMED_OUT), host_rules=EVERYTHING
        )


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_an_answer_that_is_no_json_is_no_fault_of_the_content(text):
    with pytest.raises(EngineProblem, match="cannot be read"):
        check_content(Content(YAML), answering(lines=[text]), host_rules=EVERYTHING)


def test_a_full_memory_is_said_in_a_sentence(monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(EngineProblem, match=r"No space left on device\. Nothing was changed"):
        check_content(Content(YAML), answering(), host_rules=EVERYTHING)
