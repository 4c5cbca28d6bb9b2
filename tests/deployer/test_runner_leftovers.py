"""The subprocess runner with real processes: whoever a command leaves behind, and failures within."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

import pytest

from apps.deployer.runner import process_group
from apps.deployer.runner.command import Command
from apps.deployer.runner.interface import Line, Outcome
from apps.deployer.runner.process_group import ProcessGroup
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from tests.deployer.processes import SLEEP, Run, leaving_nothing, lives, parent_of, python

RUNNER = SubprocessRunner(grace=30, drain=0.3)
IMPATIENT = SubprocessRunner(grace=0.4, drain=0.3)


@pytest.fixture(autouse=True)
def nothing_leaks():
    with leaving_nothing():
        yield


@pytest.fixture
def outsider():
    """Pids of processes that a test leaves outside the group on purpose."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("output", [None, -3], ids=["holding the output", "silent"])
def test_a_child_that_the_command_leaves_behind_is_ended(output):
    pids: list[int] = []
    began = time.monotonic()
    result = RUNNER.run(
        parent_of(SLEEP, "sys.exit(3)", stdout=output, stderr=output),
        sink=lambda line: pids.append(int(line.text)),
    )
    assert (result.exit_code, result.outcome) == (3, Outcome.EXITED)
    assert not lives(pids[0])
    assert time.monotonic() - began < 20


def test_a_stubborn_child_that_floods_the_output_after_the_command_does_not_hang_it():
    flood = "import signal, os\nsignal.signal(15, signal.SIG_IGN)\nwhile True: os.write(1, b'x\\n' * 1000)"
    began = time.monotonic()
    result = IMPATIENT.run(parent_of(flood, "sys.exit(0)"), sink=lambda line: None)
    assert result.ok
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("flood", ["pass", "while True: os.write(1, b'x\\n' * 1000)"], ids=["silent", "loud"])
def test_an_outsider_that_holds_the_output_does_not_hang_it(outsider, flood):
    code = f"import os, time\nos.setsid()\n{flood}\ntime.sleep(60)"
    began = time.monotonic()
    lines: list[str] = []
    result = RUNNER.run(
        parent_of(code, "print('done'); sys.exit(0)", stderr=-3),
        sink=lambda line: lines.append(line.text),
    )
    outsider.append(int(next(line for line in lines if line not in ("x", "done"))))
    assert result.ok
    assert "done" in lines
    assert time.monotonic() - began < 20, "the outsider sleeps for 60 s"


def test_an_outsider_does_not_hold_up_a_cancel(outsider):
    run = Run(RUNNER, parent_of("import os, time; os.setsid(); time.sleep(60)"))
    outsider.append(int(run.line()))
    result, seconds = run.cancel()
    assert result.outcome is Outcome.CANCELLED
    assert seconds < 20


def test_a_child_that_ends_soon_after_the_command_may_finish_its_words():
    late = "import time; time.sleep(0.35); print('late', flush=True)"
    assert SubprocessRunner(drain=2).run(parent_of(late, "sys.exit(0)")).tail[-1] == "late"


def failing_after(count: int, error: BaseException) -> tuple[list[int], Callable[[Line], None]]:
    pids: list[int] = []

    def sink(line: Line) -> None:
        pids.append(int(line.text))
        if len(pids) == count:
            raise error

    return pids, sink


@pytest.mark.parametrize("error", [OSError("disk full"), BlockingIOError(), KeyboardInterrupt()])
def test_what_the_sink_raises_ends_the_command_and_is_raised(error):
    pids, sink = failing_after(1, error)
    began = time.monotonic()
    with pytest.raises(type(error)):
        RUNNER.run(python("import os\nwhile True: print(os.getpid(), flush=True)"), sink=sink)
    assert len(pids) == 1
    assert not lives(pids[0])
    assert time.monotonic() - began < 20


def test_what_the_sink_raises_ends_a_stubborn_command_too():
    pids, sink = failing_after(1, OSError("disk full"))
    code = "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: print(os.getpid(), flush=True)"
    with pytest.raises(OSError, match="disk full"):
        IMPATIENT.run(python(code), sink=sink)
    assert not lives(pids[0])


def test_what_the_sink_raises_at_the_last_line_is_raised():
    _, sink = failing_after(1, OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        RUNNER.run(python("import os, sys; sys.stdout.write(str(os.getpid()))"), sink=sink)


def test_a_second_interrupt_ends_a_stubborn_command_at_once(monkeypatch):
    pids, sink = failing_after(1, KeyboardInterrupt())
    terminate = Command._terminate

    def interrupted(self: Command) -> None:
        terminate(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "_terminate", interrupted)
    began = time.monotonic()
    code = "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: print(os.getpid(), flush=True)"
    with pytest.raises(KeyboardInterrupt):
        RUNNER.run(python(code), sink=sink)
    assert not lives(pids[0])
    assert time.monotonic() - began < 20


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_process_that_not_even_sigkill_ends_does_not_hang_it(monkeypatch, caplog):
    monkeypatch.setattr(process_group, "signal_group", lambda group, number: None)
    monkeypatch.setattr("apps.deployer.runner.command._KILL_TIME", 0.1)
    result = SubprocessRunner(grace=0.1).run(["sleep", "1"], timeout=0.1)
    assert (result.outcome, result.exit_code) == (Outcome.TIMED_OUT, 137)
    assert "did not end after SIGKILL" in caplog.text
    os.wait()


def test_an_exit_code_that_somebody_else_collected_is_no_success(monkeypatch, caplog):
    def collected(*_: object) -> None:
        raise ChildProcessError

    monkeypatch.setattr(os, "waitid", collected)
    assert ProcessGroup(os.getpid()).exit_code() == 255
    assert "collected by somebody else" in caplog.text
