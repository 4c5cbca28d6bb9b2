"""What the commands about the audit have in common: refusals and exit codes."""

import os
import sys
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from apps.core.database import DatabaseUnusable, require_migrated
from apps.core.errors import DomainError

REFUSED = 2


_MOST_DAYS: Final = 36500


class InvalidAge(DomainError):
    """A number of days that is out of bounds."""


def add_age(parser: CommandParser) -> None:
    """Let a command that deletes what is old ask for --older-than."""
    parser.add_argument("--older-than", metavar="DAYS", type=int, required=True, help="age in days")


def age(options: dict[str, Any]) -> timedelta:
    """Return what `add_age` asked for. Raises InvalidAge."""
    days: int = options["older_than"]
    if not 1 <= days <= _MOST_DAYS:
        raise InvalidAge(f"The age is a number of days from 1 to {_MOST_DAYS}, not {days}.")
    return timedelta(days=days)


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
