"""What a template asks for, and the environment that the answers make."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.applications import environment
from apps.core.errors import DomainError
from apps.core.signs import STEERING, TURNING

MAX_VARIABLES = 40
MAX_CHARACTERS = 1000
# 192 bits; of letters, digits, - and _ alone, so that it can stand in an address or a quote as it is.
_SECRET_BYTES = 24
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Kind(models.TextChoices):
    """How a variable gets its value."""

    TEXT = "text", gettext_lazy("Asked for")
    PORT = "port", gettext_lazy("Port of this machine")
    CHOICE = "choice", gettext_lazy("One of several")
    SECRET = "secret", gettext_lazy("Secret that is generated")
    PASSWORD = "password", gettext_lazy("Secret that is asked for")


@dataclass(frozen=True)
class Variable:
    """One name of the environment that a template has a value put in for.

    `pattern` is a regular expression for the whole value; only templates that come with the panel have one.
    `choices` are (value, label). Texts may be translated lazily.
    """

    name: str
    label: str | Promise
    kind: str = Kind.TEXT
    help: str | Promise = ""
    default: str = ""
    pattern: str = ""
    choices: tuple[tuple[str, str | Promise], ...] = ()
    required: bool = True

    @property
    def is_secret(self) -> bool:
        return self.kind in (Kind.SECRET, Kind.PASSWORD)

    @classmethod
    def stored(cls, told: Mapping[str, Any]) -> "Variable":
        """Return the variable that `record` made `told` of."""
        return cls(**{name: told[name] for name in _STORED})

    def record(self) -> dict[str, Any]:
        """Return it as a row keeps it."""
        return {name: value for name, value in asdict(self).items() if name in _STORED}


_STORED = ("name", "label", "kind", "help", "default", "required")


class InvalidAnswers(DomainError):
    """Answers that make no environment; `problems` are sentences by the name of the variable."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


def is_name(text: str) -> bool:
    """Tell whether a variable can be called `text`, in a file and in the environment."""
    return bool(_NAME.fullmatch(text)) and not environment.parse(f"{text}=x\n").problems


def filled(variables: Iterable[Variable], answers: Mapping[str, str]) -> str:
    """Return the environment that `answers` make: each variable with its answer, or a fresh secret.

    A variable without an answer gets its default. Raises InvalidAnswers.
    """
    known = list(variables)
    problems = {
        name: _("This template does not ask for it.")
        for name in answers
        if name not in {v.name for v in known}
    }
    values: dict[str, str] = {}
    for variable in known:
        if variable.kind == Kind.SECRET:
            values[variable.name] = secrets.token_urlsafe(_SECRET_BYTES)
            if variable.name in answers:
                problems[variable.name] = _("It is generated, and cannot be given.")
            continue
        value = answers.get(variable.name, variable.default)
        # What stands between a secret's first and last character is nobody's to tidy up.
        value = value if variable.kind == Kind.PASSWORD else value.strip()
        if problem := problem_with(variable, value):
            problems[variable.name] = problem
        values[variable.name] = value
    if problems:
        raise InvalidAnswers(problems)
    return environment.write(values)


def problem_with(variable: Variable, value: str) -> str:
    """Return why `value` is no answer for `variable`, in a sentence; "" where it is one."""
    if not value:
        return _("Type a value.") if variable.required else ""
    if len(value) > MAX_CHARACTERS:
        return _("At most %(most)s characters are allowed.") % {"most": MAX_CHARACTERS}
    if STEERING.search(value) or TURNING.search(value) or "\n" in value or "\r" in value:
        return _("It holds a character that is not shown as it is.")
    if variable.kind == Kind.PORT and not _is_port(value):
        return _("A port is a number from 1 to 65535.")
    if variable.kind == Kind.CHOICE and value not in dict(variable.choices):
        return _("This is none of the choices.")
    if variable.pattern and not re.fullmatch(variable.pattern, value):
        return _("This does not have the form that is asked for.")
    return ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= 65535
