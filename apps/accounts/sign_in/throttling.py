"""How long somebody has to wait who has tried too often, and the sentence that says so."""

import math
import time
from typing import Final

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import ngettext

from apps.core.errors import DomainError

_APP: Final = "allauth.account"


class TooManyAttempts(DomainError):
    """More attempts than one account or one address has in a while."""

    http_status = 429

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(_words(seconds))


def seconds_to_wait(request: HttpRequest, action: str, key: str | None = None) -> int:
    """Return the seconds until allauth lets `action` through again (for the account `key`); at least 1."""
    now, waits = time.time(), [1.0]
    for rate in ratelimit.get_rates(app=_APP, action=action):
        if rate.per == "key" and key is None:
            continue
        history = cache.get(ratelimit.get_cache_key(request, app=_APP, action=action, rate=rate, key=key), [])
        # The newest stands first: one more is let through once the one at the limit is old enough.
        if len(history) >= rate.amount:
            waits.append(history[rate.amount - 1] + rate.duration - now)
    return math.ceil(max(waits))


def _words(seconds: int) -> str:
    if seconds <= 60:
        return ngettext(
            "That was tried too often. Nothing was done. Try again in %(count)s second.",
            "That was tried too often. Nothing was done. Try again in %(count)s seconds.",
            seconds,
        ) % {"count": seconds}
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "That was tried too often. Nothing was done. Try again in %(count)s minute.",
        "That was tried too often. Nothing was done. Try again in %(count)s minutes.",
        minutes,
    ) % {"count": minutes}
