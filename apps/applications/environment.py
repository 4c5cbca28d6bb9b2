"""The environment of an app: a `.env` text whose values are literal.

Unlike in Compose's own reading of such a file, `$` never means anything here: what stands in a value
is what the container gets. `render` writes the values so that Compose reads exactly them.

    NAME=value            trimmed; a blank and # begin a comment
    NAME='value'          as it stands, also over several lines
    NAME="value"          the same, with the escapes \\n \\r \\t \\" \\\\ \\$
    export NAME=value     as in a shell
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext

from apps.applications.problems import InvalidContent, Problem
from apps.core.secret import MASK

# Names that steer the docker command itself: Compose puts what stands in `.env` into its own environment.
STEERING = frozenset(
    {
        "PATH",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_CERT_PATH",
        "DOCKER_TLS_VERIFY",
        "DOCKER_API_VERSION",
        "COMPOSE_IGNORE_ORPHANS",  # `up --remove-orphans` refuses to run beside it
    }
)
PANEL_PREFIX = "SIMPLEDEPLOY_"
# Linux starts no process with a longer `NAME=value` (MAX_ARG_STRLEN, with its NUL).
MAX_ASSIGNMENT_BYTES = 131072 - 1

# Linear patterns only, and blanks are just space and TAB: every other character belongs to a value.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BLANK_OR_COMMENT = re.compile(r"[ \t]*+(#[^\n]*)?(?:\n|\Z)")
_COMMENTED = re.compile(r"[ \t]*+#+[ \t]*+(?:export[ \t]++)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*+=([^\n]*)")
_START = re.compile(r"[ \t]*+(?:export[ \t]++)?([^ \t\n=]*)[ \t]*+(=?)[ \t]*+")
_COMMENT = re.compile(r"[ \t]#")
_SINGLE = re.compile(r"'([^']*+)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_AFTER_QUOTE = re.compile(r"[ \t]*+(?:\n|\Z)|[ \t]++#")
_ESCAPE = re.compile(r"\\([nrt\"\\$])")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
# Octal, because Compose's search for the closing quote is fooled by a backslash before a quote.
_COMPOSE_ESCAPES = str.maketrans({"\\": r"\0134", '"': r"\0042", "$": "$$", "\r": r"\r"})

_OWN_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\r": r"\r"})


@dataclass(frozen=True)
class Assignment:
    """One `NAME=value`; `start` and `end` bound the value as written, with its quotes."""

    name: str
    value: str = field(repr=False)
    line: int
    start: int
    end: int
    commented: bool = False


@dataclass(frozen=True)
class Parsed:
    """The assignments of an environment in order (a later one of the same name wins) and its faults."""

    assignments: list[Assignment]
    problems: list[Problem]
    # Assignments that are commented out: no values, but as worth hiding.
    commented: list[Assignment]


def parse(text: str) -> Parsed:
    """Return what the environment `text` (with `\\n` line ends) says."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.parsed = Parsed([], [], [])
        self.line_starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def read(self) -> Parsed:
        position = 0
        while position < len(self.text):
            blank = _BLANK_OR_COMMENT.match(self.text, position)
            if blank is None:
                position = self.assignment(position)
                continue
            commented = _COMMENTED.match(self.text, position)
            if commented:
                name, value = commented.groups()
                line, _column = self.place(position)
                self.parsed.commented.append(Assignment(name, value, line, *commented.span(2), True))
            position = blank.end()
        return self.parsed

    def assignment(self, position: int) -> int:
        """Read the assignment at `position` and return where the next line begins."""
        start = _START.match(self.text, position)
        assert start is not None, "the pattern matches the empty text"
        name, equals = start.groups()
        fault = _name_fault(name, bool(equals), self.text[start.end() : self.next_line(start.end())])
        if fault:
            self.refuse(start.start(1), fault)
            # What a quote holds that opens here is no assignment either.
            end = self.value(name, start.end(2), start.end())[0] if equals else position
            return self.next_line(end)
        end, value = self.value(name, start.end(2), start.end())
        if len(name.encode()) + 1 + len(value.encode()) > MAX_ASSIGNMENT_BYTES:
            self.refuse(
                start.start(1),
                gettext(
                    "The value of %(name)s is too long: no program can be started with more than 128 "
                    "KiB in one."
                )
                % {"name": name},
            )
        line, _column = self.place(start.start(1))
        self.parsed.assignments.append(Assignment(name, value, line, min(start.end(), end), end))
        return self.next_line(end)

    def value(self, name: str, after_equals: int, at: int) -> tuple[int, str]:
        """Return where the value at `at` ends, and the value."""
        text = self.text
        quote = text[at : at + 1]
        if quote in ("'", '"'):
            quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, at)
            if quoted is None:
                self.refuse(
                    at,
                    gettext("The quote %(quote)s that opens the value of %(name)s is never closed.")
                    % {"quote": quote, "name": name},
                )
                return len(text), ""
            if not _AFTER_QUOTE.match(text, quoted.end()):
                self.refuse(
                    quoted.end(),
                    gettext("There is text after the closing quote of %(name)s. Quote the whole value once.")
                    % {"name": name},
                )
            value = quoted[1]
            if quote == '"':
                value = _ESCAPE.sub(lambda match: _ESCAPES[match[1]], value)
            return quoted.end(), value
        end = self.next_line(after_equals)
        # From the character after "=" on: in `NAME= # text` the blank before # makes it a comment.
        comment = _COMMENT.search(text, after_equals, end)
        raw = text[after_equals : comment.start() if comment else end].rstrip(" \t\n")
        return after_equals + len(raw), raw.lstrip(" \t")

    def refuse(self, position: int, message: str) -> None:
        line, column = self.place(position)
        self.parsed.problems.append(Problem(line, column, message, "environment"))

    def place(self, position: int) -> tuple[int, int]:
        line = bisect_right(self.line_starts, position)
        return line, position - self.line_starts[line - 1] + 1

    def next_line(self, position: int) -> int:
        line = bisect_right(self.line_starts, position)
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)


