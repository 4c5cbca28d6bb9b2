"""What a dead worker left: its processes, its credentials, and the events it was running."""

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from apps.applications.models import App
from apps.core.owner import is_alive
from apps.deployer.app_folder import AppFolder, FolderProblem
from apps.deployer.memory_folder import sweep_memory_folders
from apps.deployer.runner.orphans import end_orphans, owners_of_leftovers
from apps.deployer.steps import BEFORE_UP
from apps.deployments import queue
from apps.deployments.models import DeployEvent, Worker
from apps.deployments.states import Action, Status

logger = logging.getLogger(__name__)

# Seconds without a heartbeat after which a worker on another machine counts as dead.
STALE_AFTER = 60


def recover(me: str, running_here: Collection[int] = ()) -> None:
    """End what dead processes left on this machine, and close the events that dead workers were running.

    `me` is this worker, who takes such an event over first: two that recover at once do not meet.
    `running_here` are the ids of the events that it runs now.
    """
    for owner in owners_of_leftovers():
        if is_alive(owner) is False:
            ended = end_orphans(owner)
            logger.warning("Ended %d process(es) that %s left behind", ended, owner)
    sweep_memory_folders()
    stale = timezone.now() - timedelta(seconds=STALE_AFTER)
    for event in DeployEvent.objects.running().exclude(pk__in=running_here).select_related("app", "version"):
        # One of its own that it does not run is left from a recovery that the database cut short.
        alive = event.worker != me and is_alive(event.worker)
        if alive is False or (alive is None and (event.heartbeat_at or stale) <= stale):
            _close(event, me)
    for row in Worker.objects.exclude(name=me):
        alive = is_alive(row.name)
        if alive is False or (alive is None and row.heartbeat_at < stale):
            row.delete()


def _close(event: DeployEvent, me: str) -> None:
    if not queue.take_over(event, me):
        return
    aftermath = ""
    if event.app and event.action in (Action.DEPLOY, Action.ROLLBACK):
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
    logger.warning("Event %s was interrupted in step %s", event.pk, event.step)
    queue.finish(
        event,
        Status.INTERRUPTED,
        error=f"The process that ran this died in step {event.step or 'start'}.{aftermath}",
    )
