"""Keeping what the panel holds in memory (keys, passwords, environments) out of core dumps and debuggers."""

import ctypes
import os
import resource

# <sys/prctl.h>
_PR_SET_DUMPABLE = 4


def keep_private() -> None:
    """Have the kernel write no core dump of this process, and let no other process of its user look inside.

    The limit of core dumps is also that of every command that this process starts. It does not hold where
    the kernel hands dumps to a program (core_pattern begins with a pipe); that the process is not dumpable
    does, and closes its memory and environment in /proc to all but root (prctl(2), core(5)). Commands are
    dumpable again when they are executed, so recovery finds them by their environment as before.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
