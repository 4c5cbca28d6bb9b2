"""Compose's dry run, as it prints it."""

import json

from apps.deployer.compose import Project
from apps.deployer.plan.rehearsal import Rehearsal, read, rehearse
from apps.deployer.runner.interface import Outcome
from apps.deployer.runner.mock_runner import MockRunner

# What `docker compose --dry-run up -d --remove-orphans` of Compose 2.26.1 printed.
OUTPUT = """\
time="2026-11-24T18:35:30Z" level=warning msg="The \\"X\\" variable is not set. Defaulting to a blank string."
 DRY-RUN MODE -  Network p_back  Creating
 DRY-RUN MODE -  Network p_back  Created
 DRY-RUN MODE -  Volume "p_data"  Creating
 DRY-RUN MODE -  Volume "p_data"  Created
 DRY-RUN MODE -  Container p-old-1  Stopping
 DRY-RUN MODE -  Container p-old-1  Stopped
 DRY-RUN MODE -  Container p-old-1  Removing
 DRY-RUN MODE -  Container p-old-1  Removed
 DRY-RUN MODE -  Container p-db-1  Running
 DRY-RUN MODE -  Container p-web-1  Recreate
 DRY-RUN MODE -  Container p-web-1  Recreated
 DRY-RUN MODE -  Container p-job-1  Created
 DRY-RUN MODE -  Container p-new-1  Creating
 DRY-RUN MODE -  Container p-new-1  Created
 DRY-RUN MODE -  Container p-paused-1  Restart
 DRY-RUN MODE -  Container 7545a89b1bac_p-web-1  Starting
 DRY-RUN MODE -  Container 7545a89b1bac_p-web-1  Started
 DRY-RUN MODE -  Container p-job-1  Starting
"""
MODEL = {"services": {"web": {"image": "a", "profiles": ["x"]}}}


def test_each_line_is_understood():
    assert read(OUTPUT, 0) == Rehearsal(
        containers={
            "p-old-1": "remove",
            "p-db-1": "keep",
            "p-web-1": "recreate",
            "p-job-1": "start",
            "p-new-1": "create",
            "p-paused-1": "start",
        },
        created=frozenset({"p_back", "p_data"}),
        warnings=('The "X" variable is not set. Defaulting to a blank string.',),
    )


def test_a_failure_is_told_in_composes_words():
    output = OUTPUT + "network nonono declared as external, but could not be found\n"
    assert read(output, 1).failure == "network nonono declared as external, but could not be found"
    assert read("", 14).failure == "exit code 14"
    assert read(OUTPUT, 0).failure == ""


def test_the_model_goes_by_standard_input_with_idle_services_as_idle(tmp_path):
    runner = MockRunner().on("--dry-run", lines=[("stderr", " DRY-RUN MODE -  Container p-web-1  Creating")])
    found = rehearse(runner, Project("p", tmp_path / "none"), MODEL, {"debug"})
    assert found is not None
    assert found.containers == {"p-web-1": "create"}
    (call,) = runner.calls
    assert call.argv[-4:] == ["--dry-run", "up", "--no-start", "--remove-orphans"]
    assert call.stdin is not None
    services = json.loads(call.stdin)["services"]
    assert services["web"] == {"image": "a"}
    assert services["debug"]["profiles"]


def test_a_dry_run_that_cannot_get_to_its_end_is_not_asked_for(tmp_path):
    runner = MockRunner()
    for source in ({"content": "x"}, {"environment": "X"}):
        assert rehearse(runner, Project("p", tmp_path), MODEL | {"configs": {"c": source}}, ()) is None
        assert rehearse(runner, Project("p", tmp_path), MODEL | {"secrets": {"c": source}}, ()) is None
    many = {"services": {"web": {"image": "a", "scale": 10**9}}}
    assert rehearse(runner, Project("p", tmp_path), many, ()) is None
    assert runner.calls == []


def test_a_dry_run_that_hangs_says_nothing(tmp_path):
    runner = MockRunner().on("--dry-run", exit_code=143, outcome=Outcome.TIMED_OUT)
    assert rehearse(runner, Project("p", tmp_path), MODEL, ()) is None
