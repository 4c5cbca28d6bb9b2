"""Automatic rollback: where an update ends badly after it was started, the app goes back by itself.

Never after a first deploy, never after a rollback (so that nothing goes in circles), and never where
somebody else's event already waits for the app.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.accounts.actor import Actor
from apps.applications.models import App, ComposeVersion
from apps.core.database import patient
from apps.core.errors import DomainError
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.host_policy import recorded_rules
from apps.deployer.rollback import rollback_columns
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import BEFORE_UP, Action, Status

logger = logging.getLogger(__name__)

NAME = "automatic rollback"  # who asked, as the records say

# Seconds that an engine which is away is waited for, and between two attempts.
_PATIENCE, _PAUSE = 60.0, 1.0


@dataclass(frozen=True)
class WayBack:
    """What follows the bad end of an event: a rollback that was checked, or why there is none.

    Without a version and a sentence nothing was to follow.
    """

    version: ComposeVersion | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)  # of the event that rolls back
    sentence: str = ""


NOTHING = WayBack()


def prepare(event: DeployEvent, status: Status, runner: CommandRunner, cancel: CancelToken) -> WayBack:
    """Return what is to follow `event`, which is about to end as `status`; nothing is queued yet.

    Compose and the engine are asked here, before the transaction that closes the event. One that is away is
    waited for a while, unless `cancel`. Raises nothing: what stands in the way becomes the sentence.
    """
    if status not in (Status.UNSTABLE, Status.FAILED):
        return NOTHING
    if event.action == Action.ROLLBACK and event.cause_id:
        return _no(f"this was the one after event {event.cause_id}. It did not succeed, and it stops here")
    if event.step in BEFORE_UP:
        return NOTHING
    try:
        return _prepare(event, runner, cancel)
    except Exception:
        logger.exception("The automatic rollback after event %s could not be prepared", event.pk)
        return _no(f"not possible because of an unexpected error; see event {event.pk} in the server's log")


@patient
def _prepare(event: DeployEvent, runner: CommandRunner, cancel: CancelToken) -> WayBack:
    app = event.app
    if app is None or event.action not in (Action.DEPLOY, Action.ROLLBACK) or not _is_wanted(app):
        return NOTHING
    if event.action == Action.ROLLBACK:
        return _no("none follows a rollback")
    before = DeployEvent.objects.that_ran_well().filter(app=app, pk__lt=event.pk).first()
    if before is None or before.version is None:
        return _no("no earlier deploy of the app succeeded, so there is nothing to go back to")
    number = before.version.number
    if before.version_id == event.version_id and _same_images(event.images, before.images):
        return _no(f"not done, as version {number} with these images is also what ran well last")
    try:
        columns = _columns(before, before.version, runner, cancel)
    except DomainError as error:
        return _no(f"not possible. Version {number} cannot be deployed: {str(error).rstrip('.')}")
    return WayBack(before.version, columns)


def _columns(
    before: DeployEvent, version: ComposeVersion, runner: CommandRunner, cancel: CancelToken
) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            # Nobody asks for it now: what was allowed to the version when it ran is so again, and no more.
            return rollback_columns(
                version, same_images=True, host_rules=recorded_rules(before), runner=runner
            )
        except EngineUnreachable:
            # One that restarts ends what Compose does at once, and is back some seconds later.
            if time.monotonic() >= deadline or cancel.wait(_PAUSE):
                raise


def begin(event: DeployEvent, way: WayBack) -> str:
    """Queue the rollback of `way`, in the transaction that closes `event`; return what to say of it.

    What came between since it was prepared counts: another event, a cancel, the setting switched off.
    """
    if way.version is None or event.app is None:
        return way.sentence
    # In this order, as all who write to the audit: events, apps, and its end last. Otherwise two that
    # close and queue at the same time could wait for each other.
    now = DeployEvent.objects.select_for_update().get(pk=event.pk)
    # Whoever queues something for the app waits for this lock, and then sees what was queued here.
    app = App.objects.select_for_update().get(pk=event.app.pk)
    if not _is_wanted(app):
        return _no("not done, as it was switched off meanwhile").sentence
    if now.cancel_requested_at:
        return _no(f"not done, as {now.cancel_requested_by} asked to cancel").sentence
    waiting = DeployEvent.objects.queued().filter(app=app).first()
    if waiting is not None:
        return _no(f"not done, as event {waiting.pk} ({waiting.action}) waits for the app").sentence
    by = Actor(NAME, f"event {event.pk}")
    rollback = queue.enqueue(event.app, Action.ROLLBACK, by, version=way.version, cause=event, **way.columns)
    return f"Automatic rollback: event {rollback.pk} goes back to version {way.version.number}."


def _no(why: str) -> WayBack:
    return WayBack(sentence=f"Automatic rollback: {why}.")


def _is_wanted(app: App) -> bool:
    """Ask the database: the setting may have been changed while the event ran."""
    return App.objects.live().filter(pk=app.pk, auto_rollback=True).exists()


def _same_images(failed: Mapping[str, Mapping[str, str]], ran: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether nothing is known of the `failed` images that differs from those that `ran`."""
    return all(
        image["id"] == ran.get(service, {}).get("id", image["id"])
        for service, image in failed.items()
        if image.get("id")
    )
