"""Files of this machine that labels of containers name: anybody who may start a container writes those."""

from pathlib import Path

from django.utils.translation import gettext

from apps.applications.content import MAX_YAML_BYTES, Content, InvalidContent
from apps.core.errors import DomainError
from apps.core.regular_file import NotRead, read_regular
from apps.core.sentences import translated


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
        raise FileRefused(
            gettext("%(path)s does not read as a Compose file, so it is not shown.") % {"path": path}
        ) from None


def read_host_file(path: str, limit: int) -> bytes:
    """Return what the regular file at `path` holds, `limit` bytes at most. Raises FileRefused."""
    if path == "-":
        raise FileRefused(
            gettext(
                "The file was given on standard input, so nothing of it is left to read. Start "
                "the project from a file once, with docker compose -f FILE up -d, and try again."
            )
        )
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise FileRefused(
            gettext("%(path)r is no absolute path of a file, so it is not read.") % {"path": path[:200]}
        )
    try:
        return read_regular(Path(path), limit)
    except NotRead as error:
        raise FileRefused(
            gettext("%(path)s %(reason)s.") % {"path": path, "reason": translated(error.reason)}
        ) from None
