"""Who watches the output of containers: one follower for all who see the same, and limits for each."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections
from django.utils.translation import gettext

from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployer.app_secrets import redactor_of_containers
from apps.deployer.container_logs.follower import LogFollower
from apps.deployer.container_logs.wishes import Wish
from apps.deployer.redaction import Redactor
from apps.deployer.runner import default_runner

# Views of logs that one person may have open, and different ones that there are at once for everybody.
PER_PERSON = 8
IN_ALL = 24


class TooManyViews(DomainError):
    """Somebody has, or all together have, as many logs open as may be."""

    http_status = 429


@dataclass
class _Shared:
    follower: LogFollower
    watchers: int = 0


class Watching:
    """The followers of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[tuple[int, Wish, int], _Shared] = {}
        self._by_person: Counter[int] = Counter()
        self._numbers = itertools.count(1)
        self._ending: list[LogFollower] = []

    @contextmanager
    def watch(self, person: int, app: App, wish: Wish) -> Iterator[LogFollower]:
        """Yield what follows `wish` of `app` while the block runs; the last who leaves ends it.

        Neither entering nor leaving waits for anything. Raises TooManyViews.
        """
        with self._lock:
            shared = self._join(person, app, wish)
        try:
            yield shared.follower
        finally:
            with self._lock:
                self._leave(person, shared)

    def _join(self, person: int, app: App, wish: Wish) -> _Shared:
        if self._by_person[person] >= PER_PERSON:
            raise TooManyViews(
                gettext("You have %(most)s logs of containers open already. Close one of these pages first.")
                % {"most": PER_PERSON}
            )
        number = next(self._numbers)
        key = (app.pk, wish, 0 if wish.is_shared else number)
        if key not in self._shared or self._shared[key].follower.outlet.over:
            self._ending = [one for one in self._ending if not one.has_ended]
            # Who comes and goes all the time must not start commands faster than they end.
            if len(self._shared) + len(self._ending) >= IN_ALL:
                raise TooManyViews(
                    gettext(
                        "%(most)s logs of containers are followed already, for everybody together. Try "
                        "again later, or load the last lines without following them."
                    )
                    % {"most": IN_ALL}
                )
            follower = LogFollower(
                default_runner(), app.project, wish, lambda: _redactor(app), f"containers.{number}"
            )
            follower.start()
            self._shared[key] = _Shared(follower)
        shared = self._shared[key]
        shared.watchers += 1
        self._by_person[person] += 1
        return shared

    def _leave(self, person: int, shared: _Shared) -> None:
        self._by_person[person] -= 1
        # Only who is here is remembered.
        self._by_person = +self._by_person
        shared.watchers -= 1
        if not shared.watchers:
            self._shared = {key: one for key, one in self._shared.items() if one is not shared}
            self._ending.append(shared.follower)
            shared.follower.stop()

    def stop(self) -> None:
        """End everything, and wait until no command runs any more."""
        with self._lock:
            followers = [shared.follower for shared in self._shared.values()] + self._ending
        for follower in followers:
            follower.stop()
        for follower in followers:
            follower.join()


def _redactor(app: App) -> Redactor:
    try:
        return redactor_of_containers(app)
    finally:
        connections.close_all()


watching = Watching()
