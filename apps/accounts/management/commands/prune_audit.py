"""`manage.py prune_audit`: cut off old entries of the audit."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.actor import Actor
from apps.accounts.audit.retention import prune
from apps.accounts.management.audit_command import AuditCommand, add_age, age


class Command(AuditCommand):
    help = (
        "Delete the entries of the audit that are older than DAYS. A checkpoint and an entry of its own keep "
        "the rest checkable; export the audit first. Exit codes: 0 done, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_age(parser)

    def run(self, options: dict[str, Any]) -> None:
        older_than = age(options)
        cut = prune(older_than, Actor.from_command_line())
        if cut is None:
            self.stdout.write(f"No entry is older than {older_than.days} days; nothing was deleted.")
        else:
            self.stdout.write(f"{cut.count} entries were deleted, the last of them {cut.through} {cut.hash}.")
