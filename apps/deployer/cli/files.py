"""The files that a command is given: read once, never more than a Compose file may have."""

import sys
from collections.abc import Iterable

from apps.applications.content import MAX_YAML_BYTES, Content, InvalidContent, Problem
from apps.core.errors import DomainError

STANDARD_INPUT = "-"
# Stands beside an environment that is read alone.
_ANY_FILE = "services: {any: {image: any}}\n"
# Enough for Content.read to say how large a file is that is too large; no more of it is read.
_READ_AT_MOST = 16 * MAX_YAML_BYTES


class UnreadableFile(DomainError):
    """A file named on the command line that cannot be read."""


class RefusedContent(DomainError):
    """A Compose file or environment with problems, each told with the file it stands in."""


def read_content(file: str, env_file: str | None, *, kept_environment: str = "") -> Content:
    """Return the content of `file` with the environment in `env_file`, or else `kept_environment`.

    One of the two may be "-" for standard input. Raises UnreadableFile and InvalidContent.
    """
    if file == env_file == STANDARD_INPUT:
        raise UnreadableFile("Only one of --file and --env-file can be standard input (-).")
    yaml = _read(file)
    return Content.read(yaml, kept_environment if env_file is None else _read(env_file))


def read_text(file: str) -> str:
    """Return the text of the environment in `file`. Raises UnreadableFile and InvalidContent."""
    return Content.read(_ANY_FILE, _read(file)).environment


def refusal(error: InvalidContent, file: str, env_file: str | None) -> RefusedContent:
    """Return `error` told with the names of the files that the person gave."""
    return RefusedContent("\n".join(problem_lines(error.problems, file, env_file)))


def problem_lines(problems: Iterable[Problem], file: str, env_file: str | None) -> list[str]:
    """Return each problem as `file, line 3, column 5: what is wrong`."""
    names = {"compose": _spoken(file), "environment": _spoken(env_file or "environment")}
    lines = []
    for problem in problems:
        place = names.get(problem.source, problem.source)
        if problem.line is not None:
            place += f", line {problem.line}"
            if problem.column is not None:
                place += f", column {problem.column}"
        lines.append(f"{place}: {problem.message}")
    return lines


def _spoken(file: str) -> str:
    return "standard input" if file == STANDARD_INPUT else file


def _read(file: str) -> bytes:
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(_READ_AT_MOST)
        with open(file, "rb") as stream:
            return stream.read(_READ_AT_MOST)
    except (OSError, ValueError) as error:
        # ValueError: a name with a NUL byte.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreadableFile(f"{file} cannot be read: {reason}. Nothing was changed.") from None
