"""The encryption keys where they lie in a file, which may change while the panel runs."""

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from cryptography.fernet import Fernet

logger = logging.getLogger(__name__)


def split_keys(text: str) -> tuple[str, ...]:
    """Return the Fernet keys in `text`, with spaces, newlines or commas between.

    Raises ValueError with the position of the first that is none; the key is not in the message.
    """
    keys = tuple(re.split(r"[\s,]+", text.strip()))
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError(f"key {position} is no Fernet key (32 bytes, URL-safe base64)") from None
    return keys


class KeyFile(Sequence[str]):
    """The keys in the file `path`, read again whenever it has changed.

    So a running panel learns of a new key before anything is encrypted with it. A file that has become
    unusable is told once in the log; until it is mended, the keys that were read last hold. Raises OSError
    or ValueError where it is unusable from the beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: object = self._stamp()
        self._keys = self._read()

    def current(self) -> tuple[str, ...]:
        """Return the keys that hold now, the first of which encrypts."""
        with contextlib.suppress(OSError):
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._keys = self._read()
                except (OSError, ValueError) as error:
                    logger.error("%s cannot be read, so the keys stay as they were: %s", self.path, error)
        return self._keys

    def put_first(self, key: str) -> None:
        """Write `key` in front of the others, so that the file is whole at every moment. Raises OSError."""
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            found = os.fstat(file.fileno())
            if found.st_ino == self.path.stat().st_ino:
                self._write([key, *self._read()], found.st_mode & 0o777)
                return
        # Another command has put its key there while this one waited; both stay.
        self.put_first(key)

    def _write(self, keys: Sequence[str], mode: int) -> None:
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(keys) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path)
        _flush_folder(self.path.parent)

    def _read(self) -> tuple[str, ...]:
        return split_keys(self.path.read_text(encoding="utf-8"))

    def _stamp(self) -> object:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.current()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.current())

    def __len__(self) -> int:
        return len(self.current())

    def __repr__(self) -> str:
        return f"<KeyFile {self.path}>"


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
