"""What `docker stats` prints, as numbers: how much processor and memory each container uses."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Only what is read, so that an engine with a thousand containers prints and is parsed quickly.
FORMAT = '{"id":{{json .ID}},"cpu":{{json .CPUPerc}},"memory":{{json .MemUsage}}}'
# The command draws a screen, also into a pipe: each round begins where the cursor goes to the first line.
NEXT_ROUND = "\x1b[H"

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SIZE = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?)\s*([kKMGTPE]?i?)B")
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


@dataclass(frozen=True)
class Reading:
    """What one container used a moment ago."""

    cpu: float  # percent of one processor
    memory: int  # bytes


@dataclass(frozen=True)
class Round:
    """The readings of all running containers by id, and how much the machine has; 0: not known."""

    by_id: Mapping[str, Reading] = field(default_factory=dict)
    processors: int = 0
    memory: int = 0


def read_line(text: str) -> tuple[str, Reading] | None:
    """Return the container's id and its reading; None where `text` tells none.

    That is so for what is no such line, and for a container that is going or not measured yet ("--").
    """
    text = _CONTROL.sub("", text).strip()
    if not text.startswith("{"):
        return None
    try:
        told = json.loads(text)
        cpu = float(told["cpu"].removesuffix("%"))
        memory = _bytes(told["memory"].partition("/")[0])
        id_ = told["id"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if memory is None or not isinstance(id_, str) or not math.isfinite(cpu):
        return None
    return id_, Reading(cpu=max(0.0, cpu), memory=memory)


def _bytes(text: str) -> int | None:
    """Return the number of bytes in words like 12.5MiB (binary) or 12.5kB (decimal), None for others."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    unit = found[2]
    base = 1024 if unit.endswith("i") else 1000
    size = float(found[1]) * base ** _UNITS[unit.removesuffix("i").upper()]
    return int(size) if math.isfinite(size) else None
