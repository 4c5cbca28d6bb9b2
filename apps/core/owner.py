"""Which process owns something: its name, and whether it still lives."""

import os
import socket
from functools import cache
from pathlib import Path

PROC = Path("/proc")


def current_owner() -> str:
    """Return the name of this process, "<host name>:<pid>:<start time>", as no other process ever has it.

    The start time is in clock ticks since boot, followed by a part of the boot's id: unlike a time of day
    it does not move when the clock is set, and a pid that comes again after a reboot makes another name.
    """
    return _owner_of(os.getpid())


def is_alive(owner: str) -> bool | None:
    """Return whether the process called `owner` lives; None where this host cannot tell.

    That is so for a name from another host and for what is no name of an owner.
    """
    host, pid, started = split_owner(owner)
    if not pid or host != _host():
        return None
    seen = _start_of(pid)
    return None if seen is None and _is_hidden(pid) else seen == started


def split_owner(owner: str) -> tuple[str, int, str]:
    """Return host name, pid and start time of `owner`; the pid is 0 where it is no name of an owner."""
    host, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if not (host and started and pid.isascii() and pid.isdecimal() and len(pid) < 10):
        return host, 0, ""
    return host, int(pid), started


@cache  # by pid: a forked child is another owner
def _owner_of(pid: int) -> str:
    started = _start_of(pid)
    assert started is not None, "the process that asks is alive"
    return f"{_host()}:{pid}:{started}"


def _host() -> str:
    # The name stands between colons, and becomes the name of a folder.
    return socket.gethostname().replace(":", "-").replace("/", "-") or "localhost"


def _start_of(pid: int) -> str | None:
    """Return when `pid` started (proc(5), /proc/pid/stat, field 22), or None where it has ended."""
    try:
        line = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    fields = line.rpartition(")")[2].split()
    if fields[0] in "ZX":  # ended, only not yet collected by its parent
        return None
    return f"{fields[19]}.{_boot()}"


def _is_hidden(pid: int) -> bool:
    """Return whether `pid` is another user's process that /proc does not show (mount option hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return False


@cache
def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text()[:8]
