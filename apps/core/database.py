"""Whether the database fits this version of the panel, and waiting for one that refuses for a while."""

import logging
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext

from apps.core.errors import DomainError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# What a database says that is locked, full or away: by itself that often ends soon.
REFUSALS = (OperationalError, InterfaceError)

_PATIENCE = 60.0  # seconds for a database that refuses
_PAUSE = 0.5  # seconds between attempts


class DatabaseUnusable(DomainError):
    """A database that is not migrated, or does not answer."""

    http_status = 503

    @classmethod
    def of(cls, error: DatabaseError) -> "DatabaseUnusable":
        """Return the refusal that says what the database said: locked, full, not there."""
        return cls(
            gettext("The panel's database cannot be used: %(error)s. Nothing was changed.")
            % {"error": str(error).strip()}
        )


class CountsUnusable(DomainError):
    """A Redis that keeps what is counted, and does not answer."""

    http_status = 503


def is_of_redis(error: Exception) -> bool:
    """Tell whether `error` is the Redis client's, without loading that where nobody uses it."""
    return type(error).__module__.partition(".")[0] == "redis"


def require_migrated() -> None:
    """Raise DatabaseUnusable, with what to do, unless the database has all migrations of this version."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise DatabaseUnusable.of(error) from None
    if missing:
        raise DatabaseUnusable(
            gettext(
                "The panel's database is not set up for this version of the panel. Run manage.py "
                "migrate first."
            )
        )


def persistently(
    act: Callable[[], T],
    gives_up: Callable[[], bool],
    pause: float,
    refusals: tuple[type[Exception], ...] = REFUSALS,
) -> T:
    """Return what `act` returns, trying again on a new connection while it raises one of `refusals`.

    Between two attempts it sleeps for `pause` seconds. Raises the last refusal once `gives_up`.
    """
    while True:
        try:
            return act()
        except refusals as error:
            # One that was lost stays so, however long the server is back.
            connection.close()
            if gives_up():
                raise
            logger.error("The panel's database refuses and is asked again: %s", error)
        time.sleep(pause)


def patient(act: Callable[P, T]) -> Callable[P, T]:
    """Let `act`, which may be done twice, wait up to a minute for a database that refuses.

    Within a transaction it is not done again: what came before it is lost.
    """

    @wraps(act)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.in_atomic_block:
            return act(*args, **kwargs)
        deadline = time.monotonic() + _PATIENCE
        return persistently(partial(act, *args, **kwargs), lambda: time.monotonic() >= deadline, _PAUSE)

    return tried
