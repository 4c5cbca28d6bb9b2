"""What people really deploy: files are accepted or refused as by Compose itself, with the same images.

For those without rights on the host harmless files are accepted, others refused for their reason.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING, NOTHING, HostRights, HostRule
from apps.deployer.check import Checked, check_content
from apps.deployer.runner import default_runner
from tests.lab.requirement import missing

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "compose-corpus"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compose-policy.md"
_RULE = re.compile(r"Ask an administrator to allow “(.+?)” for this app")

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Row:
    """What Compose says of one file, alone in a folder and with an empty environment."""

    file: str
    accepted: bool
    services: int
    images: list[str]
    error: str


def rows() -> Iterator[Row]:
    with (CORPUS / "expected.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row(
                row["file"],
                row["compose"] == "ok",
                int(row["services"]),
                sorted(set((row["images"] or "").split())),
                row["error"] or "",
            )


Corpus = dict[str, tuple[Row, Checked]]


@pytest.fixture(scope="module")
def for_everybody(engine: object) -> Corpus:
    """What is made of the files for somebody who may ask nothing of the host."""
    if not (CORPUS / "expected.tsv").is_file():
        missing("corpus", f"there is no {CORPUS}.")
    return check_all(rows(), NOTHING)


@pytest.fixture(scope="module")
def checked(for_everybody: Corpus) -> Corpus:
    """What is made of them for somebody who may ask everything: no less is accepted than for everybody."""
    refused = [row for row, found in for_everybody.values() if not found.valid]
    return for_everybody | check_all(refused, EVERYTHING)


def check_all(files: Iterable[Row], host_rules: HostRights) -> Corpus:
    """Return each of `files` with what is made of it for somebody who may ask `host_rules` of the host."""

    def read(row: Row) -> tuple[Row, Checked]:
        content = Content.read((CORPUS / row.file).read_bytes())
        return row, check_content(content, default_runner(), host_rules=host_rules)

    # Two at a time, as two people would.
    with ThreadPoolExecutor(2) as pool:
        return {row.file: (row, found) for row, found in pool.map(read, files)}


def test_the_whole_corpus_is_there(checked):
    assert len(checked) == 156
    assert sum(row.accepted for row, _ in checked.values()) == 150


def test_each_file_is_accepted_or_refused_as_by_compose(checked):
    wrong = [
        (row.file, [str(problem) for problem in found.problems])
        for row, found in checked.values()
        if found.valid != row.accepted
    ]
    assert wrong == []


def test_each_accepted_file_has_the_same_services_and_images(checked):
    accepted = [(row, found) for row, found in checked.values() if row.accepted]
    assert [(row.file, len(found.services), found.images) for row, found in accepted] == [
        (row.file, row.services, row.images) for row, _ in accepted
    ]


# What a person has to do, beside Compose's own words.
ACTIONS = {
    "awesome-compose/plex__compose.yaml": (10, "set the variable PLEX_MEDIA_PATH in the environment."),
    "dokploy-templates/ampache.yml": (12, "set the variable MEDIA_PATH in the environment."),
    "dokploy-templates/cloudflare-ddns.yml": (13, "Set CLOUDFLARE_API_TOKEN in the environment."),
    "dokploy-templates/heyform.yml": (14, "Write the values it needs into the environment"),
    "dokploy-templates/ntfy.yml": (8, "set the variable HTTP_PORT in the environment."),
    "dokploy-templates/supabase.yml": (415, "set the variable DOCKER_SOCKET_LOCATION in the environment."),
}


def test_each_refusal_says_where_what_and_what_to_do(checked):
    refused = {row.file: (row, found) for row, found in checked.values() if not row.accepted}
    assert refused.keys() == ACTIONS.keys()
    for file, (line, action) in ACTIONS.items():
        row, found = refused[file]
        (problem,) = found.problems
        assert problem.line == line, file
        assert row.error in problem.message
        assert action in problem.message
        assert "/simpledeploy-" not in problem.message


def test_a_variable_that_the_refusal_names_is_the_cure(checked):
    text = (CORPUS / "awesome-compose/plex__compose.yaml").read_bytes()
    assert check_content(
        Content.read(text, "PLEX_MEDIA_PATH=/srv/media\n"), default_runner(), host_rules=EVERYTHING
    ).valid


def table(for_everybody: Corpus) -> str:
    """Return the table of the document: for each rule the files that it refuses, with the lines."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row, answer in for_everybody.values():
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


def test_the_document_has_the_table_as_it_is(for_everybody):
    assert table(for_everybody) in DOCUMENT.read_text(encoding="utf-8")


def test_what_compose_takes_is_accepted_or_refused_by_a_rule_at_a_line(for_everybody):
    taken = [(row, answer) for row, answer in for_everybody.values() if row.accepted]
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
def test_each_is_refused_for_all_its_reasons_and_no_other(for_everybody, file, rules):
    told = {match[1] for p in for_everybody[file][1].problems if (match := _RULE.search(p.message))}
    assert told == {rule.label for rule in rules}
