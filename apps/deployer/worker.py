"""Claims events and runs each in a thread; hears of cancels, beats, and reaps what dead workers left."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models.functions import Now

from apps.core.owner import current_owner, is_alive
from apps.deployer.console.consoles import consoles
from apps.deployer.console.ending import sweep
from apps.deployer.deployer import Deployer
from apps.deployer.recovery import BEATS, finish_adoption, recover
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.deployments import approvals, claims, queue, retention
from apps.deployments.models import DeployEvent
from apps.deployments.models import Worker as WorkerRow

logger = logging.getLogger(__name__)

_POLL = 0.2  # seconds between looks for what other processes queued or cancelled
_BEAT = 5.0  # seconds between heartbeats
_REAP = 15.0  # seconds between looks for dead workers
_AFTER_ERROR = 1.0  # seconds until the next attempt
_SWEEP = 3600.0  # seconds between looks for output that is too old


class _Running(NamedTuple):
    thread: threading.Thread
    cancel: CancelToken
    is_recovery: bool


class Worker:
    """Runs events of the queue in this process until it is told to stop."""

    def __init__(self, runner: CommandRunner | None = None) -> None:
        self.name = current_owner()
        self._runner = runner or default_runner()
        self._deployer = Deployer(self._runner)
        self._running: dict[int, _Running] = {}
        self._clearing: threading.Thread | None = None
        self._registered_at = self._beaten_at = self._reaped_at = self._swept_at = float("-inf")

    def serve(self, stop: CancelToken, stop_now: CancelToken | None = None) -> None:
        """Claim and run events until `stop`; then drain.

        After `stop` nothing is claimed any more. What runs gets SIMPLEDEPLOY_DRAIN_TIMEOUT seconds, or
        until `stop_now`, and is then ended as interrupted; what is queued waits for the next start.
        """
        with stop.calling(queue.news.announce):
            self._until(stop)
        self._drain(stop_now or CancelToken())
        if self._clearing:
            # One that hangs is left to the next start.
            self._clearing.join(1)
        self._guarded(WorkerRow.objects.filter(name=self.name).delete)

    def run_one(self, event: DeployEvent, cancel: CancelToken) -> None:
        """Run `event` here, after those of its app that were queued before it; return when it has ended.

        Also where `cancel` asks for the end and the database refuses to tell of it.
        """
        seen = 0
        while True:
            if cancel.cancelled:
                self._cancel_all()
            went_well = self._guarded(partial(self._turn_for, event, cancel))
            if not self._running and (event.is_terminal or (cancel.cancelled and not went_well)):
                return
            seen = queue.news.wait(seen, _POLL)

    def _turn_for(self, event: DeployEvent, cancel: CancelToken) -> None:
        self._keep_up()
        event.refresh_from_db()
        if not (event.is_terminal or self._running or cancel.cancelled):
            self._claim(up_to=event)

    def _until(self, stop: CancelToken) -> None:
        seen = 0
        while not stop.cancelled:
            self._guarded(self._turn)
            seen = queue.news.wait(seen, _POLL)

    def _turn(self) -> None:
        self._keep_up()
        if self._registered_at + _BEAT <= time.monotonic():
            self._registered_at = time.monotonic()
            WorkerRow.objects.update_or_create(name=self.name, defaults={"heartbeat_at": Now()})
        # Some at a time: what is queued must not wait for all of it.
        if self._swept_at + _SWEEP <= time.monotonic() and not retention.sweep():
            self._swept_at = time.monotonic()
        while len(self._running) < settings.SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS and self._claim():
            pass

    def _claim(self, up_to: DeployEvent | None = None) -> bool:
        event = claims.claim_next(self.name, up_to=up_to)
        if event is None:
            return False
        self._begin(event, self._deployer.run)
        return True

    def _begin(
        self, event: DeployEvent, act: Callable[[DeployEvent, CancelToken], None], is_recovery: bool = False
    ) -> None:
        token = CancelToken()
        thread = threading.Thread(target=self._run, args=(event, act, token), name=f"event-{event.pk}")
        self._running[event.pk] = _Running(thread, token, is_recovery)
        thread.start()

    def _run(
        self, event: DeployEvent, act: Callable[[DeployEvent, CancelToken], None], token: CancelToken
    ) -> None:
        try:
            self._guarded(partial(act, event, token))
        finally:
            connection.close()
            queue.news.announce()

    def _keep_up(self) -> None:
        """Forget ended threads, pass on cancels and lost claims, beat, and reap."""
        now = time.monotonic()
        for pk, one in list(self._running.items()):
            if not one.thread.is_alive():
                del self._running[pk]
                if one.is_recovery:
                    # What it could not finish is not tried again at once.
                    self._reaped_at = now
        if self._running:
            mine = DeployEvent.objects.running().filter(pk__in=self._running, worker=self.name)
            wanted = dict(mine.values_list("pk", "cancel_requested_at"))
            for pk, one in self._running.items():
                # What was wanted of an event before its worker died ends no recovery.
                if pk not in wanted or (wanted[pk] and not one.is_recovery):
                    one.cancel.cancel()
            if self._beaten_at + _BEAT <= now:
                self._beaten_at = now
                mine.update(heartbeat_at=Now())
        if self._reaped_at + _REAP <= now:
            self._reaped_at = now
            approvals.expire()
            for event in recover(self.name, set(self._running)):
                self._begin(event, self._finish_adoption, is_recovery=True)
            self._clear_consoles()

    def _finish_adoption(self, event: DeployEvent, cancel: CancelToken) -> None:
        finish_adoption(event, self._runner, cancel)

    def _clear_consoles(self) -> None:
        """End what is left of consoles, in a thread: a container may hang, and cancels and claims go on."""
        if self._clearing and self._clearing.is_alive():
            return

        def clear() -> None:
            try:
                self._guarded(lambda: sweep(self._runner, consoles.held))
            finally:
                connection.close()

        self._clearing = threading.Thread(target=clear, name="clear-consoles", daemon=True)
        self._clearing.start()

    def _cancel_all(self) -> None:
        for one in self._running.values():
            one.cancel.cancel()

    def _drain(self, stop_now: CancelToken) -> None:
        seconds = settings.SIMPLEDEPLOY_DRAIN_TIMEOUT
        logger.info("Stopping; running events: %d, which get up to %d seconds", len(self._running), seconds)
        deadline = time.monotonic() + seconds
        while self._running:
            if stop_now.cancelled or time.monotonic() >= deadline:
                self._cancel_all()
            self._guarded(self._keep_up)
            time.sleep(0.05)

    @staticmethod
    def _guarded(act: Callable[[], object]) -> bool:
        """Call `act`; what goes wrong is logged, and the worker goes on: it must outlive a full disk.

        Tells whether all went well.
        """
        try:
            act()
            return True
        except DatabaseError as error:
            logger.error("The database refused: %s", error)
            connection.close()
        except Exception:
            logger.exception("The worker met an unexpected error and goes on")
        time.sleep(_AFTER_ERROR)
        return False


def live_worker() -> bool:
    """Tell whether a process that takes any event is running now, here or on another machine."""
    rows = WorkerRow.objects.annotate(beats=BEATS).values_list("name", "beats")
    return any(beats if (alive := is_alive(name)) is None else alive for name, beats in rows)


def run_one(event_id: int, cancel: CancelToken) -> None:
    """Run event `event_id` in this process until it is terminal; `cancel` ends it early."""
    try:
        Worker().run_one(DeployEvent.objects.get(pk=event_id), cancel)
    finally:
        connection.close()
