"""Real Compose, hostile files: each is refused by its rule for somebody without rights on the host."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING, NOTHING, HostRule
from apps.deployer.check import Checked, check_content
from apps.deployer.runner import default_runner
from tests.engine.hostile_files import SECRET, Hostile, hostile_files, prepare

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def checked(engine: object, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Hostile, Checked]]:
    place = tmp_path_factory.mktemp("hostile")
    folder, outside = place / "hostile", place / "outside"
    prepare(folder, outside)
    files = hostile_files(outside)
    with ThreadPoolExecutor(4) as pool:
        return list(zip(files, pool.map(lambda file: check(file, folder), files), strict=True))


def check(file: Hostile, folder: Path) -> Checked:
    content = Content.read(file.yaml, file.environment)
    return check_content(
        content, default_runner(), host_rules=NOTHING, project="simpledeploy-hostile", folder=folder
    )


def test_there_are_many_and_each_rule_that_this_compose_can_break_has_some(checked):
    counts = Counter(file.rule for file, _ in checked)
    assert len(checked) >= 120
    # Compose 2.26 knows no `provider` and no `models`; tests/applications/host_rules has these.
    assert counts.keys() == set(HostRule) - {HostRule.PROGRAMS}


def test_each_is_refused_by_its_rule(checked):
    wrong = [
        (file.name, file.rule.label, [str(problem) for problem in found.problems])
        for file, found in checked
        if not any(f"allow “{file.rule.label}” for this app" in problem.message for problem in found.problems)
    ]
    assert wrong == []


def test_each_reason_stands_at_a_line(checked):
    nowhere = [
        (file.name, str(problem))
        for file, found in checked
        for problem in found.problems
        if problem.line is None
    ]
    assert nowhere == []


def test_of_a_file_outside_nothing_comes_out_and_compose_reads_nothing(checked):
    unread = [(file, found) for file, found in checked if file.unread]
    assert len(unread) > 30
    assert [file.name for file, found in unread if found.model or found.warnings] == []
    assert [
        file.name for file, found in checked if SECRET in f"{found.model}{found.problems}{found.warnings}"
    ] == []


def test_the_same_is_no_problem_for_who_may_everything(engine, tmp_path):
    folder, outside = tmp_path / "hostile", tmp_path / "outside"
    prepare(folder, outside)
    text = f"services:\n  web:\n    image: x\n    privileged: true\n    env_file: {outside}/secret.env\n"
    found = check_content(Content.read(text), default_runner(), host_rules=EVERYTHING, folder=folder)
    assert found.valid
    assert [rule for rule, _subject in found.asks] == [HostRule.FILES, HostRule.PRIVILEGED]
