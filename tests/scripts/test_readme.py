"""The README shows pictures that are there, and there are no others."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_pictures_of_the_readme_are_there() -> None:
    shown = set(re.findall(r"docs/images/([a-z-]+\.png)", (ROOT / "README.md").read_text()))
    there = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert shown == there
    assert len(shown) > 4
