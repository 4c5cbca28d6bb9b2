"""What is wrong with a Compose file or its environment, and where."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.utils.translation import gettext, gettext_lazy, ngettext

from apps.core.errors import DomainError

Source = Literal["compose", "environment"]

_MOST_TOLD = 20
_NAMES: dict[str, Any] = {"compose": gettext_lazy("Compose file"), "environment": gettext_lazy("Environment")}


@dataclass(frozen=True)
class Problem:
    """One fault: its place (both counted from 1, None where unknown) and a sentence about it."""

    line: int | None
    column: int | None
    message: str
    source: Source = "compose"

    def __str__(self) -> str:
        place = str(_NAMES[self.source])
        if self.line is not None:
            place += ", " + gettext("line %(number)s") % {"number": self.line}
        if self.column is not None:
            place += ", " + gettext("column %(number)s") % {"number": self.column}
        return f"{place}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Return the problem for JSON."""
        return asdict(self)


class InvalidContent(DomainError):
    """Content that is refused, with its problems: the first twenty, and how many more there are."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = list(problems)
        self.problems = found[:_MOST_TOLD]
        if len(found) > _MOST_TOLD:
            count = len(found) - _MOST_TOLD
            more = ngettext(
                "There is %(count)s more problem like these.",
                "There are %(count)s more problems like these.",
                count,
            ) % {"count": count}
            self.problems.append(Problem(None, None, more, found[-1].source))
        super().__init__("\n".join(str(problem) for problem in self.problems))
