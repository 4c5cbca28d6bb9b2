"""The end of a shell in its container: nothing that was started in it goes on."""

import logging
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.core.errors import DomainError
from apps.core.owner import current_owner, is_alive
from apps.deployer.console.commands import end_shell
from apps.deployer.containers import ask_engine
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.runner.interface import CommandRunner, collect
from apps.deployments.console_sessions import ConsoleEnd, ConsoleSession

logger = logging.getLogger(__name__)

_TIMEOUT = 30.0  # seconds; it takes one, and four where a program does not heed SIGHUP


def close(session: ConsoleSession, why: ConsoleEnd, by: Actor) -> None:
    """Note that `session` is over, in its row and in the audit; where that is known nothing is changed."""
    with transaction.atomic():
        now = timezone.now()
        # When a panel died nobody knows: it may have been long before another one found that out.
        known = why is not ConsoleEnd.PANEL_DIED
        lasted = {"seconds": round((now - session.opened_at).total_seconds())} if known else {}
        if not ConsoleSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, end=why):
            return
        record(
            by,
            AuditAction.CONSOLE_CLOSED,
            words(session),
            app_slug=session.app.slug,
            after={
                "console": session.pk,
                "service": session.service,
                "container": session.container_name,
                **lasted,
                "why": why.label,
            },
        )
    session.ended_at, session.end = now, why


def clear(session: ConsoleSession, runner: CommandRunner) -> bool:
    """End what runs of `session` in its container; False where that could not be done, and is tried again."""
    is_clear = _end_processes(session, runner)
    if is_clear:
        ConsoleSession.objects.filter(pk=session.pk).update(cleared_at=timezone.now())
    else:
        logger.warning("%s: its processes could not be ended yet; this is tried again", session)
    return is_clear


def sweep(runner: CommandRunner, held: Callable[[], frozenset[str]]) -> None:
    """Close and clear what dead processes of the panel left, and clear what could not be until now.

    `held` tells the markers of the sessions that this process still sees to itself.
    """
    me = current_owner()
    found = list(ConsoleSession.objects.filter(cleared_at=None).select_related("app", "user"))
    # Asked after the rows: none of these is younger.
    mine = held()
    for session in found:
        if session.marker in mine or (session.owner != me and is_alive(session.owner) is not False):
            continue
        try:
            close(
                session, ConsoleEnd.PANEL_DIED, Actor(session.person, "panel", session.user, session.address)
            )
            clear(session, runner)
        except DomainError as error:
            logger.warning("%s could not be closed: %s", session, error)


def words(session: ConsoleSession) -> str:
    """Return what the audit calls `session`."""
    return f"service {session.service} ({session.container_name})"


def _end_processes(session: ConsoleSession, runner: CommandRunner) -> bool:
    sessions: list[str] = []
    for as_root in (False, True):
        # Another user's processes (`su` in the shell) need root, which the container may refuse.
        argv = end_shell(session.container, session.marker, as_root=as_root, sessions=sessions)
        answer = collect(runner, argv, timeout=_TIMEOUT, limit=1024 * 1024)
        told = dict(line.partition(" ")[::2] for line in answer.stdout.splitlines())
        if not answer.ok or "left" not in told:
            return not _may_run(session, runner)
        if not told["left"]:
            return True
        sessions = told["sessions"].split()
    return False


def _may_run(session: ConsoleSession, runner: CommandRunner) -> bool:
    """Return whether processes may run in the container; they end with it."""
    words = ("ps", "--all", "--no-trunc", "--filter", f"id={session.container}", "--format", "{{.State}}")
    try:
        state = ask_engine(runner, *words).stdout.strip()
    except EngineProblem:
        return True
    return state not in ("", "exited", "dead", "created")
