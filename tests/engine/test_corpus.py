"""What people really deploy: files are accepted or refused as by Compose itself, with the same images."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING, HostRights
from apps.deployer.check import Checked, check_content
from apps.deployer.runner import default_runner
from tests.lab.requirement import missing

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "compose-corpus"

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


@pytest.fixture(scope="module")
def checked(engine: object) -> dict[str, tuple[Row, Checked]]:
    return check_all(EVERYTHING)


def check_all(host_rules: HostRights) -> dict[str, tuple[Row, Checked]]:
    """Return each row with what is made of its file for somebody who may ask `host_rules` of the host."""
    if not (CORPUS / "expected.tsv").is_file():
        missing("corpus", f"there is no {CORPUS}.")

    def read(row: Row) -> tuple[Row, Checked]:
        content = Content.read((CORPUS / row.file).read_bytes())
        return row, check_content(content, default_runner(), host_rules=host_rules)

    # Two at a time, as two people would.
    with ThreadPoolExecutor(2) as pool:
        return {row.file: (row, found) for row, found in pool.map(read, rows())}


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
