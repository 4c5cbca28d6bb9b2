"""The content of a version: the text of a Compose file and of its environment."""

import hashlib
from dataclasses import dataclass, field, replace

from django.utils.formats import number_format
from django.utils.translation import gettext

from apps.applications.compose_file import check_compose
from apps.applications.environment import parse
from apps.applications.problems import InvalidContent, Problem, Source
from apps.core.signs import TURNING

__all__ = ["MAX_ENVIRONMENT_BYTES", "MAX_YAML_BYTES", "Content", "InvalidContent", "Problem"]

MAX_YAML_BYTES = 1024 * 1024
MAX_ENVIRONMENT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Content:
    """A Compose file and its environment (`.env`), as their author wrote them."""

    yaml: str
    environment: str = field(default="", repr=False)

    @classmethod
    def read(cls, yaml: str | bytes, environment: str | bytes = "") -> "Content":
        """Return the content of two texts that came from outside, their line ends as `\\n`.

        Raises InvalidContent with every problem found where one is too large, no UTF-8 text, holds
        NUL bytes, reads otherwise than it stands, or fails the checks of `check_compose` and
        `environment.parse`.
        """
        problems: list[Problem] = []
        yaml_text = _text(yaml, "compose", MAX_YAML_BYTES, problems)
        if yaml_text is not None:
            problems += check_compose(yaml_text)
        environment_text = _environment(environment, problems)
        if problems or yaml_text is None or environment_text is None:
            raise InvalidContent(problems)
        return cls(yaml_text, environment_text)

    def with_environment(self, environment: str) -> "Content":
        """Return this file with another environment, which is read as in `read`. Raises InvalidContent."""
        problems: list[Problem] = []
        text = _environment(environment, problems)
        if problems or text is None:
            raise InvalidContent(problems)
        return replace(self, environment=text)

    @property
    def sha256(self) -> str:
        """The identity of the content: of the file alone where there is no environment."""
        digest = hashlib.sha256(self.yaml.encode())
        if self.environment:
            digest.update(b"\0" + self.environment.encode())
        return digest.hexdigest()


def _environment(raw: str | bytes, problems: list[Problem]) -> str | None:
    text = _text(raw, "environment", MAX_ENVIRONMENT_BYTES, problems)
    if text is not None:
        problems += parse(text).problems
    return text


def _text(raw: str | bytes, source: Source, limit: int, problems: list[Problem]) -> str | None:
    """Return `raw` as text with `\\n` line ends; None and a problem where it cannot be one."""
    what = gettext("The Compose file") if source == "compose" else gettext("The environment")

    def refuse(before: str | None, message: str) -> None:
        line = None if before is None else _lines(before).count("\n") + 1
        problems.append(Problem(line, None, message, source))

    try:
        data = raw.encode() if isinstance(raw, str) else bytes(raw)
    except UnicodeEncodeError as error:
        before = error.object[: error.start]
        refuse(
            before,
            gettext("%(what)s holds a character that UTF-8 cannot express (half a surrogate pair).")
            % {"what": what},
        )
        return None
    if len(data) > limit:
        refuse(
            None,
            gettext("%(what)s has %(count)s bytes; at most %(limit)s are allowed.")
            % {
                "what": what,
                "count": number_format(len(data), force_grouping=True),
                "limit": number_format(limit, force_grouping=True),
            },
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        refuse(
            before, gettext("%(what)s is not UTF-8 text. Save it as UTF-8 and try again.") % {"what": what}
        )
        return None
    before, nul, _ = text.partition("\0")
    if nul:
        refuse(
            before, gettext("%(what)s holds a NUL byte. Is it a text file, saved as UTF-8?") % {"what": what}
        )
        return None
    if source == "compose" and (turned := TURNING.search(text)):
        refuse(
            text[: turned.start()],
            gettext(
                "The file holds U+%(code)04X, which turns the direction of writing, so that "
                "people read something else than Compose does. Take it out, or write it as an "
                "escape in double quotes."
            )
            % {"code": ord(turned[0])},
        )
        return None
    return _lines(text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
