"""Waiting for something instead of sleeping, and free ports."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")


def wait_until(
    condition: Callable[[], _Value],
    what: str | Callable[[], str],
    *,
    timeout: float = 20.0,
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


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Tell whether something on 127.0.0.1 accepts connections at `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
