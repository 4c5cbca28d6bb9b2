"""Functions of script/lib run in a shell of their own, on a machine that is made up of fake programs."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.panel import ROOT

# What every machine has.
_BASE = (
    "awk basename bash cat chmod chown cut date dirname env false find flock grep head id ln ls mkdir mktemp "
    "mv rm sed seq setsid sh sha256sum sleep sort tail tee timeout touch tr true uname wc"
)


class Machine:
    """A machine with just the base programs and those that a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_path = folder / "calls"
        for name in _BASE.split():
            if path := shutil.which(name):
                (self.bin / name).symlink_to(path)
        (folder / "os-release").write_text('ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n')
        self.environment = {
            "OS_RELEASE": str(folder / "os-release"),
            "DOCKER_RUN": str(folder / "run"),
            "SYSTEMD_FOLDER": str(folder / "no-systemd"),
            "APT_FOLDER": str(folder / "apt"),
            "DOCKERD_PATIENCE": "20",
            "DOCKERD_LOG": str(folder / "dockerd.log"),
            "HOME": str(folder),
        }

    def add(self, name: str, body: str = "", *, exit_code: int = 0) -> None:
        """Add a program that notes its call, then runs `body` (shell) and ends with `exit_code`."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls_path}"\n{body}\nexit {exit_code}\n')
        path.chmod(0o755)

    def without_rights(self) -> None:
        """Run what follows as an ordinary user whose sudo asks for a password."""
        self.add("id", 'case "$*" in -u) echo 1000;; -un) echo ann;; -nG) echo ann;; esac')
        self.add("sudo", exit_code=1)

    @property
    def calls(self) -> list[str]:
        """The calls of the added programs, oldest first."""
        return self.calls_path.read_text().splitlines() if self.calls_path.exists() else []

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a piece of shell with all of script/lib at hand."""
        libraries = ["common", "packages", "python", "engine", "dotenv"]
        sources = "\n".join(f'source "{ROOT}/script/lib/{name}.sh"' for name in libraries)
        return subprocess.run(
            [shutil.which("bash") or "bash", "-c", f"{sources}\nPATH=$MACHINE_PATH\n{script}"],
            env={
                "PATH": os.environ["PATH"],
                "MACHINE_PATH": str(self.bin),
                **self.environment,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
