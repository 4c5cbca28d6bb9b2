"""What a probe finds."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from django.utils.encoding import force_str
from django.utils.functional import Promise


class State(StrEnum):
    """How something stands. Only what is bad keeps the panel from working as it should."""

    GOOD = "good"
    NOTE = "note"  # nobody but a person can tell
    UNKNOWN = "unknown"  # it could not be found out
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, what that means, and how to mend it.

    `command` is what to type for that, or "".
    """

    id: str
    title: str | Promise
    state: State
    means: str | Promise
    mend: str | Promise = ""
    command: str = ""

    def record(self) -> dict[str, str]:
        """Return it as plain texts."""
        return {name: force_str(value) for name, value in asdict(self).items()}


def worst(findings: list[Finding]) -> State:
    """Return the worst state among `findings`."""
    return max((finding.state for finding in findings), key=list(State).index, default=State.GOOD)
