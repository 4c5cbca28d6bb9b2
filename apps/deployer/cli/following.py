"""Following an event from the request to its verdict, and running it where no worker does."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from django.db import connection, connections

from apps.accounts.actor import Actor
from apps.core.database import REFUSALS
from apps.core.errors import Conflict
from apps.deployer import worker
from apps.deployer.cli.command import CANCELLED, FAILED, SUCCEEDED
from apps.deployer.cli.output import Output
from apps.deployer.cli.progress import Progress, progress_of, seconds_taken
from apps.deployer.runner.interface import CancelToken
from apps.deployments import logs, queue
from apps.deployments.models import DeployEvent
from apps.deployments.records import event_record
from apps.deployments.states import Status

# Seconds between two looks at the event, and between two looks for a worker.
_POLL = 0.1
_WORKER_POLL = 2.0
# Pages of lines between two looks at the event and at Ctrl-C, however fast they come.
_PAGES = 20

_EXIT_CODES = {Status.SUCCEEDED: SUCCEEDED, Status.CANCELLED: CANCELLED}


class OwnRun:
    """The event, run by this process in a thread because no worker was there to take it."""

    def __init__(self, event: DeployEvent) -> None:
        self.cancel = CancelToken()
        self._event_id = event.pk
        self._run = ThreadPoolExecutor(1, thread_name_prefix=f"event-{event.pk}").submit(self._work)

    def _work(self) -> None:
        try:
            worker.run_one(self._event_id, self.cancel)
        finally:
            connections.close_all()

    @property
    def is_over(self) -> bool:
        return self._run.done()

    def end(self) -> None:
        """Wait for the run to end; raise what ended it where that was an exception."""
        self._run.result()


class Interrupts(AbstractContextManager["Interrupts"]):
    """Ctrl-C, SIGTERM and a closed terminal as something to look at, instead of an exception anywhere."""

    _SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        # Not an Event: a handler that runs while its own thread looks would wait for it, or be forgotten.
        self._came: SimpleQueue[int] = SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = {which: signal.signal(which, self._note) for which in self._SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for which, handler in self._before.items():
            signal.signal(which, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came.put(number)

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for one; tell, once for each, whether it came."""
        try:
            self._came.get(timeout=seconds)
        except Empty:
            return False
        return True


def follow(event: DeployEvent, output: Output, by: Actor) -> int:
    """Show `event` until it has ended, and return the exit code that its status means.

    Where no worker runs, the event runs in this process, and so does the automatic rollback that follows
    it. Ctrl-C then cancels it; else it leaves the event to its worker and says how to cancel it, with
    exit code 3.
    """
    output.say(f"{event_title(event)}.")
    if _show(event, output, by):
        return CANCELLED
    rollback = event.consequences.select_related("app", "version").first()
    if rollback is not None:
        _see_to_rollback(rollback, output, by)
    if output.as_json:
        output.json(event_record(event, 0))
    return _EXIT_CODES.get(Status(event.status), FAILED)


def _show(event: DeployEvent, output: Output, by: Actor) -> bool:
    """Show `event` and how it ended; tell whether the person left before that."""
    with Interrupts() as interrupts, progress_of(output) as progress:
        left = watch(event, progress, interrupts, by)
    if left:
        words = f"app cancel {event.slug}" if event.slug else "engine cancel"
        output.say(
            f"Event {event.pk} goes on without you. To cancel it: manage.py {words} --event {event.pk}"
        )
    else:
        _tell_end(event, output)
    return left


def _see_to_rollback(rollback: DeployEvent, output: Output, by: Actor) -> None:
    """Say that `rollback` follows by itself; where no worker is there to run it, this process does."""
    output.say(f"{event_title(rollback)}, because of event {rollback.cause_id}.")
    if worker.live_worker():
        output.say(f"It is queued. To see it: manage.py app logs {rollback.pk} --follow")
    else:
        _show(rollback, output, by)


