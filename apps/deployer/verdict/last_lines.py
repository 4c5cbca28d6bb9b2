"""The last lines that containers printed which are not as they should be."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from apps.deployer.programs import docker_program
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CommandRunner, Line, Stream
from apps.deployer.seams import Entry, Seam
from apps.deployer.terminal_signs import with_visible_signs, without_colours
from apps.deployer.verdict.verdict import ServiceReport, Verdict

LINES = 20
MOST_CONTAINERS = 10
_LINE_BYTES = 2000  # of one line, beyond which it is cut
_TIMEOUT = 10.0  # seconds; these commands answer in milliseconds or hang with the engine

# How the engine begins each line with --timestamps; all of one length, so that they sort as texts.
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)")
_NEVER_STARTED = frozenset({"missing", "created"})


def with_last_lines(
    runner: CommandRunner, reports: Iterable[ServiceReport], redactor: Redactor
) -> list[ServiceReport]:
    """Return `reports` with the last lines of those that are not well: at most 10 containers, 20 lines each.

    `redactor` hides what is secret in them. What cannot be read (an engine that went away, a logging
    driver that keeps nothing) is left empty.
    """
    found = []
    left = MOST_CONTAINERS
    for report in reports:
        is_unwell = report.verdict is not Verdict.UNJUDGED and not report.verdict.is_well
        if is_unwell and left and report.state not in _NEVER_STARTED:
            left -= 1
            report = replace(report, log=_last_lines(runner, report.container, redactor))
        found.append(report)
    return found


def _last_lines(runner: CommandRunner, container: str, redactor: Redactor) -> tuple[str, ...]:
    """Return what `container` printed last on both streams, in the order of time."""
    told: list[tuple[str, Entry]] = []
    latest: dict[Stream, str] = {}
    seams: defaultdict[Stream, Seam] = defaultdict(partial(Seam, redactor))

    def keep(line: Line) -> None:
        # A carriage return ends a line too; what follows it has no time of its own.
        moment, text = stamped.groups() if (stamped := _STAMPED.match(line.text)) else ("", line.text)
        latest[line.stream] = moment or latest.get(line.stream, "")
        entry = Entry(line.at, line.stream, without_colours(text.removeprefix("\r")))
        seams[line.stream].take(entry, 0.0)
        told.append((latest[line.stream], entry))

    argv = [docker_program(), "logs", "--tail", str(LINES), "--timestamps", container]
    result = runner.run(argv, sink=keep, timeout=_TIMEOUT, line_limit=_LINE_BYTES, mark_returns=True)
    if not result.ok:
        return ()
    # Two pipes alone do not keep the order of what came by them.
    told.sort(key=lambda pair: pair[0])
    return tuple(with_visible_signs(entry.text) for _moment, entry in told[-LINES:])
