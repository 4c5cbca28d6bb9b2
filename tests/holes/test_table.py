"""docs/published-holes.md names only tests that exist, and every cause has some."""

import ast
import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def test_every_test_that_the_table_names_exists() -> None:
    text = (ROOT / "docs" / "published-holes.md").read_text()
    rows = [
        line for line in text.splitlines() if line.startswith("|") and not line.startswith(("| Inc", "|--"))
    ]
    assert len(rows) >= 8
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, name in named:
            tree = ast.parse((ROOT / file).read_text())
            functions = {
                node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert name in functions, f"{file}::{name}"
