"""Commands that outlived the process that started them, found by a marker in their environment."""

import contextlib
import os
import signal
from collections.abc import Iterator
from time import monotonic, sleep

import psutil

from apps.deployer.runner.process_group import signal_group

# Every command carries it; its value is the owner, and all that the command starts inherits it.
MARKER = "SIMPLEDEPLOY_RUN"

_GRACE = 2.0  # seconds between SIGTERM and SIGKILL
_LOOK = 0.05  # seconds


def owners_of_leftovers() -> set[str]:
    """Return the owners, living or not, of all commands that run on this host now."""
    return {owner for _, owner in _marked()}


def end_orphans(owner: str) -> int:
    """End every process on this host that `owner` started, and return how many there were.

    For an owner that is dead: SIGTERM to their process groups, SIGKILL after two seconds.
    """
    found: set[psutil.Process] = set()
    deadline = monotonic() + _GRACE
    number = signal.SIGTERM
    groups: set[int] = set()
    while living := [process for process, name in _marked() if name == owner]:
        found.update(living)
        if number is signal.SIGTERM and monotonic() >= deadline:
            number, groups = signal.SIGKILL, set()
            deadline = monotonic() + _GRACE
        elif monotonic() >= deadline:
            break  # the kernel does not end them; nothing else would either
        for process in living:
            group = _group_of(process)
            if group and group not in groups:
                groups.add(group)
                signal_group(group, number)
        sleep(_LOOK)
    return len(found)


def _marked() -> Iterator[tuple[psutil.Process, str]]:
    """Yield each process with the marker, apart from this one and those that share its group."""
    own = os.getpgrp()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            owner = process.environ().get(MARKER)
            if owner and process.status() != psutil.STATUS_ZOMBIE and _group_of(process) not in (0, own):
                yield process, owner


def _group_of(process: psutil.Process) -> int:
    """Return the process group of a process that still runs, else 0."""
    with contextlib.suppress(OSError):
        group = os.getpgid(process.pid)
        return group if process.is_running() else 0
    return 0
