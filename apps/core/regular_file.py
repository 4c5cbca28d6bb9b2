"""Files that somebody else may have put there: only regular ones are read, and not without end."""

import os
import stat
from pathlib import Path

from apps.core.sentences import sentence


class NotRead(Exception):
    """Why a file is not read: `reason` is the rest of a sentence that quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gone(NotRead):
    """There is no such file."""


def read_regular(path: Path, limit: int) -> bytes:
    """Return what the regular file at `path` holds, `limit` bytes at most; no link is followed.

    Raises NotRead, and Gone where there is none.
    """
    # Without blocking: opening a FIFO would wait for somebody to write into it.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise NotRead(sentence("is a symbolic link, which is not followed"))
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Gone(sentence("cannot be read here: %(reason)s", reason=error.strerror)) from None
    except OSError as error:
        raise NotRead(sentence("cannot be read here: %(reason)s", reason=error.strerror)) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRead(sentence("is no regular file"))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # One more than allowed: a file may grow, and those of /proc say that they are empty.
            data = file.read(limit + 1)
    except OSError as error:
        raise NotRead(sentence("cannot be read here: %(reason)s", reason=error.strerror)) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise NotRead(sentence("is larger than %(limit)s bytes", limit=f"{limit:,}"))
    return data
