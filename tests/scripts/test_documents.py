"""What the documents list is what there is."""

import re
from pathlib import Path

import pytest

from tests.lab.panel import ROOT


def test_the_example_of_env_names_every_setting() -> None:
    settings = (ROOT / "simpledeploy_site" / "settings.py").read_text()
    example = (ROOT / ".env.example").read_text()
    names = set(re.findall(r'"((?:SIMPLEDEPLOY_|DATABASE_URL|REDIS_URL)[A-Z_]*)"', settings))
    assert len(names) > 10
    assert not [name for name in sorted(names) if f"#{name}=" not in example]


def test_the_example_of_env_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert not [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("file", ["requirements.in", "requirements-dev.in"])
def test_every_direct_dependency_has_its_reason(file: str) -> None:
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    cells = {name.strip() for row in re.findall(r"^\| ([^|]+) \|", reasons, re.M) for name in row.split(",")}
    lines = (ROOT / file).read_text().splitlines()
    packages = [re.split(r"[\[<>=!~ ]", line)[0] for line in lines if re.match(r"[a-z]", line)]
    assert len(packages) > 5
    assert not [name for name in packages if name not in cells]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_pinned_requirements_name_versions_and_no_index(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "://" not in text
    assert "--" not in text
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert not [line for line in pins if not re.fullmatch(r"[a-z0-9.\-\[\],]+==[A-Za-z0-9.+!]+", line)]


def test_the_tests_pins_hold_the_panels() -> None:
    def pins(name: str) -> set[str]:
        return {line for line in (ROOT / name).read_text().splitlines() if re.match(r"[a-z0-9]", line)}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


@pytest.mark.parametrize("path", sorted([*(ROOT / "script").glob("[a-z]*"), ROOT / ".ci" / "run"]), ids=str)
def test_scripts_can_be_executed(path: Path) -> None:
    if path.is_file():
        assert path.stat().st_mode & 0o111, f"chmod +x {path}"
        assert path.read_text().startswith("#!/usr/bin/env bash\n")
