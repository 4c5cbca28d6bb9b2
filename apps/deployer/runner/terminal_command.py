"""One command that runs in a terminal: its keys, its output, its size, and its end."""

import contextlib
import errno
import fcntl
import logging
import os
import selectors
import signal
import struct
import termios
import tty
from time import monotonic, sleep

from apps.deployer.runner.interface import KILLED, CancelToken, CommandResult, Outcome
from apps.deployer.runner.process_group import ProcessGroup, signal_group
from apps.deployer.runner.terminal import Terminal

logger = logging.getLogger(__name__)

_READ = 64 * 1024
_WRITE = 4096  # bytes: what a terminal's own queue holds
_LOOK = 0.02  # seconds between two looks at who of the group still lives
_KILL_TIME = 2.0  # seconds for the kernel to end what got SIGKILL


def open_terminal(size: tuple[int, int]) -> tuple[int, int]:
    """Return both ends of a new terminal of this size: the panel's, which does not block, and the command's.

    It is raw: the terminal in the container echoes, edits lines and makes signals, not this one.
    """
    near, far = os.openpty()
    tty.setraw(far)
    _set_size(near, size)
    os.set_blocking(near, False)
    return near, far


class TerminalCommand:
    """A running command whose standard streams are a terminal, from its start to its end.

    As in `Command`, the calling thread waits in one place for all that may happen. Output is read only as
    far as the person's window takes it; typing and cancel go on meanwhile.
    """

    def __init__(
        self,
        leader: int,
        near: int,
        size: tuple[int, int],
        *,
        terminal: Terminal,
        wake: tuple[int, int],
        grace: float,
    ) -> None:
        self._group = ProcessGroup(leader)
        self._near = near
        self._terminal = terminal
        self._wake = wake
        self._grace = grace
        self._size = size
        self._is_open = True
        self._exit_code: int | None = None
        self._outcome = Outcome.EXITED
        self._deadline = float("inf")
        self._signalled = 0

    @property
    def has_exited(self) -> bool:
        """Whether the leader has ended, so that it can be collected without waiting."""
        return self._exit_code is not None

    def run(self, cancel: CancelToken, timeout: float | None) -> CommandResult:
        """Follow the command to its end."""
        if timeout is not None:
            self._deadline = monotonic() + timeout
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            stack.callback(self._make_sure)
            selector.register(self._wake[0], selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                pidfd = os.pidfd_open(self._group.leader)
                stack.callback(os.close, pidfd)
                selector.register(pidfd, selectors.EVENT_READ)
            stack.enter_context(self._terminal.waking(self._awake))
            stack.enter_context(cancel.calling(self._awake))
            while self._exit_code is None or self._group.has_members():
                self._step(selector, cancel)
            while self._is_open and self._read():
                pass
        return CommandResult(KILLED if self._exit_code is None else self._exit_code, [], self._outcome)

    def _step(self, selector: selectors.BaseSelector, cancel: CancelToken) -> None:
        self._apply_size()
        self._watch(selector)
        wait = _LOOK if self._exit_code is not None else min(1.0, max(0.0, self._deadline - monotonic()))
        for key, events in selector.select(wait):
            if key.fd == self._wake[0]:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake[0], _READ)
            elif key.fd == self._near:
                if events & selectors.EVENT_READ:
                    self._read()
                if events & selectors.EVENT_WRITE:
                    self._write()
        if self._exit_code is None:
            self._exit_code = self._group.exit_code()
            if self._exit_code is not None and not self._signalled:
                # Whoever of its group is left has nothing to say to anybody any more.
                self._end(Outcome.EXITED)
                return
        if cancel.cancelled and not self._signalled:
            self._end(Outcome.CANCELLED)
        elif monotonic() >= self._deadline:
            self._end(Outcome.TIMED_OUT)

    def _end(self, outcome: Outcome) -> None:
        """Send SIGTERM to the group, and SIGKILL where that was done a grace time ago."""
        if not self._signalled:
            self._outcome = outcome
            self._group.terminate()
        else:
            self._group.kill()
        self._signalled += 1
        self._deadline = monotonic() + self._grace
        if self._signalled > 3:
            logger.error("Process %d did not end after SIGKILL.", self._group.leader)
            self._exit_code = KILLED

    def _awake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake[1], b"x")

    def _watch(self, selector: selectors.BaseSelector) -> None:
        wanted = 0
        if self._is_open and self._terminal.room:
            wanted |= selectors.EVENT_READ
        if self._is_open and self._terminal.typed_ahead:
            wanted |= selectors.EVENT_WRITE
        key = selector.get_map().get(self._near)
        if key is None:
            if wanted:
                selector.register(self._near, wanted)
        elif not wanted:
            selector.unregister(self._near)
        elif key.events != wanted:
            selector.modify(self._near, wanted)

    def _read(self) -> bool:
        """Read what there is, up to the room in the window, and tell whether there was anything."""
        try:
            data = os.read(self._near, min(_READ, self._terminal.room or _READ))
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # which says that nobody has the other end open
                raise
            data = b""
        if not data:
            self._is_open = False
            return False
        self._terminal.output(data)
        return True

    def _write(self) -> None:
        try:
            self._terminal.sent(os.write(self._near, self._terminal.next_typed(_WRITE)))
        except BlockingIOError:
            return
        except OSError:
            self._is_open = False

    def _apply_size(self) -> None:
        if self._size == self._terminal.size:
            return
        self._size = self._terminal.size
        _set_size(self._near, self._size)
        # It is nobody's controlling terminal, so the kernel tells nobody.
        signal_group(self._group.leader, signal.SIGWINCH)

    def _make_sure(self) -> None:
        """Leave nothing running, also where following the command was interrupted."""
        if self._exit_code is None:
            self._group.kill()
            until = monotonic() + _KILL_TIME
            while self._exit_code is None and monotonic() < until:
                sleep(_LOOK)
                self._exit_code = self._group.exit_code()


def _set_size(near: int, size: tuple[int, int]) -> None:
    columns, rows = size
    fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
