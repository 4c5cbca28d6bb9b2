"""What an address may ask for of the containers' output."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.deployer.container_logs.wishes import DEFAULT_TAIL, MOST_TAIL, InvalidWish, Wish, after, read_wish


def test_nothing_said_is_the_end_of_all_services_and_what_follows() -> None:
    wish = read_wish({})
    assert wish == Wish("", DEFAULT_TAIL, "", "")
    assert wish.follows
    assert wish.is_shared


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_a_time_may_be_so_long_ago(text: str, ago: timedelta) -> None:
    since = float(read_wish({"since": text}).since)
    assert since == pytest.approx((timezone.now() - ago).timestamp(), abs=2)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2026-03-01", "1772323200.000000000"),
        ("2026-03-01 12:00", "1772366400.000000000"),
        ("2026-03-01T12:00:30", "1772366430.000000000"),
        ("2026-03-01T12:00:00.123456789Z", "1772366400.123456789"),
        ("2026-03-01T12:00:00+02:00", "1772359200.000000000"),
        ("1960-01-01", "0.000000000"),  # the engine takes no time before 1970
        ("999999h", "0.000000000"),
    ],
)
def test_a_time_may_be_a_moment(text: str, since: str) -> None:
    assert read_wish({"since": text}).since == since


def test_until_ends_what_is_followed() -> None:
    wish = read_wish({"since": "2h", "until": "1h", "service": "web", "tail": "7"})
    assert not wish.follows
    assert not wish.is_shared
    assert (wish.service, wish.tail) == ("web", 7)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("service", {"service": "--help me"}),
        ("service", {"service": "web\n"}),
        ("tail", {"tail": "0"}),
        ("tail", {"tail": str(MOST_TAIL + 1)}),
        ("tail", {"tail": "-5"}),
        ("tail", {"tail": "٣"}),
        ("since", {"since": "yesterday"}),
        ("since", {"since": "-1h"}),
        ("since", {"since": "2026-13-01"}),
        ("since", {"since": "999999d"}),
        ("since", {"since": "10m --until 1m"}),
        ("until", {"until": "2999-01-01"}),
        ("since", {"since": "5m", "until": "10m"}),
    ],
)
def test_what_says_nothing_is_refused_at_its_field(field: str, given: dict[str, str]) -> None:
    with pytest.raises(InvalidWish) as refused:
        read_wish(given)
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


def test_after_a_stamp_comes_the_next_nanosecond() -> None:
    second = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
    assert after("2026-03-01T12:00:00.123456789Z") == f"{second}.123456790"
    assert after("2026-03-01T12:00:00.999999999Z") == f"{second + 1}.000000000"
