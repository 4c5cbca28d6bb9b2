"""`manage.py reset_second_factor`: the way back for whoever lost app, keys and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.sign_in.second_factor import reset


class Command(BaseCommand):
    help = (
        "Remove the second factors of somebody who has lost them, recovery codes included, and end their "
        "sessions. Make sure first that it is they who ask."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is nobody called {username[:150]!r}.", returncode=2)
        count = reset(user, Actor.from_command_line())
        self.stdout.write(f"{user} has no second factor now; {count} removed.")
