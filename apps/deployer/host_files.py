"""Files of this machine that labels of containers name: anybody who may start a container writes those."""

import os
import stat

from apps.applications.content import MAX_YAML_BYTES, Content, InvalidContent
from apps.core.errors import DomainError


class FileRefused(DomainError):
    """A file that is not read, or not shown; the sentence holds nothing of what is in it."""


def read_compose_file(path: str) -> str:
    """Return the text of the Compose file at `path`.

    Raises FileRefused, in which nothing of the file is quoted, unless it is a regular file of at most
    1 MiB that reads as a Compose file.
    """
    data = read_host_file(path, MAX_YAML_BYTES)
    try:
        return Content.read(data).yaml
    except InvalidContent:
        raise FileRefused(f"{path} does not read as a Compose file, so it is not shown.") from None


def read_host_file(path: str, limit: int) -> bytes:
    """Return what the regular file at `path` holds, `limit` bytes at most. Raises FileRefused."""
    if path == "-":
        raise FileRefused(
            "The file was given on standard input, so nothing of it is left to read. Start the project "
            "from a file once, with docker compose -f FILE up -d, and try again."
        )
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise FileRefused(f"{path[:200]!r} is no absolute path of a file, so it is not read.")
    try:
        # Without blocking: opening a FIFO would wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        if os.path.islink(path):
            raise FileRefused(f"{path} is a symbolic link, so it is not read.") from None
        raise FileRefused(f"{path} cannot be read here: {error.strerror}.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileRefused(f"{path} is no regular file, so it is not read.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # One more than allowed: a file may grow, and those of /proc say that they are empty.
            data = file.read(limit + 1)
    except OSError as error:
        raise FileRefused(f"{path} cannot be read here: {error.strerror}.") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise FileRefused(f"{path} has more than {limit:,} bytes, so it is not read.")
    return data
