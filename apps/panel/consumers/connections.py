"""How many WebSockets are open at once, by person and by address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

# An event's page has two, and people keep tabs open.
PER_PERSON = 40
# Many people may share the address of one office.
PER_ADDRESS = 200


class TooManyConnections(Exception):
    """A person or an address has as many WebSockets as it may have."""


class OpenConnections:
    """Counts the WebSockets of one process; used on its event loop alone."""

    def __init__(self) -> None:
        self._open: Counter[tuple[str, object]] = Counter()

    @contextmanager
    def one_more(self, person: object, address: str) -> Iterator[None]:
        """Count a connection of `person` from `address` while the block runs.

        Raises TooManyConnections where either has its full number.
        """
        places = {("person", person): PER_PERSON, ("address", address): PER_ADDRESS}
        if any(self._open[place] >= most for place, most in places.items()):
            raise TooManyConnections
        self._open.update(places.keys())
        try:
            yield
        finally:
            self._open.subtract(places.keys())
            # Only who is here is remembered.
            self._open = +self._open

    def __len__(self) -> int:
        return sum(number for (kind, _), number in self._open.items() if kind == "person")


open_connections = OpenConnections()
