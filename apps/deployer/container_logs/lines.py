"""One line that a container printed: how it comes from the engine, and how it is shown."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apps.deployer.compose import docker_program
from apps.deployer.container_logs.levels import NONE, level_of
from apps.deployer.containers import Container
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import Line
from apps.deployer.seams import Entry, Seam
from apps.deployer.terminal_signs import with_visible_signs, without_colours

PANEL_STREAM: Final = "panel"
# Bytes of a line that are kept. The engine itself cuts at 16 KiB and begins each piece with a time.
LINE_BYTES: Final = 8 * 1024
_STAMP_BYTES = 31
# How the engine begins each line with --timestamps; all of one length, so that they sort as texts.
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (.*)")
_REPLACING = re.compile(r"^[0-9a-f]{12}_")


@dataclass(eq=False, kw_only=True)
class OutputLine(Entry):
    """A line of a container's output, or with the stream "panel" one of the panel's own words about it."""

    stamp: str = ""  # the engine's own time, to the nanosecond
    service: str = ""
    container: str = ""
    seq: int = 0
    level: str = NONE

    def finished(self) -> "OutputLine":
        """Make it what is shown, once its secrets are replaced for good."""
        self.is_stored = True
        if self.stream != PANEL_STREAM:
            self.level = level_of(self.text)
        self.text = with_visible_signs(self.text)
        return self

    @property
    def moment(self) -> str:
        """When it was printed, in ISO 8601 and UTC."""
        return self.stamp or self.at.isoformat()

    def as_dict(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        return {
            "seq": self.seq,
            "at": self.moment,
            "stream": self.stream,
            "source": self.container,
            "level": self.level,
            "text": self.text,
        }

    def as_text(self, *, timestamps: bool, names: bool) -> str:
        """Return it as a line of a file."""
        words = [self.moment] if timestamps else []
        words += [f"{self.container} |"] if names and self.container else []
        return " ".join([*words, self.text])


def lines_frame(lines: Sequence[OutputLine]) -> str:
    """Return the text of the WebSocket frame that carries `lines`."""
    return json.dumps({"type": "lines", "lines": [line.as_dict() for line in lines]}, separators=(",", ":"))


class Source:
    """Makes lines of what `docker logs --timestamps` of one container prints."""

    def __init__(self, container: Container, redactor: Redactor) -> None:
        self.container = container
        self.last_stamp = ""
        self._name = shown_name(container)
        self._latest: dict[str, str] = {}
        self._seams: dict[str, Seam] = {}
        self.redactor = redactor

    def begin(self) -> None:
        """Say that a new command begins: what it prints without a time is its own."""
        self._latest.clear()

    def take(self, line: Line, open_until: float) -> OutputLine | None:
        """Return the line that `line` is, secrets replaced; None for the docker command's own words."""
        if stamped := _STAMPED.match(line.text):
            stamp, text = stamped.groups()
            # Two pipes may overtake one another.
            self.last_stamp = max(self.last_stamp, stamp)
            self._latest[line.stream] = stamp
        elif line.stream in self._latest:
            # A carriage return ends a line too; what follows it has no time of its own.
            stamp, text = self._latest[line.stream], line.text
        else:
            return None
        made = OutputLine(
            line.at,
            line.stream,
            without_colours(text),
            stamp=stamp,
            service=self.container.service,
            container=self._name,
        )
        if line.stream not in self._seams:
            self._seams[line.stream] = Seam(self.redactor)
        self._seams[line.stream].take(made, open_until)
        return made


def shown_name(container: Container) -> str:
    """Return the name of `container` without that of its project: web-1."""
    # While Compose replaces a container, the new one has an id before its name.
    name = _REPLACING.sub("", container.name)
    return name.removeprefix(f"{container.project}-") or container.name


def note(text: str, at: datetime, container: Container | None = None) -> OutputLine:
    """Return a line in the panel's own words."""
    return OutputLine(
        at,
        PANEL_STREAM,
        text,
        service=container.service if container else "",
        container=shown_name(container) if container else "",
    )


def logs_command(
    container: Container, *, tail: int | None = None, since: str = "", until: str = "", follow: bool = False
) -> list[str]:
    """Return the argv that prints what `container` printed; with `follow` also what it goes on to print."""
    argv = [docker_program(), "logs", "--timestamps"]
    argv += ["--follow"] if follow else []
    argv += [f"--tail={tail}"] if tail is not None else []
    argv += [f"--since={since}"] if since else []
    argv += [f"--until={until}"] if until else []
    # By its id, which a new container never has; a name could be another one's by now.
    return [*argv, container.id]


def line_limit() -> int:
    """Return the bytes of a line of `docker logs` that are read."""
    return LINE_BYTES + _STAMP_BYTES


def wanted(containers: Iterable[Container], service: str) -> list[Container]:
    """Return those of `containers` that belong to `service` ("": to any)."""
    return [c for c in containers if not service or c.service == service]
