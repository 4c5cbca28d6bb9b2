"""What the commands about the audit have in common: refusals and exit codes."""

import os
import sys
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
    # The exit code where the reader of standard output went before the end.
    without_reader = 0

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_migrated()
            self.run(options)
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except BrokenPipeError:
            # The reader has gone, as `head` does; what Python still wants to write at the end goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(self.without_reader)
        except DatabaseError as error:
            raise CommandError(str(DatabaseUnusable.of(error)), returncode=REFUSED) from None

    def run(self, options: dict[str, Any]) -> None:
        """Do what the command is for."""
        raise NotImplementedError
