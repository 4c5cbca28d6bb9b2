"""The consoles that this process holds, and how many of them there may be."""

import threading
from collections import Counter

from django.utils.translation import gettext

from apps.core.errors import DomainError
from apps.deployer.console.console import Console
from apps.deployments.console_sessions import ConsoleEnd

PER_PERSON = 4
IN_ALL = 20


class TooManyConsoles(DomainError):
    """Somebody has, or all together have, as many consoles as may be."""

    http_status = 429


class Consoles:
    """The open consoles; those that end count until nothing of them is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Console, int] = {}

    def start(self, console: Console, person: int) -> None:
        """Start `console` for the account with key `person`. Raises TooManyConsoles."""
        with self._lock:
            self._forget_ended()
            if Counter(self._open.values())[person] >= PER_PERSON:
                raise TooManyConsoles(
                    gettext("You have %(most)s consoles open already. Close one of them first.")
                    % {"most": PER_PERSON}
                )
            if len(self._open) >= IN_ALL:
                raise TooManyConsoles(
                    gettext("%(most)s consoles are open already, for everybody together. Try again later.")
                    % {"most": IN_ALL}
                )
            self._open[console] = person
            console.start()

    def held(self) -> frozenset[str]:
        """Return the markers of the sessions that are held here."""
        with self._lock:
            self._forget_ended()
            return frozenset(console.marker for console in self._open)

    def stop(self) -> None:
        """End all of them, and wait until nothing of them is left."""
        with self._lock:
            consoles = list(self._open)
        for console in consoles:
            console.end(ConsoleEnd.PANEL_STOPPED)
        for console in consoles:
            console.join()

    def _forget_ended(self) -> None:
        self._open = {console: person for console, person in self._open.items() if console.is_alive()}


consoles = Consoles()
