"""The app's folder: both files are replaced together, and a crash anywhere can be undone."""

import contextlib
import stat
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.applications.content import Content
from apps.deployer import app_folder
from apps.deployer.app_folder import AppFolder, FolderProblem

OLD = Content("services: {web: {image: old}}\n", "A=old\n")
NEW = Content("services: {web: {image: new}}\n")
PINS = "services: {web: {image: sha256:1}}\n"


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> AppFolder:
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"
    return AppFolder("demo")


def files(folder: AppFolder) -> dict[str, str]:
    return (
        {p.name: p.read_text() for p in folder.path.iterdir() if p.is_file()} if folder.path.exists() else {}
    )


WRITTEN_OLD = {"docker-compose.yml": OLD.yaml, ".env": "A=old\n"}
WRITTEN_NEW = {"docker-compose.yml": NEW.yaml}
# Of a rollback to the same images: a third file.
WRITTEN_PINNED = {**WRITTEN_OLD, "docker-compose.images.yml": PINS}


def test_folder_and_files_are_for_the_panels_user_only(folder: AppFolder) -> None:
    folder.write(OLD, PINS)

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.path.rglob("*") if p.is_file()} == {0o600}


def test_an_environment_that_is_empty_leaves_no_file(folder: AppFolder) -> None:
    folder.write(OLD)
    folder.keep()
    folder.write(NEW)
    folder.keep()

    assert files(folder) == WRITTEN_NEW
    assert [p.name for p in folder.path.iterdir()] == ["docker-compose.yml"]


def test_restore_brings_back_both_files_also_edited_by_hand(folder: AppFolder) -> None:
    folder.write(OLD)
    folder.keep()
    (folder.path / "docker-compose.yml").write_text("# by hand\n")
    folder.write(NEW)
    assert files(folder) == WRITTEN_NEW

    folder.restore()

    assert files(folder) == {"docker-compose.yml": "# by hand\n", ".env": "A=old\n"}
    folder.restore()
    assert files(folder) == {"docker-compose.yml": "# by hand\n", ".env": "A=old\n"}


def test_restore_of_a_first_write_leaves_nothing(folder: AppFolder) -> None:
    folder.write(OLD)
    folder.restore()

    assert not folder.path.exists()


def test_restore_leaves_what_others_put_there(folder: AppFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "nginx.conf").write_text("mine")
    folder.write(OLD)
    folder.restore()

    assert files(folder) == {"nginx.conf": "mine"}


def test_pins_lie_there_until_the_next_write(folder: AppFolder) -> None:
    assert (folder.is_pinned, folder.pins) == (False, "")
    folder.write(OLD, PINS)
    folder.keep()
    assert files(folder) == WRITTEN_PINNED
    assert (folder.is_pinned, folder.pins) == (True, PINS)

    folder.write(NEW)
    folder.keep()

    assert files(folder) == WRITTEN_NEW
    assert not folder.is_pinned


def test_an_event_on_the_engine_has_no_folder() -> None:
    with pytest.raises(AssertionError, match="no folder"):
        AppFolder("")


@pytest.mark.parametrize("call", range(1, 50))
@pytest.mark.parametrize("then", ["restore", "write and keep"])
@pytest.mark.parametrize("pinned", ["before", "after"])
def test_a_crash_at_any_point_of_write_can_be_undone(
    folder: AppFolder, monkeypatch: pytest.MonkeyPatch, call: int, then: str, pinned: str
) -> None:
    before, after = (PINS, "") if pinned == "before" else ("", PINS)
    old = WRITTEN_PINNED if pinned == "before" else WRITTEN_OLD
    new = WRITTEN_NEW | ({"docker-compose.images.yml": PINS} if pinned == "after" else {})
    folder.write(OLD, before)
    folder.keep()
    crash_at(monkeypatch, call)
    crashed = False
    try:
        folder.write(NEW, after)
    except Crash:
        crashed = True
    monkeypatch.undo()
    if not crashed:
        assert files(folder) == new

    again = AppFolder("demo")
    again.path = folder.path
    if then == "restore":
        again.restore()
        assert files(again) == old
    else:
        again.write(NEW, after)
        again.keep()
        assert files(again) == new


@pytest.mark.parametrize("call", range(1, 40))
def test_a_crash_at_any_point_of_restore_can_be_repeated(
    folder: AppFolder, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    folder.write(OLD, PINS)
    folder.keep()
    folder.write(NEW)
    crash_at(monkeypatch, call)
    with contextlib.suppress(Crash):
        folder.restore()
    monkeypatch.undo()

    folder.restore()

    assert files(folder) == WRITTEN_PINNED


def test_a_write_that_fails_says_so_and_puts_all_back(
    folder: AppFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(OLD)
    folder.keep()
    real, calls = app_folder._write_private, []

    def full(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(app_folder, "_write_private", full)

    with pytest.raises(FolderProblem, match=r"No space left on device. What was there before is unchanged"):
        folder.write(NEW)
    assert files(folder) == WRITTEN_OLD


def test_remove_takes_the_panels_files_and_names_the_rest(folder: AppFolder) -> None:
    folder.write(OLD, PINS)
    (folder.path / "data").mkdir()

    assert folder.remove() == ["data"]
    assert [p.name for p in folder.path.iterdir()] == ["data"]
    (folder.path / "data").rmdir()
    assert folder.remove() == []
    assert not folder.path.exists()
    assert folder.remove() == []


@pytest.mark.parametrize("call", range(1, 30))
def test_a_crash_at_any_point_of_write_leaves_no_secret_behind_once_the_app_is_removed(
    folder: AppFolder, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    folder.write(OLD)
    folder.keep()
    with monkeypatch.context() as patch, contextlib.suppress(Crash):
        crash_at(patch, call)
        folder.write(NEW)

    folder.restore()
    assert folder.remove() == []
    assert not folder.path.exists()


def test_an_empty_folder_that_the_engine_made_for_a_missing_file_is_replaced(folder: AppFolder) -> None:
    """A bind mount of ./.env makes one where the app has no environment (docs.docker.com, bind mounts)."""
    folder.write(NEW)
    folder.keep()
    (folder.path / ".env").mkdir()

    folder.write(OLD)
    assert files(folder) == WRITTEN_OLD
    folder.restore()
    folder.keep()
    (folder.path / ".env").mkdir()
    folder.write(NEW)
    folder.keep()
    (folder.path / ".env").mkdir()

    assert folder.remove() == []


def crash_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let the process die at the `call`-th thing that write or restore does to the disk."""
    count = 0

    def dying(real):  # type: ignore[no-untyped-def]
        def wrapper(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == call:
                raise Crash
            return real(*args, **kwargs)

        return wrapper

    for name in ("rename", "replace", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, dying(getattr(Path, name)))
    for name in ("_write_private", "_sync"):
        monkeypatch.setattr(app_folder, name, dying(getattr(app_folder, name)))
    monkeypatch.setattr(app_folder.shutil, "rmtree", dying(app_folder.shutil.rmtree))
