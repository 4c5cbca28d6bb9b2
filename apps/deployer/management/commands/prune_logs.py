"""`manage.py prune_logs`: delete the output of old events."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.actor import Actor
from apps.accounts.management.audit_command import AuditCommand, add_age, age
from apps.deployments.retention import prune_logs


class Command(AuditCommand):
    help = (
        "Delete the output of events that ended more than DAYS ago. The events stay, with their last lines. "
        "In its place stands a line that says so. Exit codes: 0 done, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_age(parser)

    def run(self, options: dict[str, Any]) -> None:
        older_than = age(options)
        count = prune_logs(older_than, Actor.from_command_line())
        self.stdout.write(
            f"The output of {count} events was deleted."
            if count
            else f"No output is older than {older_than.days} days; nothing was deleted."
        )
