"""What somebody wants to see of the containers' output, read from an address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import DomainError

DEFAULT_TAIL: Final = 500
MOST_TAIL: Final = 5000
# Compose's own rule for the names of services (compose-spec, services).
_SERVICE = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_AGO = re.compile(r"(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?")
# RFC 3339 as Docker writes it, and as people and browsers do: without seconds, without a zone (then UTC).
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class InvalidWish(DomainError):
    """A part of an address that says nothing."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Wish:
    """Which lines: of one service or of all (""), from and until when, and at most how many before now.

    `since` and `until` are seconds since 1970 with nine digits behind the point, as the engine takes them;
    "" is no limit.
    """

    service: str = ""
    tail: int = DEFAULT_TAIL
    since: str = ""
    until: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether it means the same now as it did a while ago, so that those who wish it see the same."""
        return not self.since and not self.until

    @property
    def follows(self) -> bool:
        """Whether lines that are still to come are wanted, too."""
        return not self.until


def read_wish(given: Mapping[str, str]) -> Wish:
    """Return what `given` (service, tail, since, until) asks for. Raises InvalidWish.

    A time is like 10m or 1h30m (so long ago), or a date with or without a time of day.
    """
    service, tail = given.get("service", ""), given.get("tail", "") or str(DEFAULT_TAIL)
    if service and not _SERVICE.fullmatch(service):
        raise InvalidWish("service", _("This is no name of a service."))
    if not (tail.isascii() and tail.isdecimal() and len(tail) < 6 and 1 <= int(tail) <= MOST_TAIL):
        raise InvalidWish("tail", _("The number of lines is between 1 and %(most)d.") % {"most": MOST_TAIL})
    now = timezone.now()
    since = _moment("since", given.get("since", ""), now)
    until = _moment("until", given.get("until", ""), now)
    if until and float(until) > now.timestamp():
        raise InvalidWish("until", _("“Until” lies in the future. Leave it empty to follow what is to come."))
    if since and until and float(since) >= float(until):
        raise InvalidWish("since", _("“Since” is not before “until”, so there is nothing to show."))
    return Wish(service, int(tail), since, until)


def _moment(field: str, text: str, now: datetime) -> str:
    text = text.strip()
    if not text:
        return ""
    if len(text) < 40:
        if ago := _AGO.fullmatch(text):
            seconds = sum(int(part[:-1]) * _UNITS[part[-1]] for part in ago.groups() if part)
            try:
                return _written(now - timedelta(seconds=seconds), "")
            except OverflowError:
                pass
        elif told := _MOMENT.fullmatch(text):
            date, minute, second, fraction, zone = told.groups()
            try:
                moment = datetime.fromisoformat(
                    f"{date}T{minute or '00:00'}{second or ':00'}{(zone or 'Z').replace('Z', '+00:00')}"
                )
                return _written(moment, fraction or ".")
            except (ValueError, OverflowError):
                pass
    raise InvalidWish(
        field,
        _("Write a time like 10m or 2h30m (so long ago), or like 2026-03-01 12:00 (UTC)."),
    )


def _written(moment: datetime, fraction: str) -> str:
    """Return `moment` as the engine takes it; `fraction` is what stands for its part of a second."""
    seconds = int(moment.astimezone(UTC).timestamp())
    if seconds < 0:
        # The engine takes no time before 1970.
        return "0.000000000"
    digits = fraction[1:].ljust(9, "0") if fraction else f"{moment.microsecond:06d}000"
    return f"{seconds}.{digits}"


def after(stamp: str) -> str:
    """Return the moment right after the engine's `stamp` (2026-03-01T12:00:00.123456789Z), for `since`.

    The engine takes `since` to include that moment itself.
    """
    nanoseconds = int(stamp[20:29] or 0) + 1
    seconds = int(datetime.fromisoformat(f"{stamp[:19]}+00:00").timestamp())
    return f"{seconds + nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"
