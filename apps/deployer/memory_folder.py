"""Folders for secrets that a command must read from a file: in memory, private, and swept."""

import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.utils.translation import gettext

from apps.core.errors import DomainError
from apps.core.owner import current_owner, is_alive

logger = logging.getLogger(__name__)

MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_ATTEMPTS = 5
# The name of an owner has colons, which Compose and others take for the end of a path.
_SEPARATOR = "_"


class NoMemoryFolder(DomainError):
    """No place on this machine where a secret would not reach a disk."""

    http_status = 500


class _Unfit(Exception):
    """Why a place cannot be used, as the rest of a sentence."""


@contextmanager
def memory_folder(prefix: str) -> Generator[Path]:
    """Make a folder (0700) that lies in memory, and remove it with all that is in it at the end.

    `prefix` begins its name. Raises NoMemoryFolder where no memory-backed file system can be written.
    What a killed process leaves is removed by `sweep_memory_folders`.
    """
    folder = _make(prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        # Those above as well, unless another thread or process has something in them.
        with suppress(OSError):
            folder.parent.rmdir()
            folder.parent.parent.rmdir()


def sweep_memory_folders() -> int:
    """Remove the folders of owners that are no longer alive on this host; return how many there were."""
    removed = 0
    for place in _places():
        root = place / _root_name()
        try:
            _refuse_strangers(root)
            owners = list(root.iterdir())
        except (_Unfit, OSError):
            continue
        for folder in owners:
            if is_alive(_owner(folder.name)) is False:
                with suppress(OSError):
                    removed += sum(1 for _ in folder.iterdir())
                _remove(folder)
        with suppress(OSError):
            root.rmdir()
    return removed


def _make(prefix: str) -> Path:
    reasons = []
    for place in _places():
        try:
            _refuse_unfit(place)
            return _make_below(place, prefix)
        except _Unfit as reason:
            reasons.append(f"{place} {reason}")
        except OSError as error:
            reasons.append(
                f"{place} " + gettext("cannot be written (%(reason)s)") % {"reason": error.strerror}
            )
    raise NoMemoryFolder(
        gettext(
            "A secret must be handed over in a file, and there is no folder in memory for it: "
            "%(reasons)s. Nothing was written. Mount a tmpfs at /dev/shm that the panel may "
            "write, or start the panel with XDG_RUNTIME_DIR set to one."
        )
        % {"reasons": "; ".join(reasons)}
    )


def _make_below(place: Path, prefix: str) -> Path:
    root = place / _root_name()
    parent = root / current_owner().replace(":", _SEPARATOR)
    for attempt in range(_ATTEMPTS):
        with suppress(FileExistsError):
            root.mkdir(mode=0o700)
        try:
            _refuse_strangers(root)
            with suppress(FileExistsError):
                parent.mkdir(mode=0o700)
            return Path(mkdtemp(prefix=f"{prefix}-", dir=parent))
        except FileNotFoundError:
            # Another thread has removed its own folder, and these with it, at this moment.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _places() -> Iterator[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        yield Path(runtime)
    yield Path("/dev/shm")
    yield Path("/run")


def _root_name() -> str:
    data = hashlib.sha256(os.fsencode(settings.SIMPLEDEPLOY_DATA_DIR)).hexdigest()[:8]
    return f"simpledeploy-{os.geteuid()}-{data}"


def _owner(folder_name: str) -> str:
    """Return the owner whose folder has this name; pid and start time hold no separator."""
    return ":".join(folder_name.rsplit(_SEPARATOR, 2))


def _refuse_unfit(place: Path) -> None:
    try:
        status = place.stat()
    except OSError as error:
        raise _Unfit(gettext("cannot be read (%(reason)s)") % {"reason": error.strerror}) from None
    if _file_system(status.st_dev) not in _IN_MEMORY:
        raise _Unfit(gettext("is not in memory"))
    if status.st_uid not in (0, os.geteuid()):
        raise _Unfit(gettext("belongs to another user"))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX:
        raise _Unfit(gettext("can be changed by other users"))


def _file_system(device: int) -> str:
    """Return the type of the mounted file system with this device number (proc(5), mountinfo)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text(errors="surrogateescape").splitlines():
        fields, _, source = line.partition(" - ")
        if fields.split()[2] == number:
            return source.split()[0]
    return ""


def _refuse_strangers(root: Path) -> None:
    """Refuse a folder that somebody else put there first; in a sticky folder nobody can swap ours."""
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise _Unfit(gettext("holds a %(name)s that is not ours") % {"name": root.name})
    if status.st_mode & 0o077:
        root.chmod(0o700)


def _remove(folder: Path) -> None:
    reason: str | None = "its content kept changing"
    for _ in range(_ATTEMPTS):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            # Either gone altogether, or a file in it went while it was being emptied.
            if not folder.exists():
                return
        except OSError as error:
            reason = error.strerror
        else:
            return
    logger.error("The folder %s, which held a secret, could not be removed: %s.", folder, reason)
