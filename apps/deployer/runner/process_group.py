"""A child that leads its own process group: whether it runs, and how the whole group is ended."""

import contextlib
import logging
import os
import signal
from threading import RLock

import psutil

logger = logging.getLogger(__name__)

# The exit code of a child whose own was collected by somebody else in this process.
UNKNOWN_EXIT = 255


class ProcessGroup:
    """The group led by our child `leader`, who must not be collected before this is done with.

    As long as the leader is not collected, its number cannot become another process or group, so that
    no signal ever meets a stranger.
    """

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self._lock = RLock()
        self._terminated = False

    def exit_code(self) -> int | None:
        """Return the leader's exit code (128 + N for signal N), None while it runs; do not collect it."""
        try:
            ended = os.waitid(os.P_PID, self.leader, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            logger.warning("The exit code of process %d was collected by somebody else.", self.leader)
            return UNKNOWN_EXIT
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status

    def has_members(self) -> bool:
        """Return whether anyone of the group besides the leader lives."""
        return any(pid != self.leader and _is_in(pid, self.leader) for pid in psutil.pids())

    def terminate(self) -> None:
        """Send SIGTERM to the group, the first time only: for docker a second one means "at once"."""
        with self._lock:
            if not self._terminated:
                self._terminated = True
                signal_group(self.leader, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the group."""
        signal_group(self.leader, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; one that is gone, or belongs to another user, is left alone."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
    except PermissionError:
        logger.warning("Process group %d may not be sent %s.", group, number.name)


def _is_in(pid: int, group: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
        # A zombie has ended; in a container without an init nobody ever collects it.
        return os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
