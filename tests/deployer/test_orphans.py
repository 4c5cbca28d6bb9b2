import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from apps.core.owner import current_owner, is_alive
from apps.deployer.runner import orphans
from apps.deployer.runner.orphans import MARKER, end_orphans, owners_of_leftovers
from apps.deployer.runner.subprocess_runner import SubprocessRunner

# An owner that no other test run on this machine looks for.
GONE = f"gone:{os.getpid()}:1.a"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


@pytest.fixture
def start():
    """Start python code with an owner's marker, in a session of its own; ended at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(owner: str, code: str = "print('on', flush=True); import time; time.sleep(60)", **options):
        options = {"start_new_session": True, **options}
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, MARKER: owner},
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        process.first = process.stdout.readline().strip()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_ends_what_that_owner_started_and_nothing_else(start, monkeypatch):
    monkeypatch.setattr(orphans, "_GRACE", 30)
    first, second, other = start(GONE), start(GONE), start(GONE + "b")
    assert {GONE, GONE + "b"} <= owners_of_leftovers()
    began = time.monotonic()
    assert end_orphans(GONE) == 2
    assert time.monotonic() - began < 20
    assert (first.wait(20), second.wait(20), other.poll()) == (-15, -15, None)
    assert owners_of_leftovers() & {GONE, GONE + "b"} == {GONE + "b"}


def test_without_leftovers_there_is_nothing_to_do():
    assert end_orphans(GONE) == 0


def test_what_ignores_the_signal_is_killed(start, monkeypatch):
    monkeypatch.setattr(orphans, "_GRACE", 0.3)
    process = start(GONE, STUBBORN)
    assert end_orphans(GONE) == 1
    assert process.wait(1) == -signal.SIGKILL


def test_a_child_without_the_marker_is_ended_with_its_group(start):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], env={})\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = start(GONE, code)
    child = psutil.Process(int(process.first))
    end_orphans(GONE)
    process.wait(1)
    psutil.wait_procs([child], timeout=1)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_in_a_session_of_its_own_is_found_by_the_marker(start):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print(child.pid, flush=True)"
    )
    process = start(GONE, code)
    process.wait(5)
    child = psutil.Process(int(process.first))
    assert end_orphans(GONE) == 1
    psutil.wait_procs([child], timeout=1)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_whoever_shares_our_own_group_is_left_alone(start):
    process = start(GONE, start_new_session=False)
    assert os.getpgid(process.pid) == os.getpgrp()
    assert end_orphans(GONE) == 0
    assert process.poll() is None


def test_a_killed_panels_commands_are_found_by_its_name():
    code = (
        "from apps.core.owner import current_owner\n"
        "from apps.deployer.runner.subprocess_runner import SubprocessRunner\n"
        "print(current_owner(), flush=True)\n"
        "SubprocessRunner().run(['sleep', '60'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    owner = process.stdout.readline().strip()
    deadline = time.monotonic() + 5
    while owner not in owners_of_leftovers() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert is_alive(owner) is False
    assert owner in owners_of_leftovers()
    assert end_orphans(owner) == 1
    assert owner not in owners_of_leftovers()


def test_running_commands_carry_the_name_of_this_process():
    seen: list[set[str]] = []
    SubprocessRunner().run(
        [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(0.5)"],
        sink=lambda line: seen.append(owners_of_leftovers()),
    )
    assert current_owner() in seen[0]
    assert current_owner() not in owners_of_leftovers()
