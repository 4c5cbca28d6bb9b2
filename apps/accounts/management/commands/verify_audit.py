"""`manage.py verify_audit`: whether the audit is as it was written."""

import re
import sys
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.audit.verification import Verification
from apps.accounts.management.audit_command import AuditCommand
from apps.core.errors import DomainError


class InvalidHash(DomainError):
    """A text that is no hash of an entry."""


class Command(AuditCommand):
    help = (
        "Check the whole audit: that no entry was changed, cut out, moved or added past the panel. The last "
        "line says the hash of the last entry: keep it outside, and a later --expect finds also an end that "
        "was cut off. Exit codes: 0 it holds, 1 it does not, 2 refused."
    )

    # It was not all checked.
    without_reader = 1

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--expect", metavar="HASH", default="", help="a hash that was kept outside")

    def run(self, options: dict[str, Any]) -> None:
        expected = options["expect"]
        if expected and not re.fullmatch(r"[0-9a-fA-F]{64}", expected):
            raise InvalidHash("A hash of the audit has 64 hexadecimal digits.")
        verification = Verification(expected)
        faults = 0
        for finding in verification.findings():
            faults += 1
            self.stdout.write(finding)
        if faults:
            self.stderr.write(f"The audit does not hold: {faults} findings.")
            sys.exit(1)
        if verification.count:
            self.stdout.write(
                f"{verification.count} entries hold, from {verification.first} to {verification.last}."
            )
        else:
            self.stdout.write("There are no entries.")
        self.stdout.write(f"{verification.last} {verification.hash}")
