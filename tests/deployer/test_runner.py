"""The subprocess runner with real processes: output, input, environment and starts that fail."""

import hashlib
import os
import resource
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from apps.core.owner import current_owner
from apps.deployer.runner.interface import Line, Outcome, OutputTooLong, collect
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from tests.deployer.processes import leaving_nothing, python

RUNNER = SubprocessRunner(grace=2)


def lines_of(code: str, **options) -> list[tuple[str, str]]:
    lines: list[Line] = []
    RUNNER.run(python(code), sink=lines.append, **options)
    return [(line.stream, line.text) for line in lines]


@pytest.fixture(autouse=True)
def nothing_leaks():
    with leaving_nothing():
        yield


def test_it_returns_exit_code_outcome_and_tail():
    result = RUNNER.run(python("print('hello'); raise SystemExit(3)"))
    assert (result.exit_code, result.outcome, result.tail, result.ok) == (3, Outcome.EXITED, ["hello"], False)
    assert RUNNER.run(["true"]).ok


def test_a_command_ended_by_a_signal_has_the_exit_code_that_a_shell_gives():
    result = RUNNER.run(python("import os; os.kill(os.getpid(), 9)"))
    assert (result.exit_code, result.outcome) == (137, Outcome.EXITED)


def test_lines_carry_stream_and_time():
    lines: list[Line] = []
    RUNNER.run(["echo", "hello"], sink=lines.append)
    (line,) = lines
    assert line.stream == "stdout"
    assert timedelta() <= datetime.now(UTC) - line.at < timedelta(seconds=10)


def lines_until_taken(first: str, then: str, folder: Path) -> list[str]:
    """Return the lines of a command that does `first`, and `then` when a line has come; fail if none does."""
    came = folder / "came"
    code = f"import os, sys, time\n{first}\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\n{then}"
    lines: list[str] = []

    def take(line: Line) -> None:
        lines.append(line.text)
        came.touch()

    assert RUNNER.run(python(code, str(came)), sink=take, timeout=30).ok
    return lines


def test_a_line_arrives_while_the_command_still_runs(tmp_path):
    arrived = lines_until_taken("print('a', flush=True)", "print('b')", tmp_path)
    assert arrived == ["a", "b"]


def test_a_progress_line_arrives_while_the_command_still_runs(tmp_path):
    first = "sys.stdout.write('10%\\r'); sys.stdout.flush()"
    assert lines_until_taken(first, "sys.stdout.write('100%\\r\\n')", tmp_path) == ["10%", "100%"]


def test_streams_keep_their_order_of_arrival(tmp_path):
    # Each is written when the one before has come; what waits in both pipes may be read in any order.
    code = (
        "import os, sys, time\n"
        "for number in range(16):\n"
        "    while os.path.getsize(sys.argv[1]) < number: time.sleep(0.005)\n"
        "    os.write(1 + number % 2, b'%d\\n' % number)"
    )
    came = tmp_path / "came"
    came.touch()
    lines: list[tuple[str, str]] = []

    def take(line: Line) -> None:
        lines.append((line.stream, line.text))
        with came.open("a") as file:
            file.write("x")

    RUNNER.run(python(code, str(came)), sink=take)
    assert lines == [("stdout" if n % 2 == 0 else "stderr", str(n)) for n in range(16)]


def test_each_stream_keeps_all_of_its_lines_when_both_are_busy():
    code = "import os\nfor n in range(50000): os.write(1 + n % 2, b'%d\\n' % n)"
    lines = lines_of(code)
    assert [int(text) for stream, text in lines if stream == "stdout"] == list(range(0, 50000, 2))
    assert [int(text) for stream, text in lines if stream == "stderr"] == list(range(1, 50000, 2))


def test_the_last_lines_before_the_exit_are_there():
    code = "import os; os.write(1, b'x\\n' * 20000 + b'last'); os._exit(0)"
    lines = lines_of(code)
    assert len(lines) == 20001
    assert lines[-1] == ("stdout", "last")


def test_a_slow_sink_gets_all_lines():
    seen = []

    def slow(line: Line) -> None:
        time.sleep(0.002)
        seen.append(line.text)

    SubprocessRunner(drain=0.05).run(python("for n in range(400): print(n)"), sink=slow)
    assert seen == [str(n) for n in range(400)]


