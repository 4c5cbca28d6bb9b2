"""One console, from the wish for it until nothing of it is left."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.utils.translation import get_language, gettext, override

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.models import App
from apps.core.errors import Conflict, DomainError, NotAllowed, NotFound
from apps.core.owner import current_owner
from apps.deployer.console.commands import BASH, SH, find_shells, open_shell
from apps.deployer.console.ending import clear, close, words
from apps.deployer.container_logs.lines import shown_name
from apps.deployer.container_logs.requests import containers_of
from apps.deployer.containers import Container, inspect_containers
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.runner.interface import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    CancelToken,
    CommandResult,
    CommandRunner,
    Outcome,
    collect,
)
from apps.deployer.runner.terminal import Terminal
from apps.deployer.terminal_signs import with_visible_signs
from apps.deployments.console_sessions import ConsoleEnd, ConsoleSession

logger = logging.getLogger(__name__)

SHELLS = ("", BASH, SH)
_PROBE_TIMEOUT = 15.0  # seconds
_BY_SIGNAL = 128  # beyond it an exit code tells the signal that ended a command
_LOOKS, _LOOK_SECONDS = 8, 0.25
_ATTEMPTS = 5  # to write down that it ended, a second apart


class NoShell(Conflict):
    """A container in which no shell can be started."""


class NotRunning(Conflict):
    """A service without a running container."""

    def __init__(self, service: str) -> None:
        super().__init__(
            gettext("%(service)s does not run. Start it, then open the console again.") % {"service": service}
        )


class ProtectedFromConsoles(NotAllowed):
    """An app that nobody changes alone."""

    def __init__(self, app: App) -> None:
        super().__init__(
            gettext(
                "%(name)s is protected: nobody changes it without a second person, and in a "
                "console one could. Whoever may change its settings can take the protection away; "
                "that stands in the audit."
            )
            % {"name": app.name}
        )


def require_unprotected(app: App) -> None:
    """Raise ProtectedFromConsoles where `app` is protected."""
    if app.protected:
        raise ProtectedFromConsoles(app)


@dataclass(frozen=True)
class Place:
    """Where a shell is wanted: a service, the number of its container, and which shell; "" means any."""

    service: str
    number: str = ""
    shell: str = ""


def choose(containers: list[Container], place: Place) -> Container:
    """Return the running container that `place` means. Raises NotFound, NotRunning."""
    of_service = [c for c in containers if c.service == place.service]
    if not of_service:
        raise NotFound(
            gettext("There is no container of a service %(service)r.") % {"service": place.service[:100]}
        )
    if place.number:
        of_service = [c for c in of_service if shown_name(c).endswith(f"-{place.number}")]
        if not of_service:
            raise NotFound(
                gettext("%(service)s has no container %(number)s.")
                % {"service": place.service, "number": place.number[:20]}
            )
    running = [c for c in of_service if c.state == "running"]
    if not running:
        raise NotRunning(place.service)
    return running[0]


class Console(threading.Thread):
    """Opens a shell, lets `terminal` talk to it, and sees to its end, in a thread of its own.

    `tell` gets what happens, in that thread, and must not wait: {"type": "opened" | "refused" | "closed"},
    in the language of whoever makes it.
    Whoever holds it calls `end` at any time; the thread writes down why, and ends what runs in the container.
    """

    def __init__(
        self,
        runner: CommandRunner,
        app: App,
        place: Place,
        by: Actor,
        terminal: Terminal,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        super().__init__(name=f"console-{app.slug}")
        self.marker = secrets.token_hex(16)
        self._runner, self._app, self._place, self._by = runner, app, place, by
        self._terminal, self._tell = terminal, tell
        self._language = get_language()
        self._cancel = CancelToken()
        self._lock = threading.Lock()
        self._why: ConsoleEnd | None = None

    def end(self, why: ConsoleEnd) -> None:
        """Ask for its end, without waiting; the first reason counts."""
        with self._lock:
            if self._why is None:
                self._why = why
        self._cancel.cancel()

    def run(self) -> None:
        with override(self._language):
            try:
                self.hold()
            except Exception:
                logger.exception("A console of %s failed unexpectedly", self._app.slug)
                text = gettext("The panel met an unexpected error here; load the page again.")
                self._tell({"type": "refused", "text": text})
            finally:
                connections.close_all()

    def hold(self) -> None:
        """Open the shell, and see to it until nothing of it is left."""
        try:
            container, shell = self._find()
            session = self._open(container)
        except DomainError as error:
            self._tell({"type": "refused", "text": str(error)})
            return
        self._tell(
            {"type": "opened", "service": session.service, "container": shown_name(container), "shell": shell}
        )
        began = time.monotonic()
        exit_code: int | None = None
        why = ConsoleEnd.FAILED
        try:
            result = self._runner.run_in_terminal(
                open_shell(session.container, shell, session.marker),
                self._terminal,
                cancel=self._cancel,
                timeout=settings.SIMPLEDEPLOY_CONSOLE_MAX_SECONDS,
            )
            exit_code, why = result.exit_code, self._reason(result, container)
        finally:
            self._finish(session, why, exit_code, time.monotonic() - began)

    def _find(self) -> tuple[Container, str]:
        """Return the container and the shell that is run in it. Raises NoShell, NotRunning and others."""
        container = choose(containers_of(self._app), self._place)
        name = shown_name(container)
        answer = collect(self._runner, find_shells(container.id), cancel=self._cancel, timeout=_PROBE_TIMEOUT)
        if answer.outcome is Outcome.CANCELLED:
            raise NoShell(gettext("The page was closed before the shell was there."))
        if answer.outcome is Outcome.EXITED and answer.exit_code in (NOT_EXECUTABLE, NOT_FOUND):
            raise NoShell(
                gettext("%(name)s has no shell (sh), so that no console can be opened in it.")
                % {"name": name}
            )
        if not answer.ok:
            # What is known of the containers is a moment old where the engine is busy.
            now = self._look_at(container)
            if now is not None and now.state not in ("running", "paused"):
                raise NotRunning(container.service)
            said = with_visible_signs(" ".join(answer.stderr.split())[-300:]) or gettext("nothing")
            raise NoShell(
                gettext("No shell could be started in %(name)s. Docker said: %(said)s")
                % {"name": name, "said": said}
            )
        has_bash = bool(answer.stdout.strip())
        if self._place.shell == BASH and not has_bash:
            raise NoShell(gettext("%(name)s has no bash; choose sh.") % {"name": name})
        return container, SH if self._place.shell == SH or not has_bash else BASH

    def _open(self, container: Container) -> ConsoleSession:
        """Write down that a shell begins, before it does. Raises AuditUnusable."""
        with transaction.atomic():
            session = ConsoleSession.objects.create(
                app=self._app,
                user=self._by.user,
                person=self._by.name[:150],
                address=self._by.address[:64],
                service=container.service,
                container=container.id,
                container_name=container.name[:255],
                marker=self.marker,
                owner=current_owner(),
            )
            record(
                self._by,
                AuditAction.CONSOLE_OPENED,
                words(session),
                app_slug=self._app.slug,
                after={
                    "console": session.pk,
                    "service": session.service,
                    "container": session.container_name,
                },
            )
        return session

    def _reason(self, result: CommandResult, container: Container) -> ConsoleEnd:
        if self._why is not None:
            return self._why
        if result.outcome is Outcome.TIMED_OUT:
            return ConsoleEnd.TIME_OVER
        if result.outcome is Outcome.NOT_STARTED:
            return ConsoleEnd.FAILED
        # The engine notes the end of a container a moment after that of what ran in it, by a signal.
        looks = _LOOKS if result.exit_code > _BY_SIGNAL else 1
        for look in range(looks):
            if look:
                time.sleep(_LOOK_SECONDS)
            if self._has_stopped(container):
                return ConsoleEnd.CONTAINER_STOPPED
        return ConsoleEnd.SHELL_ENDED

    def _has_stopped(self, container: Container) -> bool:
        now = self._look_at(container)
        return now is None or now.state != "running" or now.started_at != container.started_at

    def _look_at(self, container: Container) -> Container | None:
        """Return `container` as it is now; None where it is not there any more, or nobody can tell."""
        try:
            return next(iter(inspect_containers(self._runner, [container.id])), None)
        except EngineUnreachable:
            return None

    def _finish(
        self, session: ConsoleSession, why: ConsoleEnd, exit_code: int | None, seconds: float
    ) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                close(session, why, self._by)
                break
            except (DomainError, DatabaseError) as error:
                # What is not written down now is by the sweep.
                logger.error("%s: its end could not be written down: %s", session, error)
                connections.close_all()
                time.sleep(1 if attempt < _ATTEMPTS - 1 else 0)
        self._tell({"type": "closed", "why": why.value, "exit_code": exit_code, "seconds": round(seconds)})
        clear(session, self._runner)
