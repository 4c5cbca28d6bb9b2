"""The runner that starts real processes. No other module does."""

import os
import selectors
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from apps.core.owner import current_owner
from apps.deployer.runner.command import Command
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import (
    LINE_LIMIT,
    NOT_EXECUTABLE,
    NOT_FOUND,
    TERMINATED,
    CancelToken,
    CommandResult,
    Line,
    Outcome,
    Sink,
)
from apps.deployer.runner.lines import LineSplitter
from apps.deployer.runner.orphans import MARKER
from apps.deployer.runner.terminal import Terminal
from apps.deployer.runner.terminal_command import TerminalCommand, open_terminal


class SubprocessRunner:
    """Run each command in a session of its own, and leave nothing of its process group behind.

    `grace` is the time between SIGTERM and SIGKILL, `drain` how long whoever the command leaves behind
    may keep its output open; both in seconds. Safe to use from several threads at once. A sink that is
    held up delays everything but the SIGTERM of a cancel.
    """

    def __init__(self, grace: float = 5.0, drain: float = 0.5) -> None:
        self._grace = grace
        self._drain = drain

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        sink: Sink | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        stdin: bytes | None = None,
        line_limit: int = LINE_LIMIT,
        mark_returns: bool = False,
    ) -> CommandResult:
        """Run `argv` to its end in the calling thread; see CommandRunner.run."""
        if not argv:
            raise ValueError("A command needs at least the name of its program.")
        if cancel is not None and cancel.cancelled:
            return CommandResult(TERMINATED, [], Outcome.CANCELLED)
        with ExitStack() as stack:
            try:
                # Before the child, so that running out of file descriptors cannot leave it alone.
                selector = stack.enter_context(selectors.DefaultSelector())
                wake = _pipe(stack)
                # Popen's own pipes stay open where it fails half-way (before Python 3.11.4, gh-87474).
                with ExitStack() as for_child:
                    standard = _Standard(stack, for_child, with_stdin=stdin is not None)
                    process = subprocess.Popen(
                        argv,
                        stdin=standard.child_stdin,
                        stdout=standard.child_stdout,
                        stderr=standard.child_stderr,
                        cwd=cwd,
                        env={**(process_environment() if env is None else env), MARKER: current_owner()},
                        start_new_session=True,
                    )
            except (OSError, ValueError) as error:
                return _not_started(argv, cwd, error, sink)
            command = Command(
                process.pid,
                stdout=standard.stdout,
                stderr=standard.stderr,
                stdin=standard.stdin,
                selector=selector,
                wake=wake,
                sink=sink,
                splitter=partial(LineSplitter, line_limit, mark_returns=mark_returns),
                grace=self._grace,
                drain=self._drain,
            )
            try:
                return command.run(cancel or CancelToken(), timeout, stdin or b"")
            finally:
                if command.has_exited:
                    process.wait()

    def run_in_terminal(
        self,
        argv: Sequence[str],
        terminal: Terminal,
        *,
        env: Mapping[str, str] | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> CommandResult:
        """Run `argv` in a terminal of its own, in the calling thread; see CommandRunner.run_in_terminal."""
        if cancel is not None and cancel.cancelled:
            return CommandResult(TERMINATED, [], Outcome.CANCELLED)
        with ExitStack() as stack:
            try:
                wake = _pipe(stack)
                size = terminal.size
                near, far = open_terminal(size)
                stack.callback(os.close, near)
                try:
                    process = subprocess.Popen(
                        argv,
                        stdin=far,
                        stdout=far,
                        stderr=far,
                        env={**(process_environment() if env is None else env), MARKER: current_owner()},
                        start_new_session=True,
                    )
                finally:
                    os.close(far)
            except (OSError, ValueError) as error:
                return _not_started(argv, None, error, None)
            command = TerminalCommand(
                process.pid, near, size, terminal=terminal, wake=wake, grace=self._grace
            )
            try:
                return command.run(cancel or CancelToken(), timeout)
            finally:
                if command.has_exited:
                    process.wait()


class _Standard:
    """The standard streams of a command: the panel's ends, kept by one stack, and the child's, by another."""

    def __init__(self, stack: ExitStack, for_child: ExitStack, *, with_stdin: bool) -> None:
        self.stdin: IO[bytes] | None = None
        if with_stdin:
            self.child_stdin, writable = os.pipe()
            for_child.callback(os.close, self.child_stdin)
            self.stdin = stack.enter_context(os.fdopen(writable, "wb", buffering=0))
        else:
            self.child_stdin = os.open(os.devnull, os.O_RDONLY)
            for_child.callback(os.close, self.child_stdin)
        self.stdout, self.child_stdout = self._output(stack, for_child)
        self.stderr, self.child_stderr = self._output(stack, for_child)

    @staticmethod
    def _output(stack: ExitStack, for_child: ExitStack) -> tuple[IO[bytes], int]:
        readable, writable = os.pipe()
        for_child.callback(os.close, writable)
        return stack.enter_context(os.fdopen(readable, "rb", buffering=0)), writable


def _pipe(stack: ExitStack) -> tuple[int, int]:
    readable, writable = os.pipe()
    for end in (readable, writable):
        os.set_blocking(end, False)
        stack.callback(os.close, end)
    return readable, writable


def _not_started(
    argv: Sequence[str], cwd: Path | None, error: OSError | ValueError, sink: Sink | None
) -> CommandResult:
    program, exit_code = argv[0].encode(errors="replace").decode().replace("\0", "\ufffd"), NOT_EXECUTABLE
    if isinstance(error, ValueError):
        # Its message is not shown: it may quote an argument or a value of the environment.
        reason = "an argument or its environment holds what no command can be given, such as a NUL"
    elif cwd is not None and not cwd.is_dir():
        reason = f"there is no folder {cwd}"
    elif isinstance(error, FileNotFoundError):
        reason, exit_code = "no such program was found", NOT_FOUND
    else:
        reason = error.strerror or type(error).__name__
    text = f"“{program}” was not started: {reason}."
    if sink is not None:
        sink(Line("stderr", text, datetime.now(UTC)))
    return CommandResult(exit_code, [text], Outcome.NOT_STARTED)
