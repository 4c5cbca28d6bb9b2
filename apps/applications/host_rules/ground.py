"""What belongs to one app: its folder on disk, and the names that Compose gives to what is its own."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# The panel's own files and folders in an app's folder: who may write them decides what is deployed.
_PANEL_FILES = re.compile(r"(docker-compose(\.images)?\.yml|\.env)(\.new)?|\.(previous(\.part)?|draft|trash)")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[^/]*@[^/]*:|github\.com/|.*\.git(?:[#?]|$)", re.DOTALL)

_SOCKETS = (
    "/run/docker.sock",
    "/run/docker/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
    "/run/user/0/docker.sock",
    "/run/user/0/podman/podman.sock",
)
_SOCKET_NAME = re.compile(r".*(docker|podman|containerd|crio|buildkitd)[^/]*\.sock(\.raw)?", re.DOTALL)


@dataclass(frozen=True)
class Ground:
    """The `folder` of an app, and its `project`.

    `staging` is where Compose read the files, if elsewhere: its paths mean those of `folder`. `ask_writable`
    tells which paths in the folder the containers that are there now may write. `neighbours` are the
    projects of other apps whose names begin as this one's.
    """

    folder: Path
    project: str
    staging: Path | None = None
    ask_writable: Callable[[], Iterable[str]] = tuple
    neighbours: frozenset[str] = frozenset()

    @cached_property
    def writable(self) -> tuple[str, ...]:
        """The real paths that a container may write already; asked for only where it matters."""
        return tuple(sorted(self.ask_writable()))

    @cached_property
    def root(self) -> str:
        return os.path.realpath(self.folder)

    def absolute(self, path: str, base: str = "") -> str:
        """Return what `path` means in the folder, or in its subfolder `base`; no link is followed."""
        joined = os.path.join(self.folder, base, path)
        if self.staging is not None and _lies_in(joined, str(self.staging)):
            joined = str(self.folder) + joined[len(str(self.staging)) :]
        return joined

    def real(self, path: str, base: str = "") -> str:
        """Return where `path` leads to, links followed; the outermost place where readings of it differ."""
        if path.startswith("~"):
            return path
        if "\0" in path:
            return path.replace("\0", "")
        joined = self.absolute(path, base)
        # Compose takes `link/..` away before it looks at links, the kernel does not.
        found = [os.path.realpath(joined), os.path.realpath(os.path.normpath(joined))]
        return next((place for place in found if not _lies_in(place, self.root)), found[0])

    def written(self, path: str) -> str:
        """Return what `path` means as it is written, as if there were no links below the folder's own."""
        return os.path.normpath(self.absolute(path).replace(str(self.folder), self.root, 1))

    def has(self, path: str, base: str = "") -> bool:
        """Tell whether `path` leads to a place in the app's folder, however it is written."""
        return _lies_in(self.real(path, base), self.root)

    def is_panels(self, path: str) -> bool:
        """Tell whether `path` is the app's folder itself, or one of the panel's own files in it."""
        real = self.real(path)
        first = real[len(self.root) :].strip("/").partition("/")[0]
        return _lies_in(real, self.root) and (not first or _PANEL_FILES.fullmatch(first) is not None)

    def is_deep(self, real: str) -> bool:
        """Tell whether the real path lies in a subfolder: only there can a container exchange it."""
        return "/" in os.path.relpath(real, self.root)

    def shown(self, path: str) -> str:
        """Return `path` as people write it: without the folder in which Compose read it."""
        staging = str(self.staging) if self.staging is not None else ""
        return path.replace(f"{staging}/", "./").replace(staging, ".") if staging else path


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def lies_below(path: str, folders: Iterable[str]) -> str:
    """Return the first of `folders` that `path` lies below, empty where there is none."""
    return next((folder for folder in folders if path != folder and _lies_in(path, folder)), "")


def is_remote(path: str) -> bool:
    """Tell whether Compose would fetch `path` from an address instead of reading it."""
    return _REMOTE.match(path) is not None


def reaches_engine(path: str) -> bool:
    """Tell whether the host's `path` is a socket of an engine, or a folder that such a socket lies in."""
    if path.startswith("~"):
        return _SOCKET_NAME.fullmatch(path) is not None
    paths = {os.path.normpath(path), os.path.realpath(path)}
    paths |= {re.sub(r"^/var/run(?=/|$)", "/run", one) for one in paths}
    paths |= {re.sub(r"^/run/user/\d+(?=/|$)", "/run/user/0", one) for one in paths}
    return any(
        _SOCKET_NAME.fullmatch(one) or any(_lies_in(socket, one) for socket in _SOCKETS) for one in paths
    ) or bool(paths & {"/var", "/var/run"})
