from pathlib import Path

import pytest

from tests.scripts.shell import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine of fake programs, on which the scripts' functions run."""
    return Machine(tmp_path)
