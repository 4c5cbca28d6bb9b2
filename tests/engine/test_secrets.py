"""Where the password of a registry lies while it is used, and that nothing of it is left."""

import base64
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.panel import ROOT, PanelProcess
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import wait_until

_LARGEST = 64 * 1024 * 1024
# Everything that the panel, docker or the engine may write to; a whole disk takes longer than a pull stalls.
_BASES = (Path("/tmp"), Path("/var"), Path("/etc"), Path.home(), ROOT)
_SKIPPED = {".venv", "site-packages", "node_modules", ".pyenv", ".cargo", ".rustup", "overlay2"}


def forms_of(registry: Registry) -> list[bytes]:
    both = f"{registry.username}:{registry.password}"
    return [registry.password.encode(), base64.b64encode(both.encode())]


def files_since(moment: float, *bases: Path) -> Iterator[Path]:
    """Yield the files of disk-backed file systems below `bases` that changed since `moment`."""
    for base in bases:
        device = base.stat().st_dev
        for folder, folders, names in os.walk(base):
            folders[:] = [n for n in folders if n not in _SKIPPED and same_device(Path(folder, n), device)]
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.lstat()
                except OSError:
                    continue
                if os.path.isfile(path) and status.st_mtime >= moment and status.st_size <= _LARGEST:
                    yield path


def same_device(path: Path, device: int) -> bool:
    try:
        return path.lstat().st_dev == device
    except OSError:
        return False


def found_on_disk(moment: float, forms: list[bytes]) -> list[Path]:
    found = []
    for path in files_since(moment, *_BASES):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if any(form in content for form in forms):
            found.append(path)
    return found


def found_in_memory_folders(panel: PanelProcess, forms: list[bytes]) -> list[Path]:
    found = []
    for base in ("/dev/shm", "/run"):
        with contextlib.suppress(FileNotFoundError):  # it is being swept
            for path in Path(base).glob(f"simpledeploy-*-{panel.memory_mark}/**/*"):
                if path.is_file() and not path.is_symlink() and any(f in path.read_bytes() for f in forms):
                    found.append(path)
    return found


def found_in_processes(forms: list[bytes]) -> list[str]:
    """Return the processes, but for these tests' own, whose command line or environment shows a secret."""
    found = []
    for process in psutil.process_iter():
        for name in ("cmdline", "environ"):
            try:
                content = Path(f"/proc/{process.pid}/{name}").read_bytes()
            except OSError:
                continue
            if any(form in content for form in forms):
                found.append(f"{process.pid} {name}")
    return found


def stalled(app: AppOnPanel, stalling_registry: StallingRegistry) -> None:
    before = stalling_registry.connections()
    app.queue(f"services: {{web: {{image: {stalling_registry.ref()}}}}}")
    app.journal.wait(app.slug, lambda e: e["step"] == "pull" and stalling_registry.connections() > before)


def test_during_a_stalled_pull_no_disk_and_no_process_shows_the_password(
    app: AppOnPanel, registry: Registry, stalling_registry: StallingRegistry
) -> None:
    moment = time.time() - 1
    forms = forms_of(registry)
    app.sign_in(registry, stalling_registry.host)
    stalled(app, stalling_registry)

    assert len(found_in_memory_folders(app.panel, forms)) == 1, "the credential is in use"
    assert found_on_disk(moment, forms) == []
    assert found_in_processes(forms) == []

    app.cancel()
    app.journal.wait_for_end(app.slug)
    assert found_in_memory_folders(app.panel, forms) == []
    assert found_on_disk(moment, forms) == []
    assert registry.password not in app.panel.output


@pytest.mark.parametrize("tag", ["1", "no-such-tag"])
def test_after_a_deploy_and_after_a_failure_nothing_is_left(
    app: AppOnPanel, registry: Registry, tag: str
) -> None:
    moment = time.time() - 1
    registry.forget_local()
    app.sign_in(registry)

    event = app.deploy(f"services: {{web: {{image: {registry.ref('web', tag)}}}}}")

    assert event["status"] == ("succeeded" if tag == "1" else "failed")
    assert found_in_memory_folders(app.panel, forms_of(registry)) == []
    assert found_on_disk(moment, forms_of(registry)) == []


def test_after_a_kill_and_a_start_nothing_is_left(
    panel_process: Callable[..., PanelProcess],
    make_app: MakeApp,
    registry: Registry,
    stalling_registry: StallingRegistry,
) -> None:
    panel = panel_process()
    app = make_app(panel, "killed")
    app.sign_in(registry, stalling_registry.host)
    stalled(app, stalling_registry)

    panel.kill()
    assert len(found_in_memory_folders(app.panel, forms_of(registry))) == 1, (
        "a crash leaves it for the next start"
    )
    panel.start()

    wait_until(lambda: found_in_memory_folders(app.panel, forms_of(registry)) == [], "it was swept")
    app.wait_until_no_process(5)
    assert app.journal.wait_for_end(app.slug)["status"] == "interrupted"
