"""Whether the database fits this version of the panel."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext

from apps.core.errors import DomainError


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
