"""What people really deploy, edited for another project: still the same file but for what must change."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from apps.applications.compose_edit import TakeOver, take_over
from apps.applications.compose_file import check_compose
from apps.applications.content import Content
from tests.lab.requirement import missing

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "compose-corpus"
FOLDER = "/Q/Q/Q"
_BEGINNING = re.compile(r"^((?:\w+=)?)(?:(?:/Q)+(?:/|(?=:)|$)|(?:\.\.?(?:/|(?=:)|$))+)")


def accepted() -> Iterator[tuple[str, str]]:
    """Yield the name and text of each file that Compose accepts."""
    if not (CORPUS / "expected.tsv").is_file():
        missing("corpus", f"there is no {CORPUS}.")
    with (CORPUS / "expected.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["compose"] == "ok":
                yield row["file"], Content.read((CORPUS / row["file"]).read_bytes()).yaml


def own_volumes(loaded: dict[str, Any]) -> dict[str, str]:
    volumes = loaded.get("volumes") or {}
    return {key: f"old_{key}" for key, value in volumes.items() if not (value or {}).get("external")}


def bare(value: Any) -> Any:
    """Return `value` without what makes a path relative, or absolute below the folder."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return _BEGINNING.sub(r"\1", value) if isinstance(value, str) else value


def test_each_file_of_the_corpus_stays_what_it_is() -> None:
    changed = 0
    for name, text in accepted():
        before = yaml.safe_load(text)
        volumes = own_volumes(before)

        result = take_over(text, TakeOver(folder=FOLDER, volumes=volumes))

        assert check_compose(result) == [], name
        after = yaml.safe_load(result)
        for key, engine_name in volumes.items():
            assert after["volumes"].pop(key) == {"external": True, "name": engine_name}, name
            before["volumes"].pop(key)
        before.pop("name", None)
        assert bare(after) == bare(before), name
        changed += "/Q/Q" in result
        comments = [line.strip() for line in text.splitlines() if line.strip().startswith("#")]
        assert [c for c in comments if c not in result] == [], name
    assert changed > 30
