"""Whether a missing part of the lab skips a test or fails it."""

import os
from typing import NoReturn

import pytest

VARIABLE = "SIMPLEDEPLOY_TEST_REQUIRE"


def missing(part: str, why: str) -> NoReturn:
    """Skip the test that needs `part`; fail it where SIMPLEDEPLOY_TEST_REQUIRE lists that part.

    `part` is one of engine, registry, browser, corpus; `why` is a sentence for who reads the report.
    """
    required = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    if part in required:
        pytest.fail(f"{part} is required by {VARIABLE}, but: {why}", pytrace=False)
    pytest.skip(f"{part}: {why}")
