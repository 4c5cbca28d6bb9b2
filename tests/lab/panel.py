"""The panel as its users run it: `manage.py serve` in a process with its own data folder and port."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import psutil

from tests.lab.http import Client
from tests.lab.waiting import free_port, wait_until
from tests.lab.warm import ROOT, WarmParent, WarmProcess, start_cold

__all__ = ["PASSWORD", "ROOT", "USERNAME", "PanelProcess", "make_template"]
USERNAME, PASSWORD = "admin", "lab-password-of-admin"

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "XDG_RUNTIME_DIR")
_ADD_PERSON = (
    "import os; from apps.accounts.models import User; "
    "User.objects.create_user(os.environ['LAB_NAME'], password=os.environ['LAB_PASSWORD'], "
    "role=os.environ['LAB_ROLE'])"
)


class PanelProcess:
    """One panel; it can be killed and started again on the same data and port.

    `environment` is added to (or, with the value None, taken from) what the panel's process gets.
    """

    username, password = USERNAME, PASSWORD
    # Who starts the processes faster, for tests that are not about the start (tests/lab/warm.py).
    warm: ClassVar[WarmParent | None] = None

    def __init__(
        self, folder: Path, template: Path | None = None, environment: Mapping[str, str | None] | None = None
    ) -> None:
        self.data_dir = folder / "data"
        self.apps_dir = self.data_dir / "apps"
        self.log_path = folder / "panel.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | WarmProcess | None = None
        self._pids: set[int] = set()
        self._administrator: tuple[int, Client] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if template is not None:
            shutil.copytree(template, self.data_dir)
        self.environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self.environment |= {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        self.environment |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "default",
            "SIMPLEDEPLOY_DATA_DIR": str(self.data_dir),
            "SIMPLEDEPLOY_BIND": f"127.0.0.1:{self.port}",
            # What is not about calm need not wait for it.
            "SIMPLEDEPLOY_CALM_SECONDS": "1",
        }
        for name, value in (environment or {}).items():
            if value is None:
                self.environment.pop(name, None)
            else:
                self.environment[name] = value

    def start(self, *, timeout: float = 60) -> "PanelProcess":
        """Start `manage.py serve` and wait (seconds) until /healthz answers."""
        assert not self.is_running, "this panel runs already"
        with self.log_path.open("ab") as log, open(os.devnull) as nothing:
            # A signal to the tests' terminal is for the tests; they end the panel themselves.
            self.process = self._start(
                ("serve",),
                self.environment,
                stdin=nothing.fileno(),
                stdout=log.fileno(),
                stderr=log.fileno(),
                new_session=True,
            )
        self._pids.add(self.process.pid)
        wait_until(
            self._healthy,
            lambda: f"/healthz answers; the panel said:\n{self.output[-4000:]}",
            timeout=timeout,
        )
        return self

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the panel that was started last."""
        assert self.process is not None, "this panel was never started"
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything that the panel printed, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def manage(
        self, *arguments: str, input: str | None = None, check: bool = False, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with `arguments` in this panel's environment and `env`; `input` is its stdin.

        Raises AssertionError with its output where it fails and `check` holds.
        """
        with (
            tempfile.TemporaryFile() as typed,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            typed.write((input or "").encode())
            typed.seek(0)
            process = self._start(
                arguments,
                {**self.environment, **env},
                stdin=typed.fileno(),
                stdout=out.fileno(),
                stderr=err.fileno(),
            )
            try:
                process.wait(timeout)
            except BaseException:
                process.kill()
                process.wait()
                raise
            for written in (out, err):
                written.seek(0)
            done = subprocess.CompletedProcess(
                arguments, process.wait(), out.read().decode(), err.read().decode()
            )
        assert not check or done.returncode == 0, (
            f"manage.py {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `manage.py` with `arguments`, never warm, and return the process, its output on pipes."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def add_person(self, username: str, role: str = "", password: str = PASSWORD) -> None:
        """Add somebody who can sign in; `role` is viewer, operator, deployer, administrator or none."""
        self.manage(
            "shell", "-c", _ADD_PERSON, check=True, LAB_NAME=username, LAB_PASSWORD=password, LAB_ROLE=role
        )

    def client(self, username: str = USERNAME, password: str = PASSWORD) -> Client:
        """Return an HTTP client that is signed in as the administrator, or as `username`."""
        return Client(self.url).sign_in(username, password)

    @property
    def administrator(self) -> Client:
        """An HTTP client of the administrator, signed in once for as long as the panel's process runs."""
        if self._administrator is None or self._administrator[0] != self.pid:
            self._administrator = self.pid, self.client()
        return self._administrator[1]

    def anonymous(self) -> Client:
        """Return an HTTP client that is not signed in."""
        return Client(self.url)

    @property
    def memory_mark(self) -> str:
        """What the name of this panel's memory-backed folder ends with."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:8]

    def memory(self) -> int:
        """Return the bytes of memory that the panel's process occupies (RSS)."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def kill(self) -> None:
        """End the panel's process alone with SIGKILL, as a crash does; what it started is left."""
        assert self.process is not None, "this panel was never started"
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout: float = 30) -> int:
        """Ask the panel to end (SIGTERM) and return its exit code.

        Raises subprocess.TimeoutExpired where it still runs after `timeout` seconds.
        """
        assert self.process is not None, "this panel was never started"
        self.process.terminate()
        return self.process.wait(timeout)

    def clean_up(self) -> None:
        """End the panel at once, and whatever it left behind: an orderly end is for the tests of it."""
        if self.is_running:
            self.kill()
        for process in psutil.process_iter():
            try:
                owner = process.environ().get("SIMPLEDEPLOY_RUN", "")
                # An owner is host:pid:start time.
                if any(f":{pid}:" in owner for pid in self._pids):
                    process.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
        for base in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm", "/run"):
            if base:
                shutil.rmtree(
                    Path(base, f"simpledeploy-{os.getuid()}-{self.memory_mark}"), ignore_errors=True
                )

    @property
    def _start(self) -> Callable[..., subprocess.Popen[bytes] | WarmProcess]:
        return self.warm.start if self.warm else start_cold

    def _healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (
            f"The panel ended with {self.process.returncode} before it answered:\n{self.output[-4000:]}"
        )
        try:
            return Client(self.url).get("/healthz", timeout=5).status == 200
        except (OSError, urllib.error.URLError):
            return False


def make_template(folder: Path) -> Path:
    """Return a data folder with a migrated database and its administrator, to be copied for each panel."""
    panel = PanelProcess(folder)
    panel.manage("migrate", "--verbosity", "0", check=True)
    panel.manage(
        "createsuperuser",
        "--noinput",
        check=True,
        DJANGO_SUPERUSER_USERNAME=USERNAME,
        DJANGO_SUPERUSER_EMAIL="",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    return panel.data_dir
