"""How times and states are written."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.deployer.steps import STEPS
from apps.deployments.states import Action, Status
from apps.panel.shown.diff import diff_lines
from apps.panel.shown.marks import ACTION_ICONS, event_mark, service_mark
from apps.panel.shown.timeline import _LABELS
from apps.panel.templatetags.panel import ago, duration, lasting, relative


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (9, "just now"),
        (10, "10 seconds ago"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86400 * 40, "40 days ago"),
    ],
)
def test_a_time_is_told_relative_to_now(seconds: float, words: str) -> None:
    assert relative(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (-1, "0.0 s")],
)
def test_a_length_of_time_is_told_short(seconds: float, words: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == words


def test_the_exact_time_is_told_on_hover() -> None:
    told = ago(datetime(2026, 3, 14, 12, 0, 5, tzinfo=UTC))
    assert 'title="14 Mar 2026, 12:00:05 UTC"' in told
    assert 'datetime="2026-03-14T12:00:05+00:00"' in told
    assert ago(None) == "–"


def test_a_duration_without_an_end_goes_on() -> None:
    start = datetime(2026, 3, 14, 12, 0, 5, tzinfo=UTC)
    assert duration(start, start + timedelta(seconds=3)) == "3.0 s"
    assert 'data-since="2026-03-14T12:00:05+00:00"' in duration(start)
    assert duration(None) == "–"


def test_every_status_action_and_step_has_its_look() -> None:
    assert len({event_mark(status).word for status in Status}) == len(Status)
    assert set(ACTION_ICONS) == set(Action)
    assert {step.__name__ for steps in STEPS.values() for step in steps} <= set(_LABELS)


@pytest.mark.parametrize(
    ("state", "health", "exit_code", "kind", "word"),
    [
        ("running", "", None, "good", "Running"),
        ("running", "starting", None, "busy", "Running, not healthy yet"),
        ("running", "unhealthy", None, "bad", "Running, unhealthy"),
        ("exited", "", 0, "quiet", "Ended, exit code 0"),
        ("exited", "", 137, "bad", "Ended, exit code 137"),
        ("missing", "", None, "quiet", "No container"),
        ("something-new", "", None, "quiet", "Something-new"),
    ],
)
def test_a_container_is_told_by_state_health_and_exit_code(
    state: str, health: str, exit_code: int | None, kind: str, word: str
) -> None:
    mark = service_mark(state, health, exit_code)
    assert (mark.kind, mark.word) == (kind, word)


def test_a_difference_numbers_both_sides_and_marks_what_was_left_out() -> None:
    old = [str(number) for number in range(1, 21)]
    new = [*old[:10], "new", *old[11:]]

    lines = diff_lines("\n".join(old), "\n".join(new))

    assert [line.kind for line in lines] == ["gap", *["same"] * 3, "removed", "added", *["same"] * 3]
    assert [(line.old, line.new, line.text) for line in lines[4:6]] == [(11, None, "11"), (None, 11, "new")]
    assert (lines[-1].old, lines[-1].new) == (14, 14)
    assert diff_lines("same\n", "same\n") == []


def test_lines_that_look_like_a_header_of_a_difference_are_lines() -> None:
    lines = diff_lines("-- a\n", "++ b\n@@ -1 +1 @@\n")
    assert [(line.kind, line.text) for line in lines] == [
        ("removed", "-- a"),
        ("added", "++ b"),
        ("added", "@@ -1 +1 @@"),
    ]