def watch(event: DeployEvent, progress: Progress, interrupts: Interrupts, by: Actor) -> bool:
    """Show `event` until it has ended; tell whether the person left before that.

    Where no worker runs, this process runs the event, or closes it where its worker died.
    """
    own: OwnRun | None = None
    asked = False
    look_for_worker = 0.0
    reader = EventReader(event, progress)
    outlasting = Outlasting(progress)
    while True:
        with outlasting:
            if own is None and time.monotonic() >= look_for_worker:
                look_for_worker = time.monotonic() + _WORKER_POLL
                if event.is_active and not worker.live_worker():
                    own = OwnRun(event)
            reader.look()
        if reader.is_complete:
            if own:
                own.end()
            return False
        if own and own.is_over and event.is_active:
            # It could not take the event; after the next look for a worker this process tries again.
            over, own = own, None
            with outlasting:
                over.end()
        if interrupts.wait(_POLL):
            if own is None:
                return True
            if asked:
                own.cancel.cancel()
            progress.say(f"Cancelling event {event.pk} ...")
            with outlasting:
                cancel_unless_ended(event, by)
            asked = True


class Outlasting(AbstractContextManager["Outlasting"]):
    """Swallows what the panel's database refuses within the block, as the event goes on; says it once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._said = False

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, REFUSALS):
            return False
        connection.close()
        if not self._said:
            self._progress.say(f"The panel's database refuses; waiting for it: {str(error).strip()}")
            self._said = True
        return True


class EventReader:
    """Reads an event and its lines again and again, and shows what is new."""

    def __init__(self, event: DeployEvent, progress: Progress) -> None:
        self._event = event
        self._progress = progress
        self._after = 0
        self.is_complete = False  # the event has ended, and all its lines were shown

    def look(self) -> None:
        """Show what is new, at most some pages of lines."""
        # The state first: whatever was written before the event ended is then among the lines.
        self._event.refresh_from_db()
        self._progress.state(self._event, queue.position(self._event))
        for _page in range(_PAGES):
            lines = logs.read_lines(self._event.pk, self._after)
            if not lines:
                self.is_complete = self._event.is_terminal
                return
            self._progress.lines(lines)
            self._after = lines[-1].seq


def log_pages(event: DeployEvent, *, follow: bool) -> Iterator[list[logs.LogLine]]:
    """Yield the lines of `event` page by page; with `follow` wait for more until it has ended."""
    after = 0
    while True:
        # Before the lines, as in EventReader.look.
        event.refresh_from_db()
        while page := logs.read_lines(event.pk, after):
            yield page
            after = page[-1].seq
        if event.is_terminal or not follow:
            return
        time.sleep(_POLL)


def cancel_unless_ended(event: DeployEvent, by: Actor) -> None:
    """Cancel `event` unless it has ended meanwhile."""
    try:
        queue.cancel(event, by)
    except Conflict:
        event.refresh_from_db()


def event_title(event: DeployEvent) -> str:
    """Return what `event` is, as in "Event 12: deploy web, version 3"."""
    version = f", version {event.version.number}" if event.version else ""
    services = f" ({event.concerns})" if event.concerns else ""
    return f"Event {event.pk}: {event.action} {event.subject}{services}{version}"


def _tell_end(event: DeployEvent, output: Output) -> None:
    """Say how `event` ended, why, and which services are not as they should be."""
    took = seconds_taken(event)
    style = "green" if event.status == Status.SUCCEEDED else "red"
    output.say(f"Event {event.pk} {event.status}" + (f" after {took}." if took else "."), style=style)
    if event.error and not _was_shown(event, output):
        output.say(event.error)
    if event.status in (Status.UNSTABLE, Status.FAILED):
        for service in event.services:
            if service.get("reason"):
                output.say(f"  {service['service']}: {service['reason']}")


def _was_shown(event: DeployEvent, output: Output) -> bool:
    """Tell whether a person has just read why `event` ended so, as the last line of its output."""
    both_seen = output.is_terminal and (output.as_json or output.data.isatty())
    return both_seen and event.output_tail.splitlines()[-1:] == [event.error]
