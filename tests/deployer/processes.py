"""Real processes for the tests of the runner."""

import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psutil

from apps.deployer.runner.interface import CancelToken, CommandResult, Line
from apps.deployer.runner.subprocess_runner import SubprocessRunner

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def parent_of(code: str, then: str = "time.sleep(60)", **popen: object) -> list[str]:
    """Return a command that starts `code` as its child, prints the child's pid and does `then`."""
    return python(
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {code!r}], **{popen!r})\n"
        f"time.sleep(0.2); print(child.pid, flush=True)\n{then}"
    )


def lives(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def ignores_sigterm(pid: int) -> bool:
    """Tell whether the process is as far as to ignore SIGTERM (proc(5), SigIgn)."""
    found = re.search(r"^SigIgn:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) & 1 << signal.SIGTERM - 1)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Run:
    """A command that runs in a thread; `line` waits for its first line."""

    def __init__(self, runner: SubprocessRunner, argv: list[str], **options: object) -> None:
        self.token = CancelToken()
        self.result: CommandResult | None = None
        self.ended = 0.0
        self._lines: list[Line] = []
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(runner, argv, options))
        self._thread.start()

    def _run(self, runner, argv, options) -> None:
        self.result = runner.run(argv, cancel=self.token, sink=self._take, **options)
        self.ended = time.monotonic()

    def _take(self, line: Line) -> None:
        self._lines.append(line)
        self._first.set()

    def line(self) -> str:
        assert self._first.wait(30)
        return self._lines[0].text

    def cancel(self) -> tuple[CommandResult, float]:
        """Cancel it and return the result and the seconds until it came."""
        began = time.monotonic()
        self.token.cancel()
        return self.join(began)

    def join(self, began: float) -> tuple[CommandResult, float]:
        self._thread.join(60)
        assert self.result is not None
        return self.result, self.ended - began


@contextlib.contextmanager
def leaving_nothing() -> Generator[None]:
    """Check that no descriptor, thread or child is left by what happens within."""

    def held() -> tuple[int, int, list[int]]:
        children = [child.pid for child in psutil.Process().children()]
        return len(os.listdir("/proc/self/fd")), threading.active_count(), children

    before = held()
    yield
    assert held() == before
