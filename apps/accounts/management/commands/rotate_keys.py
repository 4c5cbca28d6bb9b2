"""`manage.py rotate_keys`: everything that is stored encrypted, by the first key."""

import sys
from functools import partial
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.core.database import DatabaseUnusable, require_migrated
from apps.core.errors import DomainError
from apps.core.key_file import KeyFile
from apps.core.key_rotation import Tally, count, rotate, stores

REFUSED = 2


class Command(BaseCommand):
    help = (
        "Encrypt all stored secrets with the first key, while the panel runs. It can be ended at any time "
        "and run again. Exit codes: 0 everything uses the first key, 1 something does not, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        wanted = parser.add_mutually_exclusive_group()
        wanted.add_argument("--new", action="store_true", help="put a fresh key in front first")
        wanted.add_argument("--check", action="store_true", help="only say which keys are in use")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_migrated()
            if options["new"]:
                self._put_fresh_key()
            tallies = self._count() if options["check"] else self._rotate()
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except DatabaseError as error:
            raise CommandError(str(DatabaseUnusable.of(error)), returncode=REFUSED) from None
        if not all(tally.is_done for tally in tallies):
            self.stderr.write(
                "Keep every key that is in use. What no key opens needs its key back, or to be set anew."
            )
            sys.exit(1)

    def _put_fresh_key(self) -> None:
        keys = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS
        if not isinstance(keys, KeyFile):
            raise CommandError(
                "The keys come from SIMPLEDEPLOY_ENCRYPTION_KEYS, which this command cannot change. Put a "
                "new key in front of the others there, restart the panel, and run manage.py rotate_keys.",
                returncode=REFUSED,
            )
        try:
            keys.put_first(Fernet.generate_key().decode())
        except OSError as error:
            raise CommandError(
                f"{keys.path} cannot be written: {error.strerror}.", returncode=REFUSED
            ) from None
        self.stdout.write(f"A fresh key stands first in {keys.path}. A running panel uses it from now on.")

    def _count(self) -> list[Tally]:
        tallies = [count(store) for store in stores()]
        self._tell(tallies)
        return tallies

    def _rotate(self) -> list[Tally]:
        tallies = [rotate(store, partial(self._progress, store.name)) for store in stores()]
        self._tell(tallies)
        with transaction.atomic():
            record(
                Actor.from_command_line(),
                AuditAction.KEYS_ROTATED,
                "stored secrets",
                after={
                    "renewed": sum(tally.renewed for tally in tallies),
                    "old": sum(tally.old for tally in tallies),
                    "unreadable": sum(tally.unreadable for tally in tallies),
                },
                outcome="done" if all(tally.is_done for tally in tallies) else "not everything",
            )
        return tallies

    def _progress(self, name: str, done: int) -> None:
        if done:
            self.stderr.write(f"{name}: {done} renewed")

    def _tell(self, tallies: list[Tally]) -> None:
        for tally in tallies:
            self.stdout.write(
                f"{tally.name}: {tally.current} by the first key, {tally.old} by an older one, "
                f"{tally.unreadable} that no key opens"
            )
