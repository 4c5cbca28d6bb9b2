import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from apps.core.owner import current_owner
from apps.deployer import memory_folder as module
from apps.deployer.memory_folder import NoMemoryFolder, memory_folder, sweep_memory_folders

SHM = Path("/dev/shm")


@pytest.fixture(autouse=True)
def own_data_dir(settings, tmp_path, monkeypatch):
    settings.SIMPLEDEPLOY_DATA_DIR = tmp_path
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    yield
    root = SHM / module._root_name()
    if root.is_symlink() or root.is_file():
        root.unlink()
    shutil.rmtree(root, ignore_errors=True)


def test_it_is_private_in_memory_and_gone_afterwards():
    with memory_folder("docker") as folder:
        assert folder.name.startswith("docker-")
        assert folder.is_relative_to(SHM)
        for made in (folder, folder.parent, folder.parent.parent):
            assert stat.S_IMODE(made.stat().st_mode) == 0o700
        kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True)
        assert kind.stdout.strip() == "tmpfs"
        (folder / "deep").mkdir()
        (folder / "deep/config.json").write_text("{}")
    assert not (SHM / module._root_name()).exists()


def test_its_path_has_no_colon():
    with memory_folder("docker") as folder:
        assert ":" not in str(folder)


def test_it_is_gone_after_an_exception():
    def fail() -> None:
        with memory_folder("docker") as folder:
            (folder / "config.json").write_text("{}")
            raise OSError(str(folder))

    with pytest.raises(OSError) as caught:
        fail()
    assert not Path(str(caught.value)).exists()


def test_panels_with_other_data_folders_do_not_share_it(settings, tmp_path):
    with memory_folder("a") as first:
        settings.SIMPLEDEPLOY_DATA_DIR = tmp_path / "other"
        with memory_folder("a") as second:
            assert first.parent.parent != second.parent.parent


def test_many_threads_make_and_remove_theirs_at_once():
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(100):
                with memory_folder("docker") as folder:
                    (folder / "config.json").write_text("{}")
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_runtime_folder_of_the_user_comes_first(monkeypatch):
    with memory_folder("x") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        with memory_folder("docker") as folder:
            assert folder.is_relative_to(runtime)


def test_a_runtime_folder_on_a_disk_is_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert module._file_system(tmp_path.stat().st_dev) not in ("tmpfs", "ramfs")
    with memory_folder("docker") as folder:
        assert folder.is_relative_to(SHM)


def test_a_runtime_folder_that_others_can_change_is_passed_over(monkeypatch):
    with memory_folder("x") as runtime:
        runtime.chmod(0o777)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        with memory_folder("docker") as folder:
            assert not folder.is_relative_to(runtime)


def test_where_no_place_is_in_memory_it_says_so_and_writes_nothing(monkeypatch, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 1 0:1 / / rw - ext4 /dev/root rw\n")
    monkeypatch.setattr(module, "MOUNTS", mounts)
    with (
        pytest.raises(NoMemoryFolder, match=r"/dev/shm is not in memory.*Mount a tmpfs"),
        memory_folder("docker"),
    ):
        pass
    assert not (SHM / module._root_name()).exists()


def test_it_does_not_use_a_link_that_somebody_left_there(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_places", lambda: [SHM])
    (SHM / module._root_name()).symlink_to(tmp_path)
    with pytest.raises(NoMemoryFolder, match="that is not ours"), memory_folder("docker"):
        pass
    assert sweep_memory_folders() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_it_does_not_use_a_folder_of_somebody_else(monkeypatch):
    monkeypatch.setattr(module, "_places", lambda: [SHM])
    root = SHM / module._root_name()
    root.mkdir()
    os.chown(root, 65534, 65534)
    with pytest.raises(NoMemoryFolder, match="that is not ours"), memory_folder("docker"):
        pass
    assert list(root.iterdir()) == []


def test_a_folder_of_ours_that_others_could_read_is_closed():
    root = SHM / module._root_name()
    root.mkdir(mode=0o755)
    with memory_folder("docker"):
        assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_what_a_killed_process_leaves_is_swept_and_what_lives_stays(settings):
    code = (
        "import os, signal, sys\n"
        "from django.conf import settings\n"
        "settings.configure(SIMPLEDEPLOY_DATA_DIR=sys.argv[1])\n"
        "from apps.deployer.memory_folder import memory_folder\n"
        "with memory_folder('docker') as folder:\n"
        "    (folder / 'config.json').write_text('secret'); print(folder, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with memory_folder("docker") as ours:
        killed = subprocess.run(
            [sys.executable, "-c", code, str(settings.SIMPLEDEPLOY_DATA_DIR)],
            capture_output=True,
            text=True,
            check=False,
        )
        left = Path(killed.stdout.strip())
        assert (left / "config.json").read_text() == "secret"
        assert sweep_memory_folders() == 1
        assert not left.parent.exists()
        assert ours.is_dir()
        assert sweep_memory_folders() == 0
    assert not (SHM / module._root_name()).exists()


def test_folders_of_what_it_cannot_judge_stay():
    with memory_folder("docker") as ours:
        root = ours.parent.parent
        host, pid, started = current_owner().split(":")
        assert host == socket.gethostname()
        for name in (f"elsewhere_{pid}_{started}", "something"):
            (root / name).mkdir()
        (root / f"{host}_{pid}_1{started}" / "docker-x").mkdir(parents=True)
        assert sweep_memory_folders() == 1
        assert {folder.name for folder in root.iterdir()} == {
            f"elsewhere_{pid}_{started}",
            "something",
            ours.parent.name,
        }


def test_what_cannot_be_removed_is_logged(monkeypatch, caplog):
    def fail(folder: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR), memory_folder("docker") as folder:
        patch.setattr(shutil, "rmtree", fail)
        module._remove(folder)
    assert f"The folder {folder}" in caplog.text
    assert "Operation not permitted" in caplog.text