def test_200_megabytes_pass_in_bounded_memory():
    count, size = 0, 0

    def sink(line: Line) -> None:
        nonlocal count, size
        count += 1
        size += len(line.text) + 1

    code = (
        "import sys\n"
        "block = (b'y' * 99 + b'\\n') * 10000\n"
        "for _ in range(200): sys.stdout.buffer.write(block)"
    )
    before = psutil.Process().memory_info().rss
    result = RUNNER.run(python(code), sink=sink)
    assert result.ok
    assert (count, size) == (2_000_000, 200_000_000)
    assert len(result.tail) == 50
    assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024


def test_a_line_of_ten_megabytes_is_capped_and_does_not_block_the_command():
    code = "import sys; sys.stdout.write('x' * 10_000_000); print(); print('after')"
    lines = lines_of(code)
    assert lines[0][1].endswith("(9,934,464 bytes of this line left out)")
    assert lines[0][1].startswith("x" * 65536 + " ")
    assert lines[1] == ("stdout", "after")


def test_invalid_utf8_split_over_reads_is_replaced():
    code = (
        "import os, time\n"
        "for part in (b'\\xe2', b'\\x82', b'\\xac ok\\n', b'\\xff\\xf0\\x9f', b'\\nend\\0'):\n"
        "    os.write(1, part); time.sleep(0.03)"
    )
    assert [text for _, text in lines_of(code)] == ["€ ok", "\ufffd\ufffd", "end\ufffd"]


def test_stdin_larger_than_the_pipe_while_the_command_writes_as_much():
    data = bytes(range(256)) * 8000
    code = (
        "import sys, hashlib\n"
        "total = hashlib.sha256()\n"
        "while block := sys.stdin.buffer.read(4096):\n"
        "    total.update(block)\n"
        "    sys.stdout.write('y' * 4095 + '\\n'); sys.stderr.write('z' * 4095 + '\\n')\n"
        "print(total.hexdigest())"
    )
    result = RUNNER.run(python(code), stdin=data, timeout=60)
    assert (
        result.tail[-1] == hashlib.sha256(data).hexdigest() or hashlib.sha256(data).hexdigest() in result.tail
    )
    assert result.ok


def test_a_command_that_does_not_read_its_stdin_is_no_error():
    assert RUNNER.run(["true"], stdin=b"x" * 5_000_000, timeout=30).ok
    assert RUNNER.run(python("import os, time; os.close(0); time.sleep(0.2)"), stdin=b"x" * 5_000_000).ok


def test_an_exit_at_the_same_moment_as_its_closed_stdin_is_no_error():
    assert all(RUNNER.run(["true"], stdin=b"x" * 100_000).ok for _ in range(50))


def test_without_stdin_the_command_reads_nothing():
    assert lines_of("import sys; print(repr(sys.stdin.read()))") == [("stdout", "''")]
    assert lines_of("import sys; print(repr(sys.stdin.read()))", stdin=b"") == [("stdout", "''")]


def test_the_environment_is_exactly_what_is_given_and_the_marker():
    code = "import os; print(sorted(os.environ.items()))"
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "A": "ü $x"}
    ((_, text),) = lines_of(code, env=env)
    assert text == str(sorted({**env, "SIMPLEDEPLOY_RUN": current_owner()}.items()))


def test_without_an_environment_only_the_allow_list_is_passed_on(monkeypatch):
    monkeypatch.setenv("SIMPLEDEPLOY_SECRET_KEY", "not for Compose")
    monkeypatch.setenv("DATABASE_URL", "not for Compose")
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere")
    ((_, text),) = lines_of(
        "import os; print('not for Compose' in str(os.environ), os.environ['DOCKER_HOST'])"
    )
    assert text == "False unix:///somewhere"


def test_the_command_runs_in_the_given_folder_and_in_its_own_session(tmp_path):
    code = "import os; print(os.getcwd(), os.getsid(0) == os.getpid())"
    assert lines_of(code, cwd=tmp_path) == [("stdout", f"{tmp_path} True")]


def test_the_command_holds_no_descriptor_of_ours():
    with open("/dev/null") as ours:
        os.set_inheritable(ours.fileno(), True)
        assert lines_of("import os; print(len(os.listdir('/proc/self/fd')))") == [("stdout", "4")]


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "-x", "--", "a\nb"])
def test_a_program_that_is_not_found_is_an_outcome(program):
    lines: list[Line] = []
    result = RUNNER.run([program, "x"], sink=lines.append)
    assert (result.exit_code, result.outcome, result.ok) == (127, Outcome.NOT_STARTED, False)
    assert result.tail == [f"“{program}” was not started: no such program was found."]
    assert [(line.stream, line.text) for line in lines] == [("stderr", result.tail[0])]


