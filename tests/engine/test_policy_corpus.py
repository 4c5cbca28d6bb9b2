"""What people really deploy: harmless files are accepted for everybody, others refused for their reason."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from apps.applications.host_rules.rules import NOTHING, HostRule
from apps.deployer.check import Checked
from tests.engine import test_corpus
from tests.engine.test_corpus import Row

pytestmark = pytest.mark.engine

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compose-policy.md"
_RULE = re.compile(r"Ask an administrator to allow “(.+?)” for this app")


@pytest.fixture(scope="module")
def checked(engine: object) -> dict[str, tuple[Row, Checked]]:
    return test_corpus.check_all(NOTHING)


def table(checked: dict[str, tuple[Row, Checked]]) -> str:
    """Return the table of the document: for each rule the files that it refuses, with the lines."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row, answer in checked.values():
        for problem in answer.problems:
            if match := _RULE.search(problem.message):
                found[match[1]][row.file].append(str(problem.line))
    lines = ["| Rule | Files | Which, at which lines |", "|---|---:|---|"]
    for rule in HostRule:
        files = found.get(rule.label, {})
        told = "; ".join(f"{file} ({', '.join(at)})" for file, at in sorted(files.items()))
        if files:
            lines.append(f"| {rule.label} | {len(files)} | {told} |")
    return "\n".join(lines)


def test_the_document_has_the_table_as_it_is(checked):
    assert table(checked) in DOCUMENT.read_text(encoding="utf-8")


def test_what_compose_takes_is_accepted_or_refused_by_a_rule_at_a_line(checked):
    taken = [(row, answer) for row, answer in checked.values() if row.accepted]
    accepted = [row.file for row, answer in taken if answer.valid]
    problems = [problem for _row, answer in taken for problem in answer.problems]
    assert (len(taken), len(accepted)) == (150, 118)
    assert [p for p in problems if not _RULE.search(p.message) or p.line is None] == []


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("awesome-compose/traefik-golang__compose.yaml", {HostRule.ENGINE_SOCKET}),
        ("awesome-compose/wireguard__compose.yaml", {HostRule.CAPABILITIES, HostRule.HOST_PATHS}),
        ("dokploy-templates/glances.yml", {HostRule.ENGINE_SOCKET, HostRule.NAMESPACES}),
        ("dokploy-templates/windows.yml", {HostRule.CAPABILITIES, HostRule.DEVICES}),
        ("dokploy-templates/multica.yml", {HostRule.REMOTE}),
    ],
)
def test_each_is_refused_for_all_its_reasons_and_no_other(checked, file, rules):
    told = {match[1] for p in checked[file][1].problems if (match := _RULE.search(p.message))}
    assert told == {rule.label for rule in rules}
