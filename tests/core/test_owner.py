import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from apps.core.owner import current_owner, is_alive, split_owner


@pytest.fixture
def child():
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from apps.core.owner import current_owner; print(current_owner(), flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate()


def test_it_names_host_pid_and_start_of_this_process():
    host, pid, started = split_owner(current_owner())
    assert host == socket.gethostname()
    assert pid == os.getpid()
    assert started
    assert current_owner() == current_owner()


def test_this_process_is_alive():
    assert is_alive(current_owner()) is True


def test_another_process_is_alive_until_it_ends(child):
    owner = child.stdout.readline().strip()
    assert owner != current_owner()
    assert is_alive(owner) is True
    child.communicate()
    assert is_alive(owner) is False


def test_a_process_that_ended_but_was_not_collected_is_not_alive(child):
    owner = child.stdout.readline().strip()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(owner) is False
    child.stdin = None


def test_a_pid_that_another_process_has_now_is_not_that_owner():
    host, pid, started = split_owner(current_owner())
    assert is_alive(f"{host}:{pid}:1{started}") is False
    # Same pid and ticks, after a reboot.
    assert is_alive(f"{host}:{pid}:{started.split('.')[0]}.00000000") is False


def test_it_cannot_tell_for_another_host():
    _, pid, started = split_owner(current_owner())
    assert is_alive(f"elsewhere:{pid}:{started}") is None


@pytest.mark.parametrize(
    "name", ["", "x", "host:", "host:12", "host:12:", "host:x:1", ":1:1", "host:-1:1", "host:²:1"]
)
def test_it_cannot_tell_for_what_is_no_owner(name):
    host = socket.gethostname()
    assert is_alive(name.replace("host", host)) is None


def test_it_cannot_tell_for_a_process_that_proc_hides(monkeypatch):
    def refuse(pid, signal):
        raise PermissionError

    host, pid, started = split_owner(current_owner())
    monkeypatch.setattr("apps.core.owner.PROC", Path("/nowhere"))
    monkeypatch.setattr(os, "kill", refuse)
    assert is_alive(f"{host}:{pid}:{started}") is None


def test_a_fork_is_another_owner():
    before = current_owner()
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writable, current_owner().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(readable, 1000).decode() != before
    os.close(readable)
    os.close(writable)


def test_a_program_name_with_parentheses_is_read_right(tmp_path):
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(odd), "60"])
    try:
        host, _, _ = split_owner(current_owner())
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        assert "a) S 1 (b" in stat
        ticks = stat.rpartition(")")[2].split()[19]
        boot = current_owner().rpartition(".")[2]
        assert is_alive(f"{host}:{process.pid}:{ticks}.{boot}") is True
    finally:
        process.kill()
        process.wait()
