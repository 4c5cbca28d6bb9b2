"""What the commands about the audit have in common: refusals and exit codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from apps.core.database import DatabaseUnusable, require_migrated
from apps.core.errors import DomainError

REFUSED = 2


class AuditCommand(BaseCommand):
    """A command whose refusal (a DomainError, or the database's) is a sentence with exit code 2."""

    # They check what serving needs.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_migrated()
            self.run(options)
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except DatabaseError as error:
            raise CommandError(str(DatabaseUnusable.of(error)), returncode=REFUSED) from None

    def run(self, options: dict[str, Any]) -> None:
        """Do what the command is for."""
        raise NotImplementedError
