"""What of a flood of lines is shown, and what is counted."""

import time

from django.utils import timezone

from apps.deployer.container_logs.pace import LAST, SHOWN, WINDOW, Pace
from apps.deployer.runner.interface import CancelToken, Line
from tests.lab.waiting import wait_until

AT = timezone.now()


def test_a_flood_is_shown_in_part_with_its_last_lines_and_what_is_left_out_is_counted() -> None:
    got: list[str | int] = []
    pace = Pace(lambda line: got.append(line.text), got.append, CancelToken())
    count = 5 * (SHOWN + LAST)
    for number in range(count):
        pace.add(Line("stdout", str(number), AT))

    last = str(count - 1)
    wait_until(lambda: got[-1] == last, lambda: f"the last line comes by itself, not {got[-3:]}")
    skipped = sum(one for one in got if isinstance(one, int))
    shown = [int(one) for one in got if isinstance(one, str)]
    assert skipped > 0
    assert skipped + len(shown) == count
    assert shown == sorted(set(shown))


def test_what_comes_slowly_comes_at_once_and_whole() -> None:
    got: list[str | int] = []
    pace = Pace(lambda line: got.append(line.text), got.append, CancelToken())
    for number in range(3):
        pace.add(Line("stdout", str(number), AT))
        assert got[-1] == str(number)
        time.sleep(WINDOW)
    pace.finish()
    assert got == ["0", "1", "2"]
