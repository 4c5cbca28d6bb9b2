"""`manage.py serve`: the pages, the WebSockets and the worker, in one process."""

import threading
from collections.abc import Callable
from typing import Any

from channels.routing import get_default_application
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from apps.accounts.setup import admin_from_environment, setup_link
from apps.core.checks import dangerous_settings
from apps.core.database import require_migrated
from apps.core.errors import DomainError
from apps.deployer.console.consoles import consoles
from apps.deployer.container_logs.watching import watching
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CancelToken
from apps.deployer.state.states import start_watcher
from apps.deployer.state.usage import start_usage
from apps.deployer.stopping import stop_tokens
from apps.deployer.worker import Worker
from apps.panel.consumers import reads
from apps.panel.server import PanelServer

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Command(BaseCommand):
    help = (
        "Serve the panel and run its events, at SIMPLEDEPLOY_BIND. SIGTERM or Ctrl-C gives running events "
        "SIMPLEDEPLOY_DRAIN_TIMEOUT seconds and exits; a second signal does not wait."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_migrated()
            admin_from_environment()
        except DomainError as error:
            raise CommandError(str(error)) from None
        for danger in dangerous_settings():
            self.stderr.write(self.style.WARNING(f"{danger.msg} {danger.hint}"))
        host, port = settings.SIMPLEDEPLOY_BIND
        interface = host.replace(":", r"\:")
        with stop_tokens() as (stop, stop_now):
            worker = _WorkerThread(stop, stop_now)
            server = PanelServer(
                get_default_application(),
                endpoints=[f"tcp:port={port}:interface={interface}"],
                signal_handlers=False,
                on_ready=lambda: self._ready(worker.start),
            )
            worker.on_end = server.stop_from_thread
            server.run()
            stop.cancel()
            consoles.stop()
            watching.stop()
            worker.finish()
            reads.close_connections()
        if not server.listening_addresses:
            raise CommandError(
                f"Nothing can listen on {host}:{port}; something else may use it. "
                "Stop that, or set SIMPLEDEPLOY_BIND to another address."
            )
        if worker.error is not None:
            raise CommandError("The worker ended unexpectedly, so the panel stopped; see the log above.")

    def _ready(self, start_worker: Callable[[], None]) -> None:
        start_worker()
        url = _address()
        self.stdout.write(self.style.SUCCESS(f"SimpleDeploy is ready at {url}"))
        link = setup_link(url)
        if link:
            self.stdout.write("Nobody has claimed this panel yet. Make the first administrator at")
            self.stdout.write(self.style.WARNING(f"  {link}"))
        connection.close()


def _address() -> str:
    """Return where people open the panel: through the proxy where one ends TLS, else where it listens."""
    if settings.SIMPLEDEPLOY_TLS:
        for name in settings.ALLOWED_HOSTS:
            if name not in _LOCAL_NAMES and not name.startswith((".", "*")):
                return f"https://{name}/"
    host, port = settings.SIMPLEDEPLOY_BIND
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


class _WorkerThread:
    """The worker and what follows the engine, beside the server; when the worker ends, so does the server."""

    def __init__(self, stop: CancelToken, stop_now: CancelToken) -> None:
        self.on_end: Callable[[], None] = lambda: None
        self.error: BaseException | None = None
        self._stop, self._stop_now = stop, stop_now
        self._thread = threading.Thread(target=self._run, name="worker")

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Wait until nothing runs any more."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        watcher, usage = start_watcher(), start_usage(default_runner())
        try:
            Worker().serve(self._stop, self._stop_now)
        except BaseException as error:
            self.error = error
            raise
        finally:
            usage.stop()
            watcher.stop()
            connection.close()
            self.on_end()