def _name_fault(name: str, has_equals: bool, rest: str) -> str | None:
    if not has_equals:
        if "=" in rest:
            return gettext(
                "A name holds no blanks. Write NAME=value, or begin the line with # to make it a comment."
            )
        shown = name if _NAME.fullmatch(name) else "NAME"
        return gettext(
            "There is no value here. Write %(shown)s=value, or begin the line with # to make it a comment."
        ) % {"shown": shown}
    if not _NAME.fullmatch(name):
        return gettext(
            "This is no name. Use letters, digits and underscores (also . and -), and no digit first."
        )
    if name in STEERING or name.startswith(PANEL_PREFIX):
        return gettext(
            "%(name)s would steer the docker command itself, not the app. Remove or rename it."
        ) % {"name": name}
    return None


def values(text: str) -> dict[str, str]:
    """Return the values that `text` gives, by name.

    Raises InvalidContent where it has faults, or holds a mask in place of a value (see `unmask`).
    """
    parsed = parse(text)
    problems = parsed.problems + [
        Problem(
            a.line,
            None,
            gettext("The value of %(name)s is only the mask of one. Write the value.") % {"name": a.name},
            "environment",
        )
        for a in parsed.assignments
        if a.value == MASK
    ]
    if problems:
        raise InvalidContent(problems)
    return {assignment.name: assignment.value for assignment in parsed.assignments}


def render(values: Mapping[str, str]) -> str:
    """Return a `.env` from which Compose reads `values` byte for byte.

    That holds for interpolation into the file, for `env_file: .env` and for names without a value under
    `environment:`; the tests compare with Compose and with a real container.
    """
    return _assignments(values, "'\\\r", _COMPOSE_ESCAPES)


def write(values: Mapping[str, str]) -> str:
    """Return an environment that says just `values`: what `parse` makes of it is them again."""
    return _assignments(values, "'\r", _OWN_ESCAPES)


def _assignments(values: Mapping[str, str], escaped: str, escapes: dict[int, str]) -> str:
    """Return lines of NAME=value, in double quotes where the value holds a sign of `escaped`."""

    def written(value: str) -> str:
        if _PLAIN.fullmatch(value):
            return value
        return f'"{value.translate(escapes)}"' if set(value) & set(escaped) else f"'{value}'"

    return "".join(f"{name}={written(value)}\n" for name, value in values.items())


def mask(text: str) -> str:
    """Return `text` with every value masked; names, order and comments stay.

    A commented-out assignment loses its value too. Raises InvalidContent where `text` has faults.
    """
    parsed = parse(text)
    if parsed.problems:
        raise InvalidContent(parsed.problems)
    spans = [(a.start, a.end) for a in parsed.assignments + parsed.commented if a.start < a.end]
    return _replace(text, [(start, end, MASK) for start, end in spans])


def unmask(text: str, previous: str, renamed: Mapping[str, str] | None = None) -> str:
    """Return `text` with the values that are exactly the mask taken from `previous`, by name.

    `renamed` tells by their new names what names were called there. Where a name stands several times,
    its masks take the previous values in order. `text` may have the line ends of a form (CR LF).
    Raises InvalidContent where `previous` has no such name.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    before = parse(previous)
    known: dict[tuple[str, bool], list[str]] = {}
    for a in before.assignments + before.commented:
        if a.start < a.end:
            known.setdefault((a.name, a.commented), []).append(previous[a.start : a.end])
    parsed = parse(text)
    replacements: list[tuple[int, int, str]] = []
    problems: list[Problem] = []
    for a in parsed.assignments + parsed.commented:
        if text[a.start : a.end] != MASK:
            continue
        # A renamed one may have the name of one that was taken out.
        names = ((renamed or {}).get(a.name, a.name), a.name)
        # The other kind, where a line was commented out or in.
        keys = [(name, kind) for name in names for kind in (a.commented, not a.commented)]
        raws = next((known[key] for key in keys if key in known), None)
        if raws is None:
            message = gettext("%(name)s has no value yet that the mask could stand for. Write the value.") % {
                "name": a.name
            }
            problems.append(Problem(a.line, None, message, "environment"))
        else:
            replacements.append((a.start, a.end, raws.pop(0) if len(raws) > 1 else raws[0]))
    if problems:
        raise InvalidContent(problems)
    return _replace(text, replacements)


def _replace(text: str, replacements: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, new in sorted(replacements):
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])
