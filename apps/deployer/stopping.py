"""SIGTERM and SIGINT as tokens: the first signal drains, the second stops at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from apps.deployer.runner.interface import CancelToken


@contextmanager
def stop_tokens() -> Iterator[tuple[CancelToken, CancelToken]]:
    """Yield (stop, stop now), cancelled by the first and the second signal; main thread only."""
    stop, stop_now = CancelToken(), CancelToken()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        (stop_now if stop.cancelled else stop).cancel()

    # Where whoever started the panel ignored SIGCHLD, the kernel would throw its children's exit codes away.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop, stop_now
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
