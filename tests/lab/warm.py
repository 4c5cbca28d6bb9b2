"""A warmed parent: `manage.py` in a process of its own, without the second that its imports take.

The parent has imported Django and the panel, and has done nothing else: no thread, no connection, no event
loop. Each start is a fork of it, with its own environment, working directory, standard streams, process
group and settings, that then runs manage.py as it is. What would notice the difference starts cold instead,
as a new interpreter: another settings module, an environment that the interpreter itself reads, settings
that were read while warming and have other values.

Run as a program this module is that parent.
"""

import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
_REQUEST_BYTES = 128 * 1024
_SETTINGS = "simpledeploy_site.settings"
# What commands and pages import besides what django.setup() does: the models and the admin.
_ON_THE_WAY = (
    "apps.accounts.setup",
    "apps.deployer.management.commands.app",
    "apps.deployer.management.commands.engine",
    "apps.deployer.management.commands.registry",
    "apps.deployer.worker",
    "argon2",
    "channels.layers",
    # Of what serves, all that needs no event loop.
    "daphne.ws_protocol",
    "simpledeploy_site.urls",
    "twisted.internet.asyncioreactor",
    "twisted.web.http",
)


class WarmProcess:
    """A fork of the warmed parent, with the methods of `subprocess.Popen` that need no pipe."""

    def __init__(self, arguments: tuple[str, ...], answers: int) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._answers = answers
        self.pid = int(self._answer())

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, that of a signal negative; raise TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            with selectors.DefaultSelector() as ready:
                ready.register(self._answers, selectors.EVENT_READ)
                if not ready.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._answer())
            os.close(self._answers)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _answer(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            read = os.read(self._answers, 1)
            assert read, f"the warmed parent of {self.args} has gone"
            line += read
        return line


class WarmParent:
    """The parent process, as a context manager: it is started at the first use and ended at the end."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] = {}
        self._starting = threading.Lock()

    def __enter__(self) -> "WarmParent":
        return self

    def __exit__(self, *error: object) -> None:
        if self._control and self._process:
            self._control.close()
            self._process.wait()

    def start(
        self,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        new_session: bool = False,
    ) -> "WarmProcess | subprocess.Popen[bytes]":
        """Start `manage.py` with `arguments` in `environment`, its streams being three open files."""
        with self._starting:
            if self._control is None:
                self._warm_up(environment)
            assert self._control is not None
            if _seen_by_interpreter(environment) != _seen_by_interpreter(self._environment):
                return start_cold(
                    arguments, environment, stdin=stdin, stdout=stdout, stderr=stderr, new_session=new_session
                )
            answers, tell = os.pipe()
            request = {
                "arguments": arguments,
                "environment": dict(environment),
                "new_session": new_session,
            }
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [stdin, stdout, stderr, tell])
            finally:
                os.close(tell)
        return WarmProcess(arguments, answers)

    def _warm_up(self, environment: Mapping[str, str]) -> None:
        self._environment = {n: v for n, v in environment.items() if not n.startswith("SIMPLEDEPLOY_")}
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )


def start_cold(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `manage.py` as a new interpreter; otherwise as `WarmParent.start`."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=new_session,
    )


def _seen_by_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in environment.items() if name.startswith(names)}


# --- The parent ---------------------------------------------------------------------------------


def _warmed() -> dict[str, Any]:
    """Import the panel; return the settings that were read thereby."""
    with tempfile.TemporaryDirectory(prefix="simpledeploy-warm-") as folder:
        os.environ |= {"SIMPLEDEPLOY_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": _SETTINGS}
        import django

        django.setup()
        for module in _ON_THE_WAY:
            import_module(module)
        _hash_cheaply()
        from django.conf import settings
        from django.db import connections

        assert threading.active_count() == 1, "a thread does not outlive a fork"
        # Django asked for the longest name of a table, which takes no connection to the database itself.
        for alias in connections:
            assert connections[alias].connection is None, "a connection cannot be shared"
            del connections[alias]
        assert "twisted.internet.reactor" not in sys.modules, "an event loop cannot be shared"
        return {name: _at_import(name, value) for name, value in vars(settings).items() if name.isupper()}


def _hash_cheaply() -> None:
    """Let a password take a hundredth of what it takes people: hundreds of tests sign somebody in."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1024, 1


def _next_child(control: socket.socket) -> dict[str, Any]:
    """Fork for each request; return it in the child alone, which holds nothing of the parent's any more."""
    running: dict[int, tuple[int, int]] = {}
    ready = selectors.DefaultSelector()
    ready.register(control, selectors.EVENT_READ)
    while True:
        for key, _events in ready.select():
            if key.fileobj is not control:
                pid, tell = running.pop(key.fd)
                ready.unregister(key.fd)
                os.close(key.fd)
                _tell(tell, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(tell)
                continue
            packet, files, _flags, _address = socket.recv_fds(control, _REQUEST_BYTES, 4)
            if not packet:
                ready.close()
                control.close()
                sys.exit()
            *streams, tell = files
            pid = os.fork()
            if pid == 0:
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                ready.close()
                control.close()
                for file in (*files, *running, *(tell for _pid, tell in running.values())):
                    os.close(file)
                request: dict[str, Any] = json.loads(packet)
                return request
            for stream in streams:
                os.close(stream)
            _tell(tell, pid)
            ended = os.pidfd_open(pid)
            running[ended] = pid, tell
            ready.register(ended, selectors.EVENT_READ)


def _tell(file: int, number: int) -> None:
    # Whoever asked may have gone.
    with contextlib.suppress(BrokenPipeError):
        os.write(file, b"%d\n" % number)


def _become(request: dict[str, Any], read: dict[str, Any]) -> None:
    """Turn this fork into what was asked for: a process of its own that has read its own settings."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["new_session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["manage.py", *request["arguments"]]
    if not _reads_the_same(read):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ)


def _reads_the_same(read: dict[str, Any]) -> bool:
    """Read this process's own settings; tell whether nothing that is there already depends on others."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections
    from django.utils.functional import empty

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS)
    del sys.modules[_SETTINGS]
    settings._wrapped = empty
    connections._settings = None
    vars(connections).pop("settings", None)
    try:
        return all(_at_import(name, getattr(settings, name)) == read[name] for name in read)
    except ImproperlyConfigured:
        return False


def _at_import(name: str, value: Any) -> Any:
    """Return what of the setting `name` counts while modules are imported."""
    return [one["ENGINE"] for one in value.values()] if name == "DATABASES" else value


if __name__ == "__main__":
    # A person's Ctrl-C is for the tests and for what they started; the parent ends with the tests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _read = _warmed()
    # What a fork does not look at stays shared with the parent.
    gc.freeze()
    _become(_next_child(socket.socket(fileno=int(sys.argv[1]))), _read)
    if "LAB_HOLD_STEPS" in os.environ:
        from tests.lab.holding import hold

        hold(os.environ["LAB_HOLD_STEPS"])
    runpy.run_path("manage.py", run_name="__main__")
