"""The last lines of what failed: in order, short, without secrets and harmless."""

from dataclasses import replace

import pytest

from apps.deployer.redaction import Redactor
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.verdict.last_lines import with_last_lines
from apps.deployer.verdict.verdict import ServiceReport, Verdict

NOTHING = Redactor()
FAILED = ServiceReport("web", "p-web-1", "exited", "", 3, 0, Verdict.FAILED, "exited with 3")


def stamped(second: int, text: str) -> str:
    return f"2026-11-24T19:00:{second:02d}.000000000Z {text}"


def last_lines(*lines: str | tuple, redactor: Redactor = NOTHING, exit_code: int = 0) -> tuple[str, ...]:
    runner = MockRunner().on("logs", lines=lines, exit_code=exit_code)
    (report,) = with_last_lines(runner, [FAILED], redactor)
    return report.log


def test_both_streams_come_in_the_order_of_time() -> None:
    lines = [
        stamped(1, "one"),
        stamped(3, "three"),
        ("stderr", stamped(2, "two")),
        ("stderr", stamped(4, "")),
    ]

    assert last_lines(*lines) == ("one", "two", "three", "")


def test_twenty_lines_are_asked_for_and_kept() -> None:
    runner = MockRunner().on("logs", lines=[stamped(n, str(n)) for n in range(30)])

    (report,) = with_last_lines(runner, [FAILED], NOTHING)

    assert report.log == tuple(str(n) for n in range(10, 30))
    assert runner.commands()[0][1:] == ["logs", "--tail", "20", "--timestamps", "p-web-1"]


def test_what_follows_a_carriage_return_stays_with_its_line() -> None:
    lines = [stamped(1, "10 %"), "\r20 %", ("stderr", stamped(2, "late")), stamped(3, "end")]

    assert last_lines(*lines) == ("10 %", "20 %", "late", "end")


def test_a_container_cannot_write_the_time_of_its_lines() -> None:
    forged = stamped(9, "forged")

    assert last_lines(stamped(1, "a"), f"\r{forged}", stamped(2, "b")) == ("a", forged, "b")


def test_secrets_are_hidden_also_where_a_colour_splits_them() -> None:
    redactor = Redactor(["hunter2-hunter2"])
    lines = [stamped(1, "a hunter2-hunter2 b"), stamped(2, "c hunter2\x1b[31m-hunter2 d")]

    assert last_lines(*lines, redactor=redactor) == ("a •••••••• b", "c •••••••• d")


def test_a_secret_is_hidden_that_was_broken_over_two_lines() -> None:
    redactor = Redactor(["hunter2-hunter2"])
    lines = [stamped(1, "a hunter2-"), ("stderr", stamped(2, "between")), stamped(3, "hunter2 d")]

    assert last_lines(*lines, redactor=redactor) == ("a ••••••••", "between", "•••••••• d")


def test_what_steers_a_terminal_is_made_visible_and_colours_go() -> None:
    lines = [stamped(1, "\x1b[1;31mred\x1b[0m"), stamped(2, "\x1b]0;title\x07"), stamped(3, "a\tb\x9b")]

    assert last_lines(*lines) == ("red", "\\x1b]0;title\\x07", "a\tb\\x9b")


def test_a_driver_that_keeps_nothing_leaves_it_empty() -> None:
    told = ("stderr", "Error response from daemon: configured logging driver does not support reading")

    assert last_lines(told, exit_code=1) == ()


@pytest.mark.parametrize(
    "report",
    [
        replace(FAILED, verdict=Verdict.RUNNING, state="running"),
        replace(FAILED, verdict=Verdict.COMPLETED),
        replace(FAILED, verdict=Verdict.UNJUDGED),
        replace(FAILED, verdict=Verdict.UNSTABLE, state="created"),
        replace(FAILED, verdict=Verdict.UNSTABLE, state="missing", container=""),
    ],
)
def test_what_is_well_or_never_ran_is_not_asked(report: ServiceReport) -> None:
    runner = MockRunner()

    assert with_last_lines(runner, [report], NOTHING) == [report]
    assert runner.calls == []


def test_ten_containers_at_most_are_asked() -> None:
    runner = MockRunner().on("logs", lines=[stamped(1, "no")])
    reports = [replace(FAILED, container=f"p-web-{n}") for n in range(12)]

    found = with_last_lines(runner, reports, NOTHING)

    assert [len(report.log) for report in found] == [1] * 10 + [0, 0]
    assert len(runner.calls) == 10
