"""The system check: what each probe finds where something is wrong, and that it always comes to an end."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.core.key_file import KeyFile
from apps.core.owner import current_owner
from apps.deployer.memory_folder import NoMemoryFolder
from apps.deployer.runner.interface import CommandResult, Line, Outcome
from apps.deployer.system_check import machine_probes, panel_probes, room, run
from apps.deployer.system_check.engine_probes import probe_engine
from apps.deployer.system_check.findings import Finding, State
from apps.deployer.system_check.run import check_system
from apps.deployments.models import Worker

INFO = {"ServerVersion": "27.1", "DockerRootDir": ""}


class Engine:
    """A runner that answers as an engine and a Compose do."""

    def __init__(self, info: dict[str, Any] | None = None, compose: str = "2.30.0", error: str = "") -> None:
        self.info = info or {}
        self.compose, self.error = compose, error
        self.started = 0

    def run(self, argv: Any, *, sink: Callable[[Line], None], **options: Any) -> CommandResult:
        assert options["timeout"] <= 15, "no probe waits for ever"
        self.started += 1
        if "compose" in argv:
            text, failed = self.compose, not self.compose
        else:
            now = timezone.now().isoformat().replace("+00:00", "123Z")
            told = INFO | {"SystemTime": now} | self.info
            text, failed = self.error or json.dumps(told), bool(self.error)
        sink(Line("stderr" if failed else "stdout", text, timezone.now()))
        return CommandResult(int(failed), outcome=Outcome.EXITED)


def states(findings: list[Finding]) -> dict[str, State]:
    return {finding.id: finding.state for finding in findings}


@pytest.mark.parametrize(
    ("engine", "id", "state", "said"),
    [
        (Engine(), "engine", State.GOOD, "27.1"),
        (Engine(), "compose", State.GOOD, "2.30.0"),
        (Engine(), "clock", State.GOOD, "same time"),
        (Engine(error="Cannot connect to the Docker daemon"), "engine", State.BAD, "systemctl start docker"),
        (
            Engine(error="permission denied while trying to connect"),
            "engine",
            State.BAD,
            "usermod -aG docker",
        ),
        (Engine({"ServerErrors": ["no daemon"]}), "engine", State.BAD, "no daemon"),
        (Engine(compose=""), "compose", State.BAD, "apt install"),
        (Engine(compose="2.19.1"), "compose", State.BAD, "2.20 or later"),
        (Engine({"SystemTime": "2020-01-01T00:00:00.123456789Z"}), "clock", State.BAD, "set-ntp"),
        (Engine({"SystemTime": "?"}), "clock", State.UNKNOWN, "did not say"),
    ],
)
def test_it_judges_what_the_engine_says(engine: Engine, id: str, state: State, said: str) -> None:
    found = next(finding for finding in probe_engine(engine) if finding.id == id)
    assert found.state == state
    assert said in " ".join(found.record().values())
    assert engine.started <= 2


def test_a_socket_for_everybody_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    path.touch(mode=0o660)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    assert states(probe_engine(Engine()))["socket"] == State.GOOD
    path.chmod(0o666)
    assert states(probe_engine(Engine()))["socket"] == State.BAD
    path.unlink()
    assert states(probe_engine(Engine()))["socket"] == State.BAD
    assert "engine-disk" in states(probe_engine(Engine({"DockerRootDir": "/"})))
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    # The disk of this machine is not that of an engine elsewhere.
    assert {"socket", "engine-disk"}.isdisjoint(states(probe_engine(Engine({"DockerRootDir": "/"}))))


def test_a_data_folder_that_others_can_look_into_is_wrong(tmp_path: Path, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    assert states(list(machine_probes.probe_data_folder()))["data-folder"] == State.GOOD
    tmp_path.chmod(0o755)
    found = next(iter(machine_probes.probe_data_folder()))
    assert (found.state, found.command) == (State.BAD, f"chmod 700 {tmp_path}")
    settings.SIMPLEDEPLOY_DATA_DIR = tmp_path / "gone"
    assert [one.state for one in machine_probes.probe_data_folder()] == [State.BAD]


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"
    assert machine_probes.probe_apps_folder().state == State.GOOD
    (tmp_path / "apps").write_text("a file")
    found = machine_probes.probe_apps_folder()
    assert found.state == State.BAD
    assert "cannot be written" in str(found.means)


def test_keys_that_others_can_read_are_wrong(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "keys"
    path.write_text("A" * 43 + "=\n")
    path.chmod(0o600)
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = KeyFile(path)
    assert machine_probes.probe_keys().state == State.GOOD
    path.chmod(0o640)
    assert machine_probes.probe_keys().command == f"chmod 600 {path}"
    path.unlink()
    assert machine_probes.probe_keys().state == State.BAD
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = ("A" * 43 + "=",)
    assert machine_probes.probe_keys().state == State.GOOD


@pytest.mark.parametrize(
    ("free", "state"), [(10**10, State.GOOD), (10**9, State.WARNING), (10**8, State.BAD)]
)
def test_a_full_disk_is_told_before_it_is_full(
    free: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=10**11))
    assert room.room("disk", "Disk", Path("/"), "Free it.", "rm").state == state


def test_what_the_machine_does_not_give_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(prefix: str) -> None:
        raise NoMemoryFolder("There is no folder in memory.")

    assert machine_probes.probe_memory_folder().state == State.GOOD
    monkeypatch.setattr(machine_probes, "memory_folder", none)
    assert machine_probes.probe_memory_folder().state == State.BAD
    monkeypatch.setattr(machine_probes.resource, "getrlimit", lambda limit: (256, 256))
    assert machine_probes.probe_limits().state == State.WARNING
    assert machine_probes.probe_backups().state == State.NOTE


@pytest.mark.django_db
def test_a_panel_without_a_worker_is_wrong() -> None:
    assert states(list(panel_probes.probe_database()))["worker"] == State.BAD
    Worker.objects.create(name=current_owner(), heartbeat_at=timezone.now())
    assert states(list(panel_probes.probe_database())) == {"database": State.GOOD, "worker": State.GOOD}


def test_a_redis_that_is_gone_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert panel_probes.probe_redis().state == State.GOOD
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": settings.REDIS_URL}}
    found = panel_probes.probe_redis()
    assert (found.state, "ConnectionError" in str(found.means)) == (State.BAD, True)


def test_dangerous_settings_are_wrong(settings: Settings) -> None:
    good = states(list(panel_probes.probe_settings()))
    assert (good["hosts"], good["debug"], good["proxies"]) == (State.GOOD,) * 3
    assert good["tls"] == State.WARNING
    settings.ALLOWED_HOSTS = ["*"]
    settings.DEBUG = True
    settings.SIMPLEDEPLOY_TLS = True
    bad = states(list(panel_probes.probe_settings()))
    assert (bad["hosts"], bad["debug"], bad["tls"]) == (State.BAD,) * 3


@pytest.mark.django_db
def test_probes_that_hang_or_break_hold_up_no_other_and_no_end_of_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk_is_back = threading.Event()
    left_behind: list[threading.Thread] = []

    def hang() -> Finding:
        left_behind.append(threading.current_thread())
        disk_is_back.wait()
        return machine_probes.probe_backups()

    def broken() -> Finding:
        raise ZeroDivisionError

    hanging = {
        "data-folder": "data_folder",
        "apps-folder": "apps_folder",
        "memory": "memory_folder",
        "redis": "redis",
    }
    for probe in hanging.values():
        monkeypatch.setattr(run, f"probe_{probe}", hang)
    monkeypatch.setattr(run, "_TIMEOUT", 0.5)
    monkeypatch.setattr(run, "probe_keys", broken)

    told = states(check_system(Engine()))

    assert {told[name] for name in hanging} == {State.BAD}
    assert (told["limits"], told["keys"], told["engine"]) == (State.GOOD, State.UNKNOWN, State.GOOD)
    assert {"database", "tls", "backups"} <= told.keys()
    assert "The probe keys failed" in caplog.text
    assert len(left_behind) == len(hanging)
    assert all(thread.daemon for thread in left_behind)
    disk_is_back.set()


@pytest.mark.django_db
def test_the_command_tells_it_and_fails_where_something_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "apps.deployer.management.commands.system_check"
    bad = Finding(
        "engine", "Docker engine", State.BAD, "It does not answer.", "Start it.", "systemctl start x"
    )
    fine = Finding("debug", "Debug mode", State.GOOD, "It is off.")
    monkeypatch.setattr(f"{module}.check_system", lambda: [bad, fine])
    with pytest.raises(SystemExit) as end:
        call_command("system_check", "--json")
    assert end.value.code == 1
    assert [one["state"] for one in json.loads(capsys.readouterr().out)] == ["bad", "good"]
    monkeypatch.setattr(f"{module}.check_system", lambda: [fine])
    call_command("system_check")
    assert capsys.readouterr().out == "ok       Debug mode: It is off.\n"
