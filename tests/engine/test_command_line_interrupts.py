"""The command line and the people at it: Ctrl-C, workers that die, a terminal."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from tests.engine.command_line import (
    CommandLine,
    alone,
    compose_processes,
    make,
    served,
    stalled,
    wait_for_step,
    web,
)
from tests.lab.panel import ROOT
from tests.lab.registry import Registry, StallingRegistry

__all__ = ["alone", "make", "served"]


class TestCtrlC:
    def test_it_leaves_an_event_of_the_panel_which_cancel_then_ends(
        self, served: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = served.file(stalled(stalling_registry))
        following = served.panel.popen("app", "deploy", served.slug, "--file", file)
        event = wait_for_step(served, "pull")
        following.send_signal(signal.SIGINT)
        _out, err = following.communicate(timeout=20)
        assert following.returncode == 3
        assert f"manage.py app cancel {served.slug} --event {event['id']}" in err
        assert "Traceback" not in err
        assert served.events()[0]["status"] == "running"

        done = served.run("app", "cancel", served.slug)
        assert done.returncode == 0
        assert done.stdout == f"Event {event['id']}: deploy {served.slug}, version 1: cancelled.\n"
        (ended,) = served.events()
        assert (ended["status"], ended["step"]) == ("cancelled", "pull")
        assert ended["cancel_requested_by"]
        assert not compose_processes(served.slug)

    def test_it_cancels_an_event_that_the_command_runs_itself(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        following.send_signal(signal.SIGINT)
        _out, err = following.communicate(timeout=20)
        assert following.returncode == 3
        assert "Traceback" not in err
        (event,) = alone.events()
        assert (event["status"], event["step"]) == ("cancelled", "pull")
        assert not compose_processes(alone.slug)

    def test_somebody_elses_cancel_ends_the_follower_with_3(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        assert alone.json("app", "cancel", alone.slug)["status"] == "cancelled"
        following.communicate(timeout=20)
        assert following.returncode == 3

    def test_an_event_whose_command_was_killed_is_closed_by_cancel(
        self, alone: CommandLine, stalling_registry: StallingRegistry
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        following = alone.panel.popen("app", "deploy", alone.slug, "--file", file)
        wait_for_step(alone, "pull")
        following.kill()
        following.communicate()
        done = alone.run("app", "cancel", alone.slug)
        assert done.returncode == 1
        assert alone.events()[0]["status"] == "interrupted"
        assert not compose_processes(alone.slug)


def test_a_command_that_follows_a_panel_that_dies_closes_the_event(
    served: CommandLine, stalling_registry: StallingRegistry
) -> None:
    file = served.file(stalled(stalling_registry))
    following = served.panel.popen("app", "deploy", served.slug, "--file", file)
    wait_for_step(served, "pull")
    served.panel.kill()
    _out, err = following.communicate(timeout=30)
    assert following.returncode == 1, err
    (event,) = served.events()
    assert (event["status"], event["step"]) == ("interrupted", "pull")
    assert not compose_processes(served.slug)


class TestOnATerminal:
    @pytest.fixture
    def terminal(self, alone: CommandLine) -> Iterator[Callable[..., tuple[int, str]]]:
        descriptors: list[int] = []

        def run(*words: str, press: bytes = b"", when: str = "") -> tuple[int, str]:
            """Run manage.py on a terminal; type `press` once `when` was written. Return code and output."""
            ours, theirs = pty.openpty()
            descriptors.append(ours)
            process = subprocess.Popen(
                [sys.executable, "manage.py", *words],
                cwd=ROOT,
                env={**alone.panel.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                preexec_fn=become_terminal_leader,
            )
            os.close(theirs)
            text = b""
            while True:
                try:
                    read = os.read(ours, 65536)
                except OSError:
                    break
                text += read
                if press and when.encode() in text:
                    os.write(ours, press)
                    press = b""
            return process.wait(timeout=30), text.decode()

        yield run
        for descriptor in descriptors:
            os.close(descriptor)

    def test_the_steps_are_drawn_with_their_times(
        self, alone: CommandLine, registry: Registry, terminal: Callable[..., tuple[int, str]]
    ) -> None:
        alone.sign_in(registry)
        code, text = terminal("app", "deploy", alone.slug, "--file", alone.file(web(registry)))
        assert code == 0, text
        last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")
        for step in ("version", "write", "credentials", "pull", "up", "verify", "record"):
            assert re.search(rf"✓ +{step} +\d+\.\d s\n", last), last
        assert "web-1  Started" in last
        assert text.rstrip().endswith("\x1b[0m"), "colours are off again"
        assert "\x1b[?25h" in text, "the cursor is back"

    def test_ctrl_c_is_heard(
        self,
        alone: CommandLine,
        stalling_registry: StallingRegistry,
        terminal: Callable[..., tuple[int, str]],
    ) -> None:
        file = alone.file(stalled(stalling_registry))
        code, text = terminal("app", "deploy", alone.slug, "--file", file, press=b"\x03", when="pull ")
        assert code == 3, text
        assert "Traceback" not in text
        assert alone.events()[0]["status"] == "cancelled"
        assert not compose_processes(alone.slug)

    def test_a_password_is_asked_for_and_not_echoed(
        self, alone: CommandLine, terminal: Callable[..., tuple[int, str]]
    ) -> None:
        code, text = terminal(
            "registry", "add", "ghcr.io", "--username", "alice", press=b"typed-secret\n", when="Password of"
        )
        assert code == 0, text
        assert "typed-secret" not in text
        assert "ghcr.io: added." in text


def become_terminal_leader() -> None:
    """Make the child's standard input its controlling terminal, so that Ctrl-C there is a signal to it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
