"""`manage.py system_check`: what is wrong with this machine for the panel, and how to mend it."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.deployer.system_check.findings import Finding, State, worst
from apps.deployer.system_check.run import check_system

_WORDS = {
    State.GOOD: "ok",
    State.NOTE: "note",
    State.UNKNOWN: "unknown",
    State.WARNING: "warning",
    State.BAD: "bad",
}


class Command(BaseCommand):
    help = (
        "Look at engine, disks, keys, database and settings, and say what is wrong and how to mend it; "
        "changes nothing. Exit codes: 0 nothing is bad, 1 something is."
    )
    # It says itself what is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="write JSON to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = check_system()
        if options["json"]:
            self.stdout.write(json.dumps([finding.record() for finding in findings], indent=2))
        else:
            for finding in findings:
                self._tell(finding)
        if worst(findings) is State.BAD:
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        told = finding.record()
        self.stdout.write(f"{_WORDS[finding.state]:8} {told['title']}: {told['means']}")
        if finding.state is not State.GOOD:
            for line in filter(None, (told["mend"], told["command"])):
                self.stdout.write(f"{'':8}   {line}")
