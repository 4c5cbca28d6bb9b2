import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.panel import ROOT
from tests.scripts.shell import Machine


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project of the scripts alone, whose requirements are empty and so quickly installed."""
    folder = tmp_path / "project with spaces"
    folder.mkdir()
    shutil.copytree(ROOT / "script", folder / "script")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text("# nothing\n")
    return folder


def setup(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "script" / "setup", *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHON_CANDIDATES": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_second_setup_installs_nothing_and_a_changed_file_is_installed(clone: Path) -> None:
    first = setup(clone)
    assert first.returncode == 0, first.stderr
    assert "Making the virtual environment" in first.stderr
    assert "Installing the pinned packages of requirements.txt" in first.stderr
    second = setup(clone)
    assert second.returncode == 0
    assert "Making" not in second.stderr
    assert "Installing" not in second.stderr
    (clone / "requirements.txt").write_text("# changed\n")
    third = setup(clone)
    assert "Making" not in third.stderr
    assert "Installing the pinned packages of requirements.txt" in third.stderr
    moved = clone.rename(clone.with_name("moved"))
    fourth = setup(moved)
    assert fourth.returncode == 0, fourth.stderr
    assert "was made for another folder" in fourth.stderr
    assert (moved / ".venv" / "bin" / "python").exists()


def test_requirements_that_cannot_be_installed_are_no_success(clone: Path) -> None:
    (clone / "requirements-dev.txt").write_text("./no-such-package\n")
    for _ in range(2):
        done = setup(clone, "--dev")
        assert done.returncode == 1
        assert "Installing requirements-dev.txt failed" in done.stderr


def test_an_unknown_argument_is_refused(clone: Path) -> None:
    done = setup(clone, "--devel")
    assert done.returncode == 1
    assert "Unknown argument --devel" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_folder_that_is_no_virtual_environment_is_not_removed(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "precious").write_text("")
    done = setup(clone)
    assert done.returncode == 1
    assert "is no virtual environment" in done.stderr
    assert (clone / ".venv" / "precious").exists()


def test_without_python_and_rights_the_exact_command_is_printed(machine: Machine) -> None:
    machine.without_rights()
    machine.add("apt-get")
    machine.add("python3", exit_code=1)
    done = machine.run(
        f'VENV="{machine.folder}/.venv"; PYTHON="$VENV/bin/python"; make_venv', PYTHON_CANDIDATES="python3"
    )
    assert done.returncode == 1
    assert "    sudo apt-get install --no-install-recommends python3 python3-venv\n" in done.stderr
    assert "nothing was set up" in done.stderr
    assert not (machine.folder / ".venv").exists()
