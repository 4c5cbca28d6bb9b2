"""How often a person may ask for what is expensive: what starts Docker, asks a registry, or reads everything.

The command line has no such limits: whoever can run it has the machine already.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.core.internal.ratelimit import consume
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop

from apps.core.errors import DomainError

# Times in a minute, for each person; far more than somebody does by hand.
PLANS = gettext_noop("plans")
ENGINE_LISTS = gettext_noop("engine lists")
REGISTRY_CHECKS = gettext_noop("registry checks")
ACTIONS = gettext_noop("actions")
DOWNLOADS = gettext_noop("downloads")
LOGS = gettext_noop("pages of logs")
# While somebody types: what the panel reads itself, and what Compose reads after a pause.
CHECKS = gettext_noop("checks")
COMPOSE_CHECKS = gettext_noop("checks by Compose")
PER_MINUTE = {
    PLANS: 60,
    ENGINE_LISTS: 30,
    REGISTRY_CHECKS: 10,
    ACTIONS: 60,
    DOWNLOADS: 30,
    LOGS: 60,
    CHECKS: 240,
    COMPOSE_CHECKS: 60,
}

_PROBE = "rate-limits-probe"

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], Any]


class TooManyRequests(DomainError):
    """Somebody asked for more than their share."""

    http_status = 429


def limited(
    kind: str, *, methods: tuple[str, ...] = ("GET", "HEAD", "POST")
) -> Callable[[_View[_P]], _View[_P]]:
    """Let each person ask a view for `kind` (of PER_MINUTE) so often, below `signed_in`; `methods` count."""

    def decorate(view: _View[_P]) -> _View[_P]:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> Any:
            if request.method in methods:
                count(request, kind)
            return view(request, *args, **kwargs)

        return wrapper

    return decorate


def count(request: HttpRequest, kind: str) -> None:
    """Count one more of `kind` for the person behind `request`. Raises TooManyRequests."""
    most = PER_MINUTE[kind]
    # It becomes a part of a key of the cache, where spaces may not be.
    name = kind.replace(" ", "-")
    config = {name: f"{most}/m/user"}
    used = consume(request, app="panel", action=name, config=config, limit_get=True)
    if used is None and _can_count():
        raise TooManyRequests(
            gettext(
                "You asked for more than %(most)s %(kind)s within a minute. Nothing was changed. "
                "Wait a minute and try again."
            )
            % {"most": most, "kind": gettext(kind)}
        )


def _can_count() -> bool:
    """Tell whether the cache keeps what it is given.

    On a full disk it does not, and says nothing. The view then tells what is wrong; no limit may stand in
    front of that.
    """
    cache.set(_PROBE, True, timeout=10)
    return cache.get(_PROBE) is True
