"""What only the stream of events tells of a container: that somebody stopped it, that memory ran out."""

import time
from collections.abc import Collection
from dataclasses import replace

from apps.deployer.containers import Container

# Signals that ask a process to end; others (HUP, USR1) are messages to it.
_ENDING = frozenset({"2", "3", "9", "15"})
# Seconds before its end in which an engine that shuts down kills its containers: that was nobody's hand.
_SHUTDOWN = 15.0


class Hands:
    """Remembers per container, by its id, what its last end was due to. Not safe between threads."""

    def __init__(self) -> None:
        self._killed: set[str] = set()
        self._stopped: dict[str, float] = {}
        self._out_of_memory: set[str] = set()  # in the run that goes on
        self._oom: set[str] = set()  # in the last run
        self._exit_codes: dict[str, int] = {}  # of the last run

    def saw(self, container: str, action: str, number: str = "-") -> None:
        """Take note of an event; `number` is the signal of a `kill`, the exit code of a `die`."""
        match action:
            case "start":
                self._killed.discard(container)
                self._stopped.pop(container, None)
            case "kill" if number in _ENDING:
                self._killed.add(container)
            case "stop":
                self._stopped[container] = time.monotonic()
            case "oom":
                self._out_of_memory.add(container)
            case "die":
                if number.isdecimal():
                    self._exit_codes[container] = int(number)
                if container in self._killed:
                    self._stopped[container] = time.monotonic()
                self._oom.discard(container)
                if container in self._out_of_memory:
                    self._out_of_memory.discard(container)
                    self._oom.add(container)

    def engine_went(self) -> None:
        """Forget the ends that the engine's own shutdown has brought about."""
        since = time.monotonic() - _SHUTDOWN
        self._stopped = {id_: at for id_, at in self._stopped.items() if at < since}
        self._killed.clear()

    def keep(self, containers: Collection[str]) -> None:
        """Forget the containers that no longer exist."""
        for remembered in (self._stopped, self._exit_codes):
            for forgotten in remembered.keys() - set(containers):
                del remembered[forgotten]
        self._killed.intersection_update(containers)
        self._out_of_memory.intersection_update(containers)
        self._oom.intersection_update(containers)

    def marked(self, container: Container) -> Container:
        """Return `container` with what is remembered of it."""
        by_hand = container.id in self._stopped and container.state in ("exited", "dead")
        oom = container.oom_killed or container.id in self._oom | self._out_of_memory
        last_exit = self._exit_codes.get(container.id)
        marks = (by_hand, oom, last_exit)
        if marks == (container.stopped_by_hand, container.oom_killed, container.last_exit):
            return container
        return replace(container, stopped_by_hand=by_hand, oom_killed=oom, last_exit=last_exit)
