"""One line that a container printed: how it comes from the engine, and how it is shown."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import get_language

from apps.core.sentences import Sentence, translated
from apps.deployer.container_logs.levels import NONE, level_of
from apps.deployer.containers import Container
from apps.deployer.programs import docker_program
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, CommandResult, CommandRunner, Line, Sink
from apps.deployer.seams import Entry, Seam
from apps.deployer.terminal_signs import with_visible_signs, without_colours

PANEL_STREAM: Final = "panel"
# Of one frame. JSON may take six bytes for a character, and a listener waits for a megabyte at most.
FRAME_LINES, FRAME_CHARACTERS = 500, 128 * 1024
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
        if not self.is_note:
            self.level = level_of(self.text)
            self.text = with_visible_signs(self.text)
        return self

    @property
    def is_note(self) -> bool:
        """Whether it is in the panel's own words, which each reader gets in their language."""
        return self.stream == PANEL_STREAM

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
            "text": translated(self.text),
        }

    def as_text(self, *, timestamps: bool) -> str:
        """Return it as a line of a file."""
        words = [self.moment] if timestamps else []
        words += [f"{self.container} |"] if self.container else []
        return " ".join([*words, translated(self.text)])


class Frame:
    """Numbered lines that follow one another, and the text that carries them through a WebSocket."""

    def __init__(self, lines: Sequence[OutputLine]) -> None:
        self.first_seq, self.last_seq = lines[0].seq, lines[-1].seq
        self.lines = lines
        self._has_notes = any(line.is_note for line in lines)
        self._texts: dict[str | None, str] = {}

    @property
    def text(self) -> str:
        """The text in the active language; made once for all who read it in that."""
        language = get_language() if self._has_notes else ""
        if language not in self._texts:
            told = {"type": "lines", "lines": [line.as_dict() for line in self.lines]}
            self._texts[language] = json.dumps(told, separators=(",", ":"))
        return self._texts[language]


def frames(lines: Iterable[OutputLine]) -> Iterator[Frame]:
    """Yield the frames that carry numbered `lines`, none of them too large for one who listens."""
    part: list[OutputLine] = []
    characters = 0
    for line in lines:
        if part and (len(part) == FRAME_LINES or characters + len(line.text) > FRAME_CHARACTERS):
            yield Frame(part)
            part, characters = [], 0
        part.append(line)
        characters += len(line.text)
    if part:
        yield Frame(part)


class Source:
    """Makes lines of what `docker logs --timestamps` of one container prints."""

    def __init__(self, container: Container, redactor: Redactor) -> None:
        self.container = container
        self.last_stamp = ""
        self._name = shown_name(container)
        self._latest: dict[str, str] = {}
        self._seams: dict[str, Seam] = {}
        self.redactor = redactor

    def take(self, line: Line, open_until: float) -> OutputLine | None:
        """Return the line that `line` is, secrets replaced; None for the docker command's own words."""
        if stamped := _STAMPED.match(line.text):
            stamp, text = stamped.groups()
            # Two pipes may overtake one another.
            self.last_stamp = max(self.last_stamp, stamp)
            self._latest[line.stream] = stamp
        elif line.text.startswith("\r"):
            # It has no time of its own: one that stands there the container has written.
            stamp, text = self._latest.get(line.stream, ""), line.text[1:]
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

    def runs_again(self, started_at: str) -> None:
        """Take note of a new run: where the engine's clock was set back, its lines come before the last."""
        if "" < started_at[:19] < self.last_stamp[:19]:
            self.last_stamp = f"{started_at[:19]}.000000000Z"


def shown_name(container: Container) -> str:
    """Return the name of `container` without that of its project: web-1."""
    # While Compose replaces a container, the new one has an id before its name.
    name = _REPLACING.sub("", container.name)
    return name.removeprefix(f"{container.project}-") or container.name


def note(text: Sentence, container: Container | None = None) -> OutputLine:
    """Return a line in the panel's own words."""
    return OutputLine(
        timezone.now(),
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


def run_logs(
    runner: CommandRunner,
    argv: list[str],
    *,
    sink: Sink,
    cancel: CancelToken | None = None,
    timeout: float | None = None,
) -> CommandResult:
    """Run a command of `logs_command`; `sink` gets lines as `Source.take` wants them."""
    limit = LINE_BYTES + _STAMP_BYTES
    return runner.run(argv, sink=sink, cancel=cancel, timeout=timeout, line_limit=limit, mark_returns=True)


def docker_words(source: Source, words: Iterable[str]) -> str:
    """Return what docker itself said, as it may be shown."""
    return with_visible_signs(source.redactor.redact(" ".join(words))[:500])


def wanted(containers: Iterable[Container], service: str) -> list[Container]:
    """Return those of `containers` that belong to `service` ("": to any)."""
    return [c for c in containers if not service or c.service == service]
