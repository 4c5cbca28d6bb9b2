"""What a panel has started."""

import contextlib

import psutil


def started_with(word: str, pid: int) -> list[psutil.Process]:
    """Return the living processes below the one with this id whose command line has `word`."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if word in process.cmdline():
                found.append(process)
    return found
