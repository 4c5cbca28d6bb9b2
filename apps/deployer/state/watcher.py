"""Keeps the state of every app true: from the engine's feed, the rows of events, and the files on disk."""

import logging
import threading
import time
from typing import Any

from django.db import DatabaseError, connection

from apps.applications.models import PROJECT_PREFIX
from apps.deployer.containers import Container
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.state.app_state import AppState, state_of, stops_overcome
from apps.deployer.state.baseline import Baseline, read_baselines
from apps.deployer.state.drift import find_differences
from apps.deployer.state.edited_files import FileWatch
from apps.deployer.state.feed import EngineFeed, start_feed, stop_feed
from apps.deployments import live

logger = logging.getLogger(__name__)

_TICK = 1.0  # seconds between looks at files, and at events that another process may run
_ALL_AGAIN = 30.0  # seconds after which all rows are read again, whatever was heard
_SPACING = 0.1  # seconds from one look at the rows to the next: what happens comes in bursts
_RETRY = 1.0  # seconds until the next attempt after something went wrong
# Seconds after its start in which whoever asks waits: an engine that was not asked yet is not one that does
# not answer.
_FIRST_STATES = 5.0

States = dict[str, AppState]


class EngineWatcher:
    """Knows the state of each app, and announces each change of one; starts one process in all.

    What an app is held against is read again when one of its events moves on or its containers change:
    another process may have run the event, and its hints need not reach this one.
    """

    def __init__(self, runner: CommandRunner) -> None:
        self._runner = runner
        self._stopped = threading.Event()
        self._wake = threading.Event()
        # Guards these; the rest is the thread's own.
        self._lock = threading.Lock()
        self._feed: EngineFeed | None = None
        self._states: States | None = None
        self._dirty: set[str] = set()
        self._everything = True
        self._baselines: dict[str, Baseline] = {}
        self._files = FileWatch()
        self._refreshed_at = float("-inf")
        self._told = threading.Event()
        self._first_states_until = float("-inf")
        self._ran_since: dict[str, dict[str, int]] = {}  # by slug: `stops_overcome`
        self._thread = threading.Thread(target=self._run, name="engine-state")

    def start(self) -> None:
        """Begin to watch; the first states are there within moments, which `states` waits for."""
        self._first_states_until = time.monotonic() + _FIRST_STATES
        live.broadcaster.listen(self._on_message)
        self._thread.start()
        start_feed(self._runner, self._on_change)

    def stop(self) -> None:
        """End the stream and the threads."""
        live.broadcaster.unlisten(self._on_message)
        stop_feed()
        self._stopped.set()
        self._told.set()
        self._wake.set()
        self._thread.join()

    def states(self) -> States | None:
        """Return the state of each app by slug; None while the engine does not answer."""
        self._told.wait(max(0.0, self._first_states_until - time.monotonic()))
        with self._lock:
            return self._states

    def _on_change(self, feed: EngineFeed, projects: set[str] | None) -> None:
        slugs = None
        if projects is not None:
            slugs = {p.removeprefix(PROJECT_PREFIX) for p in projects if p.startswith(PROJECT_PREFIX)}
        with self._lock:
            self._feed = feed
        self._look_at(slugs)

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "event" and message.get("slug"):
            self._look_at({message["slug"]})

    def _look_at(self, slugs: set[str] | None) -> None:
        with self._lock:
            if slugs is None:
                self._everything = True
            else:
                self._dirty |= slugs
        self._wake.set()

    def _run(self) -> None:
        next_tick = next_all = time.monotonic()
        while not self._stopped.is_set():
            if self._wake.wait(0 if self._files.is_behind else max(0.0, next_tick - time.monotonic())):
                self._stopped.wait(max(0.0, self._refreshed_at + _SPACING - time.monotonic()))
            self._wake.clear()
            now = time.monotonic()
            try:
                if now >= next_all:
                    next_all = now + _ALL_AGAIN
                    self._look_at(None)
                self._refresh()
                if now >= next_tick:
                    next_tick = now + _TICK
                    self._files.look(self._baselines)
                    self._look_at({slug for slug, one in self._baselines.items() if one.busy})
                if changed := self._files.read_some():
                    self._look_at(changed)
            except DatabaseError as error:
                logger.warning("The state of apps waits for the database: %s", error)
                self._try_again()
            except Exception:
                # An answer that cannot be read is no state; the watcher must be there for the next one.
                logger.exception("The state of apps could not be told")
                self._try_again()
        connection.close()

    def _try_again(self) -> None:
        connection.close()
        self._stopped.wait(_RETRY)
        self._look_at(None)

    def _refresh(self) -> None:
        """Tell anew the states of the apps that something was heard of, and announce what changed."""
        with self._lock:
            dirty, everything, feed, before = self._dirty, self._everything, self._feed, self._states
            self._dirty, self._everything = set(), False
        if feed is None or not (dirty or everything):
            return
        self._refreshed_at = time.monotonic()
        self._read_baselines(None if everything else dirty)
        containers = feed.containers()
        if containers is None:
            fresh = None
        else:
            slugs = self._baselines.keys() if everything or before is None else dirty
            fresh = {} if everything or before is None else dict(before)
            for slug in slugs:
                fresh[slug] = self._state(slug, containers.get(PROJECT_PREFIX + slug, []))
        with self._lock:
            self._states = fresh
        self._told.set()
        if changed := _changed(before, fresh, self._baselines):
            live.apps_changed(changed)

    def _read_baselines(self, slugs: set[str] | None) -> None:
        fresh = read_baselines(slugs)
        if slugs is None:
            self._baselines = fresh
            return
        for slug in slugs:
            self._baselines.pop(slug, None)
        self._baselines |= fresh

    def _state(self, slug: str, containers: list[Container]) -> AppState:
        baseline = self._baselines.get(slug)
        if baseline is None:
            return state_of(containers)
        if baseline.busy:
            self._files.forget(slug)
        ran_since = self._ran_since.setdefault(slug, {})
        if not baseline.busy:
            ran_since |= stops_overcome(containers, baseline)
        differences = find_differences(baseline, containers, self._files.of(slug))
        return state_of(containers, baseline, differences, ran_since)


def _changed(before: States | None, fresh: States | None, known: dict[str, Baseline]) -> list[str]:
    """Return the slugs whose state differs; all that are known where the engine came or went."""
    if before is None and fresh is None:
        return []
    if before is None or fresh is None:
        return sorted((before or fresh or {}).keys() | known.keys())
    return sorted(slug for slug in before.keys() | fresh.keys() if before.get(slug) != fresh.get(slug))
