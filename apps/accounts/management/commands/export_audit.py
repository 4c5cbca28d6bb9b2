"""`manage.py export_audit`: the audit as JSON lines on standard output."""

from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, export, record
from apps.accounts.management.audit_command import AuditCommand


class Command(AuditCommand):
    help = (
        "Write the audit to standard output, an object of JSON on each line, the oldest first. Times are "
        "days (2026-11-24) or times (2026-11-24T18:00), UTC. Exit codes: 0 done, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="TIME", help="entries from then on")
        parser.add_argument("--until", metavar="TIME", help="entries before then; a day counts whole")

    def run(self, options: dict[str, Any]) -> None:
        since = export.read_time(options["since"]) if options["since"] else None
        until = export.read_time(options["until"], ends=True) if options["until"] else None
        asked = {name: options[name] for name in ("since", "until") if options[name]}
        record(Actor.from_command_line(), AuditAction.AUDIT_EXPORTED, "audit", after={"filters": asked})
        for lines in export.lines(export.selected(since, until)):
            self.stdout.write(lines, ending="")
