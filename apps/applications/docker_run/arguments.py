"""The arguments of a `docker run` line: its flags with their values, the image, and the command."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.applications.docker_run.flags import ALIASES, FLAGS, SHORT, Flag
from apps.applications.docker_run.words import InvalidRunLine

_PROGRAMS = frozenset({"docker", "docker.exe", "podman", "nerdctl"})
# What may stand before the program: a copied prompt, sudo, variables of the command itself.
_BEFORE = re.compile(r"\$\$|#|>|sudo|-E|winpty|exec|[A-Z_]+=.*")
_WITH_VALUE = ("-H", "--host", "--context", "-c", "--config", "-l", "--log-level")


@dataclass(frozen=True)
class Given:
    """A flag as given: its full name, as it was written, and its value (None where it takes none)."""

    name: str
    written: str
    flag: Flag
    value: str | None


@dataclass
class Arguments:
    """What the words of a line say, and what of them was left out."""

    given: list[Given] = field(default_factory=list)
    image: str = ""
    command: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_arguments(words: list[str]) -> Arguments:
    """Return the arguments in the `words` of a line. Raises InvalidRunLine."""
    found = Arguments()
    rest = _after_run(words, found)
    unknown: list[str] = []
    at = _read_flags(rest, found, unknown)
    if unknown:
        raise InvalidRunLine(
            _(
                "docker run has no %(flags)s that is known here. Nothing was added. Take it out of the line, "
                "and write what it does into the file by hand."
            )
            % {"flags": ", ".join(unknown)}
        )
    if at >= len(rest) or not rest[at]:
        raise InvalidRunLine(_("The line names no image to run."))
    found.image, found.command = rest[at], rest[at + 1 :]
    return found


def _after_run(words: list[str], found: Arguments) -> list[str]:
    """Return the words after `docker run`."""
    start = 0
    while start < len(words) and _BEFORE.fullmatch(words[start]):
        start += 1
    rest = words[start:]
    if not rest or rest[0].rpartition("/")[2] not in _PROGRAMS:
        raise InvalidRunLine(
            _("This is no docker run line: such a line begins with docker run, and names an image.")
        )
    rest = rest[1:]
    while rest and rest[0].startswith("-"):
        flag = rest[0].partition("=")[0]
        found.notes.append(_("%(flag)s before run was left out: it is about the engine.") % {"flag": flag})
        rest = rest[2 if rest[0] in _WITH_VALUE else 1 :]
    if rest[:1] == ["container"]:
        rest = rest[1:]
    if rest[:1] not in (["run"], ["create"]):
        raise InvalidRunLine(_("Only docker run (or docker create) can become a service."))
    return rest[1:]


def _read_flags(words: list[str], found: Arguments, unknown: list[str]) -> int:
    """Read the flags that `words` begin with and return where the image stands."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1
        if not word.startswith("-") or word == "-":
            return at
        at += 1
        for name, written, flag, value in _flags_in(word):
            if flag is None:
                if value is None:
                    # Whether the next word is its value, nobody here knows.
                    unknown.append(written)
                else:
                    found.notes.append(
                        _("%(flag)s is no flag that is known here, and was left out.") % {"flag": written}
                    )
                continue
            taken = value
            if taken is None and flag.takes_value:
                if at >= len(words):
                    raise InvalidRunLine(
                        _("%(flag)s stands at the end, without its value.") % {"flag": written}
                    )
                taken = words[at]
                at += 1
            found.given.append(Given(name, written, flag, taken))
    return at


def _flags_in(word: str) -> Iterator[tuple[str, str, Flag | None, str | None]]:
    """Yield full name, as written, what it is, and value (None: none in this word) of the flags in `word`."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        yield (
            ALIASES.get(name, name),
            f"--{name}",
            FLAGS.get(ALIASES.get(name, name)),
            value if equals else None,
        )
        return
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = SHORT.get(letter, letter)
        flag = FLAGS.get(name)
        if flag is None:
            yield name, f"-{letter}", None, None
            return
        if flag.takes_value or letters.startswith("="):
            yield name, f"-{letter}", flag, letters.removeprefix("=") if letters else None
            return
        yield name, f"-{letter}", flag, None
