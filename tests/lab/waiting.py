"""Waiting for something instead of sleeping, and free ports."""

import contextlib
import itertools
import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")


def wait_until(
    condition: Callable[[], _Value],
    what: str | Callable[[], str],
    *,
    timeout: float = 60.0,
    every: float = 0.05,
) -> _Value:
    """Return the first true value of `condition`, asked every `every` seconds.

    Raises AssertionError that says `what` was waited for after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {timeout:g} s: {what() if callable(what) else what}")
        time.sleep(every)


# Below those that Linux gives to whoever asks for any, and others for each of the processes that run tests at
# a time: nobody takes a port between its choice and its use.
_PORTS_OF_A_PROCESS = 256
_first = 20_000 + os.getpid() % 48 * _PORTS_OF_A_PROCESS
_ports = itertools.cycle(range(_first, _first + _PORTS_OF_A_PROCESS))


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nothing listens on, another one each time."""
    for port in itertools.islice(_ports, _PORTS_OF_A_PROCESS):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"No port from {_first} on is free")


def accepts(port: int) -> bool:
    """Tell whether something on 127.0.0.1 accepts connections at `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
