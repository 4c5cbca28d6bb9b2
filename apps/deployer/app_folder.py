"""The folder of an app on disk: its files are replaced together, and put back on failure."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext

from apps.applications import environment
from apps.applications.content import Content
from apps.core.errors import DomainError
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, IMAGES_FILE

_FILES = (COMPOSE_FILE, ENV_FILE, IMAGES_FILE)
_BACKUP = ".previous"
_BACKUP_PART = ".previous.part"
_DRAFT = ".draft"
_TRASH = ".trash"


class FolderProblem(DomainError):
    """A folder of an app that cannot be written."""

    http_status = 500


class AppFolder:
    """`apps_dir/<slug>/`, private to the panel's user (0700, files 0600).

    `write` keeps what was there in `.previous`; then either `keep` drops that copy or `restore` puts
    it back. Each is complete or without effect, and can be repeated after a crash.
    """

    def __init__(self, slug: str) -> None:
        # Without a name this would be the folder of all apps.
        assert slug, "an event on the engine has no folder"
        self.path: Path = settings.SIMPLEDEPLOY_APPS_DIR / slug

    @property
    def pins(self) -> str:
        """The text of the override that a rollback to the same images left; empty where there is none."""
        try:
            return (self.path / IMAGES_FILE).read_text(encoding="utf-8")
        except OSError:
            return ""

    @property
    def is_pinned(self) -> bool:
        """Whether a rollback to the same images has left its override here."""
        return (self.path / IMAGES_FILE).is_file()

    def write(self, content: Content, pins: str = "") -> None:
        """Replace the files by those of `content`, and by `pins` (of `pins.override`) where there are any.

        Raises FolderProblem, with the old ones in place.
        """
        texts = {COMPOSE_FILE: content.yaml}
        if pins:
            texts[IMAGES_FILE] = pins
        if content.environment:
            texts[ENV_FILE] = environment.render(environment.values(content.environment))
        with self._explained():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        try:
            with self._explained():
                draft = self._fresh(_DRAFT)
                for name, text in texts.items():
                    _write_private(draft / name, text.encode())
                self._back_up()
                self._install(_DRAFT)
                self._discard(_DRAFT)
        except FolderProblem:
            with contextlib.suppress(OSError):
                self.restore()
            raise

    def keep(self) -> None:
        """Make the written files the ones that stay."""
        with self._explained():
            self._discard(_BACKUP)

    def restore(self) -> None:
        """Put back the files from before `write`; without effect where nothing is to be put back."""
        self._discard(_DRAFT)
        self._discard(_BACKUP_PART)
        if (self.path / _BACKUP).is_dir():
            self._install(_BACKUP)
            self._discard(_BACKUP)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def remove(self) -> list[str]:
        """Delete the panel's files; return the names of what somebody else put there, which stays."""
        if not self.path.is_dir():
            return []
        with self._explained():
            for name in (_DRAFT, _BACKUP, _BACKUP_PART):
                self._discard(name)
            for name in (*_FILES, *(f"{name}.new" for name in _FILES)):
                _unlink(self.path / name)
            left = sorted(entry.name for entry in self.path.iterdir())
            if not left:
                self.path.rmdir()
        return left

    def _back_up(self) -> None:
        # A backup that is already there is what a crash left before recovery could restore it: it
        # holds the files to return to, those in place do not.
        if (self.path / _BACKUP).is_dir():
            return
        copy = self._fresh(_BACKUP_PART)
        for name in _FILES:
            if (self.path / name).is_file():
                _write_private(copy / name, (self.path / name).read_bytes())
        _sync(copy)
        copy.rename(self.path / _BACKUP)
        _sync(self.path)

    def _install(self, source: str) -> None:
        """Make the files what folder `source` has of them; `source` stays, so this can be repeated."""
        for name in _FILES:
            fresh = self.path / f"{name}.new"
            fresh.unlink(missing_ok=True)
            if (self.path / source / name).exists():
                _write_private(fresh, (self.path / source / name).read_bytes())
                if (self.path / name).is_dir():
                    _unlink(self.path / name)
                fresh.replace(self.path / name)
            else:
                _unlink(self.path / name)
        _sync(self.path)

    def _fresh(self, name: str) -> Path:
        self._discard(name)
        folder = self.path / name
        folder.mkdir(mode=0o700)
        return folder

    def _discard(self, name: str) -> None:
        # Renamed first: a half-deleted backup must never be taken for a whole one.
        trash = self.path / _TRASH
        shutil.rmtree(trash, ignore_errors=True)
        if (self.path / name).is_dir():
            (self.path / name).rename(trash)
            shutil.rmtree(trash)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderProblem(
                gettext(
                    "The files of the app could not be written to %(path)s: %(reason)s. What was "
                    "there before is unchanged."
                )
                % {"path": self.path, "reason": error.strerror}
            ) from None


def _unlink(path: Path) -> None:
    """Remove the file `path`, or the empty folder that the engine made for a bind mount of it."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
