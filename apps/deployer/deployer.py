"""Walks the steps of an event, from the claim to the verdict."""

import logging
import time
from contextlib import suppress
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.audit.recording import AuditUnusable
from apps.applications.content import Content
from apps.applications.services import content_of
from apps.core.database import persistently
from apps.core.errors import DomainError
from apps.core.secret import UndecryptableError
from apps.deployer import auto_rollback
from apps.deployer.adopt.steps import GIVES_BACK, given_back
from apps.deployer.app_secrets import redactor_of
from apps.deployer.auto_rollback import WayBack
from apps.deployer.host_policy import require_still_allowed
from apps.deployer.log_buffer import LogBuffer
from apps.deployer.prune.steps import removed_so_far
from apps.deployer.run import Run, RunCancelled, StepFailed
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.deployer.steps import BEFORE_UP, Step, drop_credentials, record, record_failure, steps_of
from apps.deployer.verdict.verify import verify
from apps.deployments import claims
from apps.deployments.claims import ClaimLost
from apps.deployments.models import DeployEvent
from apps.deployments.states import CHANGING, Action, Status

logger = logging.getLogger(__name__)

_RETRY = 2.0  # seconds between attempts to close an event while the database refuses (a full disk)
_PATIENCE = 10.0  # seconds for such attempts in a panel that stops; the next start closes the event then


class Deployer:
    """Runs claimed events with a `CommandRunner`."""

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner

    def run(self, event: DeployEvent, cancel: CancelToken) -> None:
        """Run the claimed `event` until it has a terminal status; whatever happens, it gets one.

        `cancel` ends it early: as cancelled where somebody asked for that, as interrupted where the
        panel stops. Raises nothing but what would end the process too.
        """
        try:
            status, columns = self._run(event, cancel)
        except ClaimLost:
            logger.warning("Event %s was closed by another worker while it ran here", event.pk)
            return
        except DatabaseError as error:
            status, columns = Status.INTERRUPTED, {"error": _refused(event, error)}
        except Exception:  # noqa: BLE001  the event must end; `_unexpected` logs why
            status, columns = Status.FAILED, {"error": _unexpected(event)}
        way_back = auto_rollback.prepare(event, status, self._runner, cancel)
        self._close(event, status, columns, way_back, cancel)

    def _run(self, event: DeployEvent, cancel: CancelToken) -> tuple[Status, dict[str, Any]]:
        try:
            _bind(event)
            content = _content(event)
            redactor = redactor_of(c.environment for c in (content, _current_content(event)) if c)
        except DomainError as error:
            return Status.FAILED, {"error": str(error)}
        with LogBuffer(event.pk, redactor, cancel=cancel) as log:
            run = Run(event, self._runner, log, redactor, cancel, content)
            with run.credentials:
                status, sentence = self._walk(run)
            if sentence:
                log.say(sentence)
        columns = {
            "exit_code": run.exit_code,
            "step_exit_code": run.step_exit_code,
            "error": redactor.redact(sentence),
            "output_tail": "\n".join(log.tail()),
        }
        return status, columns

    def _walk(self, run: Run) -> tuple[Status, str]:
        """Run the steps; return the status and, where it is no success, a sentence."""
        event = run.event
        try:
            self._through_steps(run)
            return Status.SUCCEEDED, ""
        except RunCancelled:
            status, sentence = self._cancelled(event)
        except StepFailed as failure:
            status, sentence = failure.status, f"{_step_name(event)}: {failure}"
        except ClaimLost:
            raise
        except DomainError as error:
            status, sentence = Status.FAILED, f"{_step_name(event)}: {error}"
        except DatabaseError as error:
            # The panel's own trouble: nobody judged what was deployed.
            status, sentence = Status.INTERRUPTED, _refused(event, error)
        except Exception:  # noqa: BLE001  the event must end; `_unexpected` logs why
            status, sentence = Status.FAILED, _unexpected(event)
        return status, f"{sentence} {self._aftermath(run, status)}".strip()

    def _through_steps(self, run: Run) -> None:
        """Run the steps, and let go of what they hold, whatever comes of them."""
        event = run.event
        try:
            if event.app and event.app.removed_at:
                raise StepFailed("The app was removed while this waited; nothing was changed.")
            require_still_allowed(event)
            for step in steps_of(event):
                self._begin(run, step)
                step(run)
        finally:
            drop_credentials(run)
            if run.planning:
                run.planning.close()

    def _begin(self, run: Run, step: Step) -> None:
        if run.cancel.cancelled:
            raise RunCancelled
        now = timezone.now().isoformat()
        steps = [*_closed(run.event.steps, now, run.step_exit_code)]
        steps.append({"name": step.__name__, "started_at": now, "finished_at": None, "exit_code": None})
        run.step_exit_code = None
        claims.advance(run.event, step=step.__name__, steps=steps)

    def _aftermath(self, run: Run, status: Status) -> str:
        """Put back or note what an event that ended as `status` leaves; return a sentence about it."""
        event = run.event
        if not event.step:
            return ""
        if event.app is None:
            return removed_so_far(event)
        if event.action in CHANGING and event.step in BEFORE_UP:
            try:
                # Whoever took the event over has seen to the files, which may be another deploy's by now.
                with suppress(DatabaseError):
                    claims.advance(event)
                run.folder.restore()
            except OSError as error:
                return f"The files in {run.folder.path} could not be put back: {error.strerror}."
            current = run.app.current_version
            kept = f"version {current.number}" if current else "no version"
            return f"Nothing was changed: the app still has {kept}."
        if event.action == Action.ADOPT and event.step in GIVES_BACK:
            # Whoever has taken the event over gives back, and nobody else meanwhile.
            with suppress(DatabaseError):
                claims.advance(event)
            # What the new containers said, before they go.
            self._note(run, status)
            return given_back(event, run.runner, run.cancel)
        if not self._note(run, status):
            return "What stands now could not be told."
        if event.step == verify.__name__:
            return ""
        found = ", ".join(f"{s['container']} ({s['state']})" for s in event.services if s["container"])
        return f"The app's containers: {found}." if found else "No container of the app is left."

    @staticmethod
    def _note(run: Run, status: Status) -> bool:
        """Record what an event that ended as `status` leaves; tell whether that was possible."""
        # What somebody ended has not failed: its services are only told.
        note = record_failure if status in (Status.FAILED, Status.UNSTABLE) else record
        try:
            note(run)
        except ClaimLost:
            raise
        except Exception:
            # The verdict is about what was asked for; what is noted beside it must not replace it.
            logger.exception("What event %s left could not be told", run.event.pk)
            return False
        return True

    @staticmethod
    def _cancelled(event: DeployEvent) -> tuple[Status, str]:
        where = f"in step {event.step}" if event.step else "before the first step; nothing was changed"
        # Once more where the connection was lost, but a panel that stops waits for no database.
        for _attempt in range(2):
            try:
                event.refresh_from_db(fields=["cancel_requested_by"])
                break
            except DatabaseError:
                connection.close()
        else:
            return Status.INTERRUPTED, f"Cancelled, or stopped with the panel, {where}."
        if event.cancel_requested_by:
            return Status.CANCELLED, f"Cancelled by {event.cancel_requested_by} {where}."
        return Status.INTERRUPTED, f"The panel was stopped {where}."

    @staticmethod
    def _close(
        event: DeployEvent, status: Status, columns: dict[str, Any], way_back: WayBack, cancel: CancelToken
    ) -> None:
        """Write the end of `event` and queue what follows it, however long the database refuses.

        A panel that stops gives up.
        """
        why = columns.pop("error", "")
        columns["steps"] = _closed(
            event.steps, timezone.now().isoformat(), columns.pop("step_exit_code", None)
        )
        deadline = time.monotonic() + _PATIENCE
        refusals = (DatabaseError, AuditUnusable)

        def close() -> None:
            # Together: neither is a rollback lost in a crash, nor is there one of an event that goes on.
            with transaction.atomic():
                said = auto_rollback.begin(event, way_back)
                claims.finish(event, status, error=f"{why} {said}".strip(), **columns)

        try:
            persistently(close, lambda: cancel.cancelled and time.monotonic() >= deadline, _RETRY, refusals)
        except ClaimLost:
            logger.warning("Event %s was closed by another worker while it ran here", event.pk)
        except refusals as error:
            logger.error("Event %s could not be closed: %s", event.pk, error)


