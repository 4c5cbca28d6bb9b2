"""`manage.py prune_audit`: cut off old entries of the audit."""

from datetime import timedelta
from typing import Any, Final

from django.core.management.base import CommandParser

from apps.accounts.actor import Actor
from apps.accounts.audit.retention import prune
from apps.accounts.management.audit_command import AuditCommand
from apps.core.errors import DomainError

_MOST_DAYS: Final = 36500


class InvalidAge(DomainError):
    """A number of days that is out of bounds."""


class Command(AuditCommand):
    help = (
        "Delete the entries of the audit that are older than DAYS. A checkpoint and an entry of its own keep "
        "the rest checkable; export the audit first. Exit codes: 0 done, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", metavar="DAYS", type=int, required=True, help="age in days")

    def run(self, options: dict[str, Any]) -> None:
        days = options["older_than"]
        if not 1 <= days <= _MOST_DAYS:
            raise InvalidAge(f"The age is a number of days from 1 to {_MOST_DAYS}, not {days}.")
        cut = prune(timedelta(days=days), Actor.from_command_line())
        if cut is None:
            self.stdout.write(f"No entry is older than {days} days; nothing was deleted.")
        else:
            self.stdout.write(f"{cut.count} entries were deleted, the last of them {cut.through} {cut.hash}.")