def test_a_file_that_is_not_executable_is_not_started(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    result = RUNNER.run([str(plain)])
    assert (result.exit_code, result.outcome) == (126, Outcome.NOT_STARTED)
    assert "Permission denied" in result.tail[0]
    plain.chmod(0o755)
    assert "Exec format error" in RUNNER.run([str(plain)]).tail[0]


def test_a_missing_folder_is_named(tmp_path):
    result = RUNNER.run(["true"], cwd=tmp_path / "gone")
    assert (result.exit_code, result.outcome) == (126, Outcome.NOT_STARTED)
    assert result.tail == [f"“true” was not started: there is no folder {tmp_path / 'gone'}."]


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        (["echo", "a\0b"], None),
        (["ec\0ho"], None),
        (["echo", "\ud800"], None),
        (["echo"], {"PATH": "/bin", "PASSWORD": "hunter2\0"}),
        (["echo"], {"PATH": "/bin", "A=B": "hunter2"}),
    ],
)
def test_what_no_command_can_be_given_is_refused_without_quoting_it(argv, env):
    result = RUNNER.run(argv, env=env)
    assert (result.exit_code, result.outcome) == (126, Outcome.NOT_STARTED)
    assert "such as a NUL" in result.tail[0]
    assert "hunter2" not in result.tail[0]
    assert "\0" not in result.tail[0]


def test_arguments_beyond_the_systems_limit_are_not_started():
    result = RUNNER.run(["echo", *["x" * 100_000] * 100])
    assert result.outcome is Outcome.NOT_STARTED
    assert "Argument list too long" in result.tail[0]


def test_arguments_reach_the_program_as_they_are():
    odd = ["-rf", "--", "a b", "", "$HOME", "`id`", "; true", "*", "ü\n"]
    code = "import sys; print(ascii(sys.argv[1:]))"
    assert RUNNER.run(python(code, *odd)).tail == [ascii(odd)]


def test_no_program_at_all_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="name of its program"):
        RUNNER.run([])


def test_collect_reads_a_long_line_whole():
    answer = collect(RUNNER, python("import sys; print('x' * 3_000_000); print('warning', file=sys.stderr)"))
    assert (answer.stdout, answer.stderr, answer.ok) == ("x" * 3_000_000 + "\n", "warning\n", True)


def test_collect_ends_a_command_that_does_not_stop_printing():
    with pytest.raises(OutputTooLong):
        collect(RUNNER, ["yes"], limit=100_000)


def test_collect_ends_a_command_whose_line_does_not_end():
    with pytest.raises(OutputTooLong):
        collect(RUNNER, python("print('x' * 3_000_000)"), limit=100_000)


def test_several_threads_run_commands_at_once():
    ends: dict[int, list[str]] = {}

    def work(number: int) -> None:
        for _ in range(5):
            ends.setdefault(number, []).extend(
                RUNNER.run(python("import sys; print(sys.stdin.read())"), stdin=b"%d" % number).tail
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == {number: [str(number)] * 5 for number in range(8)}


def test_without_pidfd_the_exit_is_seen_all_the_same(monkeypatch):
    def refuse(pid: int) -> int:
        raise OSError("not here")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    started = time.monotonic()
    result = RUNNER.run(
        python("import os; os.close(1); os.close(2); import time; time.sleep(0.3); os._exit(4)")
    )
    assert result.exit_code == 4
    assert time.monotonic() - started < 20


def test_running_out_of_descriptors_is_an_outcome():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(os.listdir("/proc/self/fd"))
    outcomes = []
    for room in range(12):
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + room - 1, hard))
        try:
            outcomes.append(RUNNER.run(["true"]).outcome)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert outcomes[0] is Outcome.NOT_STARTED
    assert set(outcomes) <= {Outcome.NOT_STARTED, Outcome.EXITED}


def test_neither_command_line_nor_environment_shows_stdin():
    code = (
        "import sys, pathlib\n"
        "secret = sys.stdin.buffer.read()\n"
        "for name in ('cmdline', 'environ'):\n"
        "    print(secret in pathlib.Path('/proc/self', name).read_bytes())"
    )
    assert lines_of(code, stdin=b"s3cret") == [("stdout", "False"), ("stdout", "False")]
    assert lines_of(code, stdin=b"import") == [("stdout", "True"), ("stdout", "False")]
