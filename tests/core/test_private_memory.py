"""Real processes: no core dump of the panel, and nobody else of its user looks into it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534

# Becomes somebody who is not root and is as open as a fresh process.
BECOME = f"""
import ctypes, os, resource, subprocess, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
# Shows how its children are limited and which process it is, and waits.
WAIT = """
print(subprocess.run(["cat", "/proc/self/limits"], capture_output=True, text=True, check=True).stdout)
print(os.getpid(), flush=True)
sys.stdin.read()
"""
SPY = """
for name in ("environ", "maps"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb").read(1)
    except PermissionError:
        continue
    print(name)
print("stat" if open(f"/proc/{sys.argv[1]}/stat").read() else "")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two processes of another user")
@pytest.mark.parametrize(("is_private", "wanted"), [(True, ["stat"]), (False, ["environ", "maps", "stat"])])
def test_nobody_of_its_user_looks_into_it_and_its_commands_dump_nothing(
    is_private: bool, wanted: list[str]
) -> None:
    module = (ROOT / "apps/core/private_memory.py").read_text()
    code = BECOME + module + ("keep_private()" if is_private else "") + WAIT
    with subprocess.Popen(
        [sys.executable, "-I", "-c", code], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as private:
        assert private.stdout is not None
        lines = [private.stdout.readline()]
        while not lines[-1].strip().isdecimal():
            lines.append(private.stdout.readline())
        (limit,) = [line for line in lines if line.startswith("Max core file size")]
        if is_private:
            assert limit.split()[4:6] == ["0", "0"]
        spy = [sys.executable, "-I", "-c", BECOME + SPY, lines[-1].strip()]
        seen = subprocess.run(spy, cwd="/", capture_output=True, text=True, check=True).stdout.split()
        # Whether it lives and since when is what recovery asks, and open to everybody as before.
        assert seen == wanted
        private.communicate("")


def test_every_command_is_private(tmp_path: Path) -> None:
    code = "import ctypes; print('dumpable:', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env={**kept, "SIMPLEDEPLOY_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "dumpable: 0"
