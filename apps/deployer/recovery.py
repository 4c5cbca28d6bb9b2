"""What a dead worker left: its processes, its credentials, and the events it was running."""

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from apps.applications.models import App
from apps.core.owner import is_alive
from apps.deployer.adopt.steps import after_crash
from apps.deployer.app_folder import AppFolder, FolderProblem
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.memory_folder import sweep_memory_folders
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.deployer.runner.orphans import end_orphans, owners_of_leftovers
from apps.deployer.steps import BEFORE_UP
from apps.deployments import claims
from apps.deployments.models import DeployEvent, Worker
from apps.deployments.states import CHANGING, Action, Status

logger = logging.getLogger(__name__)

# Seconds without a heartbeat after which a worker on another machine counts as dead.
_STALE_AFTER = 60
# By the database's clock, which all machines share, as heartbeats are written.
BEATS = ExpressionWrapper(
    Q(heartbeat_at__gte=Now() - timedelta(seconds=_STALE_AFTER)), output_field=BooleanField()
)


def recover(me: str, running_here: Collection[int] = ()) -> list[DeployEvent]:
    """End what dead processes left on this machine, and close the events that dead workers were running.

    `me` is this worker, who takes such an event over first: two that recover at once do not meet.
    `running_here` are the ids of the events that it runs now. Returns those that `finish_adoption` closes,
    whose commands may take minutes.
    """
    adoptions: list[DeployEvent] = []
    for owner in owners_of_leftovers():
        if is_alive(owner) is False:
            ended = end_orphans(owner)
            logger.warning("Ended %d process(es) that %s left behind", ended, owner)
    sweep_memory_folders()
    running = DeployEvent.objects.running().exclude(pk__in=running_here).annotate(beats=BEATS)
    for event in running.select_related("app", "version"):
        # One of its own that it does not run is left from a recovery that the database cut short.
        alive = event.worker != me and is_alive(event.worker)
        if alive is False or (alive is None and not event.beats):
            if not claims.take_over(event, me):
                continue
            if event.action == Action.ADOPT and event.step not in BEFORE_UP:
                adoptions.append(event)
            else:
                _close(event)
    for row in Worker.objects.exclude(name=me).annotate(beats=BEATS):
        alive = is_alive(row.name)
        if alive is False or (alive is None and not row.beats):
            row.delete()
    return adoptions


def finish_adoption(event: DeployEvent, runner: CommandRunner, cancel: CancelToken) -> None:
    """Close the adoption `event`, which `recover` has taken over, once its containers are given back or gone.

    Where the engine does not answer, or on `cancel`, it stays this worker's own, for another attempt.
    """
    try:
        aftermath = after_crash(event, runner, cancel)
    except EngineProblem as problem:
        why = "the panel stops" if cancel.cancelled else problem
        logger.warning("Event %s cannot be cleared up yet: %s", event.pk, why)
    else:
        _finish(event, f" {aftermath}")


def _close(event: DeployEvent) -> None:
    aftermath = ""
    if event.app is None:
        aftermath = " What was removed until then is gone; another prune finds the rest."
    elif event.action in CHANGING:
        folder = AppFolder(event.slug)
        if event.step in BEFORE_UP:
            try:
                folder.restore()
                aftermath = " Nothing was changed."
            except OSError as error:
                aftermath = f" The files in {folder.path} could not be put back: {error.strerror}."
        else:
            # The crash may lie between the step's start and these two, which belong together.
            App.objects.filter(pk=event.app.pk).update(current_version=event.version)
            with suppress(FolderProblem):
                folder.keep()
            aftermath = " Containers may be in any state; deploy again or roll back."
    elif event.step:
        aftermath = " It may be done in part; ask for it again."
    else:
        aftermath = " Nothing was changed."
    _finish(event, aftermath)


def _finish(event: DeployEvent, aftermath: str) -> None:
    logger.warning("Event %s was interrupted in step %s", event.pk, event.step)
    claims.finish(
        event,
        Status.INTERRUPTED,
        error=f"The process that ran this died in step {event.step or 'start'}.{aftermath}",
    )