def _bind(event: DeployEvent) -> None:
    """Make a lifecycle `event` one of the version that runs now, which may have changed while it waited."""
    if event.app is None or event.action in CHANGING | {Action.REMOVE}:
        return
    shaped = DeployEvent.objects.exclude(pk=event.pk).that_shaped(event.app)
    scale = event.arguments.get("scale", {})
    expected = (
        [one | {"replicas": scale.get(one["service"], one["replicas"])} for one in shaped.expected]
        if shaped
        else []
    )
    columns = {"images": shaped.images, "config_hashes": shaped.config_hashes} if shaped else {}
    claims.advance(event, version=event.app.current_version, expected=expected, **columns)


def _content(event: DeployEvent) -> Content | None:
    """Return what `event` deploys or acts on; nothing for a removal, which needs no file."""
    version = event.version or (event.app and event.app.current_version)
    return content_of(version) if version and event.action != Action.REMOVE else None


def _current_content(event: DeployEvent) -> Content | None:
    """Return what runs when `event` begins; containers that stay may print values of its environment."""
    current = event.app and event.app.current_version
    # Where its key is gone, nobody can tell what to hide; the deploy that brings new values goes on.
    with suppress(UndecryptableError):
        return content_of(current) if current else None
    return None


def _closed(steps: list[dict[str, Any]], now: str, exit_code: int | None) -> list[dict[str, Any]]:
    """Return `steps` with the last one ended `now`, if it was not yet."""
    if steps and steps[-1]["finished_at"] is None:
        return [*steps[:-1], {**steps[-1], "finished_at": now, "exit_code": exit_code}]
    return steps


def _refused(event: DeployEvent, error: DatabaseError) -> str:
    return f"{_step_name(event)}: The panel's database refused: {error}."


def _unexpected(event: DeployEvent) -> str:
    """Log the exception that is being handled, and return what people are told of it."""
    logger.exception("Event %s failed unexpectedly in step %s", event.pk, event.step)
    return f"{_step_name(event)}: unexpected error; see event {event.pk} in the server's log."


def _step_name(event: DeployEvent) -> str:
    return event.step.replace("_", " ").capitalize() or "Start"
