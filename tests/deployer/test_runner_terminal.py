"""Commands that run in a terminal: keys, output, size, holding back, and their end."""

import os
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from apps.deployer.runner.interface import CancelToken, CommandResult, Outcome
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from apps.deployer.runner.terminal import MOST_TYPED, WINDOW, Terminal
from tests.lab.waiting import wait_until


class Session:
    """A command in a terminal, run in a thread, with what it has printed."""

    def __init__(self, *argv: str, takes: bool = True, timeout: float | None = 20, grace: float = 5) -> None:
        self.printed = b""
        self.takes = takes
        self.terminal = Terminal(self._keep, 80, 24)
        self.cancel = CancelToken()
        self.result: CommandResult | None = None
        self._run = lambda: SubprocessRunner(grace).run_in_terminal(
            argv, self.terminal, cancel=self.cancel, timeout=timeout
        )
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self) -> None:
        self.result = self._run()

    def _keep(self, data: bytes) -> None:
        self.printed += data
        if self.takes:
            self.terminal.taken(len(data))

    def shows(self, text: bytes) -> None:
        wait_until(lambda: text in self.printed, f"{text!r} is printed, not only {self.printed[-500:]!r}")

    def ended(self) -> CommandResult:
        self.thread.join(20)
        assert self.result is not None
        return self.result


def test_what_is_typed_comes_in_and_what_is_printed_comes_out_byte_for_byte() -> None:
    session = Session("sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo ready; exec cat")
    session.shows(b"ready\n")

    assert session.terminal.type("grüße \x00\xff".encode("latin-1") + "…\n".encode())

    session.shows(b"gr\xfc\xdfe \x00\xff\xe2\x80\xa6\n")
    session.cancel.cancel()
    assert session.ended().outcome is Outcome.CANCELLED


def test_its_exit_code_is_told_with_the_last_it_printed() -> None:
    session = Session("sh", "-c", "echo last words; exit 7")

    result = session.ended()

    assert (result.exit_code, result.outcome) == (7, Outcome.EXITED)
    assert session.printed == b"last words\n"


def test_it_knows_the_size_of_the_window_and_hears_when_that_changes() -> None:
    session = Session("sh", "-c", "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done")
    session.shows(b"24 80\n")

    session.terminal.resize(132, 50)

    session.shows(b"50 132\n")
    assert session.ended().exit_code == 0


def test_a_reader_who_does_not_keep_up_holds_the_command_back_but_can_still_type() -> None:
    session = Session("sh", "-c", "yes & read line; kill $!; echo you typed $line", takes=False)
    wait_until(lambda: len(session.printed) >= WINDOW, "the window is full")
    time.sleep(0.2)
    assert len(session.printed) < WINDOW + 64 * 1024

    session.terminal.type(b"stop\n")

    session.takes = True
    session.terminal.taken(len(session.printed))
    session.shows(b"you typed stop")
    assert session.ended().exit_code == 0


def test_a_long_paste_arrives_whole_and_an_endless_one_is_refused() -> None:
    session = Session("sh", "-c", "sleep 0.3; head -c 400000 | cksum")
    pasted = os.urandom(400_000)
    for start in range(0, len(pasted), 16_000):
        assert session.terminal.type(pasted[start : start + 16_000])
    assert not session.terminal.type(b"x" * MOST_TYPED)

    session.ended()

    expected = Session("sh", "-c", "head -c 400000 | cksum")
    expected.terminal.type(pasted)
    expected.ended()
    assert session.printed == expected.printed
    assert b" 400000" in session.printed


@pytest.mark.parametrize(
    ("script", "end", "outcome"),
    [
        ("sleep 300 & sleep 300", CancelToken.cancel, Outcome.CANCELLED),
        ("trap '' TERM HUP; while :; do sleep 1; done", CancelToken.cancel, Outcome.CANCELLED),
        ("sleep 300", lambda _: None, Outcome.TIMED_OUT),
    ],
)
def test_nothing_of_it_is_left(script: str, end: Callable[[CancelToken], None], outcome: Outcome) -> None:
    timeout = 0.3 if outcome is Outcome.TIMED_OUT else None
    session = Session("sh", "-c", f"echo $$; {script}", timeout=timeout, grace=0.3)
    wait_until(lambda: session.printed.endswith(b"\n"), "its pid is printed")
    group = int(session.printed.split()[0])

    end(session.cancel)

    assert session.ended().outcome is outcome
    left = [pid for pid in psutil.pids() if _group(pid) == group]
    assert left == []


def test_one_that_leaves_a_child_behind_does_not_keep_anybody_waiting() -> None:
    started = time.monotonic()
    session = Session("sh", "-c", "sleep 300 & echo $$")

    session.ended()

    assert time.monotonic() - started < 10
    assert [pid for pid in psutil.pids() if _group(pid) == int(session.printed)] == []


def test_a_program_that_is_not_there_is_told() -> None:
    result = Session("no-such-program-anywhere").ended()
    assert result.outcome is Outcome.NOT_STARTED
    assert result.tail == ["“no-such-program-anywhere” was not started: no such program was found."]


def test_the_mock_answers_from_its_script() -> None:
    printed = []
    runner = MockRunner().on("exec", lines=["hello"], exit_code=3)
    result = runner.run_in_terminal(["docker", "exec", "web"], Terminal(printed.append))
    assert (printed, result.exit_code) == ([b"hello\r\n"], 3)


def _group(pid: int) -> int:
    try:
        return 0 if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else os.getpgid(pid)
    except (psutil.Error, ProcessLookupError):
        return 0
