"""Texts as hostile as those of the advisories, and what must not come of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

# What the shell strings of the peers carried out, and what their argument lists took for options.
SHELL = (
    "; touch {mark}",
    "$(touch {mark})",
    "`touch {mark}`",
    "| touch {mark}",
    "&& touch {mark}",
    "'; touch {mark}; '",
    '"; touch {mark}; "',
    "x\ntouch {mark}",
    "x\r\ntouch {mark}",
    "${{IFS}}touch${{IFS}}{mark}",
)
OPTIONS = (
    "-v",
    "--help",
    "--file=/etc/passwd",
    "-H=tcp://evil.example:2375",
    "--privileged",
    "--config=/tmp/evil",
    "-",
    "--",
)
PATHS = (
    "..",
    "../..",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "~root",
    "C:\\windows",
    "....//etc",
    "shop/../../evil",
    "file:///etc/passwd",
)
MARKUP = (
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{{{ settings.SECRET_KEY }}}}",
    "{{% load static %}}",
    "javascript:alert(1)",
    "</textarea><svg onload=alert(1)>",
)
SIGNS = (
    "\x00",
    "shop\x00.evil",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[2J",
    "sh\u043ep",  # a Cyrillic o
    "\u202epohs",  # shown from right to left
    "sh\u200bop",  # a space of no width
    "\uff53\uff48\uff4f\uff50",  # full-width letters
    "sho\u0301p",  # an accent of its own
    "\ufeffshop",
    "\ud7ff\uffff",
    "shop\u2028x",
)
LIMITS = (
    "",
    " ",
    "x" * 300,
    "x" * 10_000,
    "9" * 20,
    "9" * 5000,
    "-1",
    "0",
    "1e9",
    "\u0663",
    "NaN",
    "None",
    "true",
)
SQL = ("' OR '1'='1", "1; DROP TABLE applications_app", "%", "_", "\\")


def texts(mark: Path) -> list[str]:
    """Return every hostile text; those that want to run something would make the file `mark`."""
    templates = (*SHELL, *OPTIONS, *PATHS, *MARKUP, *SQL)
    return [text.format(mark=mark) for text in templates] + list(SIGNS) + list(LIMITS)


def share(of: list[str], number: int, parts: int = 12) -> list[str]:
    """Return every twelfth of the texts, others for each `number`: all of them over a few addresses."""
    return of[number % parts :: parts]


def rows() -> dict[str, int]:
    """Return how many rows each of the panel's tables has."""
    own = ("accounts", "applications", "deployments", "registries")
    found: list[type[models.Model]] = [m for label in own for m in apps.get_app_config(label).get_models()]
    return {model._meta.label: model._default_manager.count() for model in found}


@contextmanager
def nothing_of_it(mark: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold that the block carried out nothing, and that no traceback was logged."""
    caplog.clear()
    yield
    assert not mark.exists()
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
