"""`manage.py worker`: run events, without serving pages."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.deployer.runner import default_runner
from apps.deployer.state.feed import start_feed, stop_feed
from apps.deployer.stopping import stop_tokens
from apps.deployer.worker import Worker


class Command(BaseCommand):
    help = "Run queued events until SIGTERM or Ctrl-C; a second signal does not wait for what runs."

    def handle(self, *args: Any, **options: Any) -> None:
        with stop_tokens() as (stop, stop_now):
            self.stderr.write(self.style.SUCCESS("The worker runs. Ctrl-C stops it."))
            # One stream for all events that run here.
            start_feed(default_runner())
            try:
                Worker().serve(stop, stop_now)
            finally:
                stop_feed()
