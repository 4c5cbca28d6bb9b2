"""What Compose reads besides the Compose file, found before it reads anything.

`docker compose config` itself opens what `include`, `extends`, `env_file` and `label_file` name, with the
panel's rights: a file outside of the app's folder would come into its answer or its words, and a pipe would
never end. So these paths are looked at in the file as it stands, in the files that they lead to, and so on.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.formats import number_format
from django.utils.translation import gettext

from apps.applications.compose_file import Node, tree
from apps.applications.host_rules.ground import Ground, is_remote, lies_below
from apps.applications.host_rules.nodes import children, entries, odd_tags, values
from apps.applications.host_rules.rules import Found, HostRule
from apps.applications.host_rules.variables import interpolated
from apps.core.regular_file import NotRead, read_regular

MAX_FILE_BYTES = 1024 * 1024
_MOST_FILES = 50

Place = tuple[int, int] | None


@dataclass
class Reads:
    """What asks too much, and the real paths of what Compose reads in the app's folder, with their lines."""

    found: list[Found] = field(default_factory=list)
    files: list[tuple[str, Place]] = field(default_factory=list)


def read_by_compose(text: str, environment: Mapping[str, str], ground: Ground) -> Reads:
    """Return what Compose would read for the Compose file `text`, whose variables are `environment`."""
    search = _Search(environment, ground)
    search.file(text, "", None)
    return search.reads


class _Search:
    def __init__(self, environment: Mapping[str, str], ground: Ground) -> None:
        self.environment, self.ground = environment, ground
        self.reads = Reads()
        self.seen: set[tuple[str, str]] = set()

    def file(self, text: str, base: str, reached_from: Place) -> None:
        """Look at a Compose file whose relative paths mean those below `base`.

        `reached_from` is the place in the app's own file that led to it, None for that file itself.
        """
        root = tree(text)
        if root is None:
            self.refuse(
                HostRule.UNKNOWN, reached_from, gettext("It cannot be told what the file holds."), "file"
            )
            return
        for node in odd_tags(root):
            self.refuse(
                HostRule.UNKNOWN,
                reached_from or (node.line, node.column),
                gettext("The policy does not know what the tag %(tag)r makes of a value.")
                % {"tag": node.tag},
                node.tag,
            )
        for include in values(root, "include"):
            for entry in entries(include):
                self.include(entry, base, reached_from)
        for services in values(root, "services"):
            for service in children(services):
                self.service(service, base, reached_from)

    def service(self, service: Node, base: str, reached_from: Place) -> None:
        for key in ("env_file", "label_file"):
            for value in values(service, key):
                for entry in entries(value):
                    for path in _paths(entry):
                        self.path(path, base, reached_from)
        for extends in values(service, "extends"):
            for file in values(extends, "file"):
                real = self.path(file, base, reached_from)
                if real:
                    self.follow(real, os.path.dirname(real), reached_from or (file.line, file.column))

    def include(self, entry: Node, base: str, reached_from: Place) -> None:
        """Look at one entry of `include`: a path, or paths with the folder and environment of these."""
        place = reached_from or (entry.line, entry.column)
        paths = list(_paths(entry))
        reals = [self.path(path, base, reached_from) for path in paths]
        for file in values(entry, "env_file"):
            for path in entries(file):
                self.path(path, base, reached_from)
        folders = [self.path(folder, base, reached_from) for folder in values(entry, "project_directory")]
        for real in reals:
            # The folder of the first file, unless one is given; of merged ones it is unknown which counts.
            for folder in folders or [os.path.dirname(reals[0] or "")]:
                if real and folder:
                    self.plain(".env", folder, place)
                    self.follow(real, folder, place)

    def follow(self, real: str, folder: str, place: Place) -> None:
        """Look at the Compose file `real`, whose relative paths mean those in `folder`."""
        if (real, folder) in self.seen or not os.path.isfile(real):
            return
        self.seen.add((real, folder))
        if len(self.seen) > _MOST_FILES:
            self.refuse(
                HostRule.UNKNOWN,
                place,
                gettext("More than %(most)s files are included.") % {"most": _MOST_FILES},
                "include",
            )
            return
        try:
            text = read_regular(Path(real), MAX_FILE_BYTES).decode("utf-8")
        except (NotRead, UnicodeDecodeError):
            text = ""
        self.file(text, folder, place)

    def path(self, node: Node, base: str, reached_from: Place) -> str:
        """Look at one path that Compose reads; return where it leads to, empty where it is not followed."""
        place = reached_from or (node.line, node.column)
        if node.kind != "scalar" or not node.value:
            return ""
        # What an included file's variables are is decided by files of its own.
        known = {} if reached_from else self.environment
        path = interpolated(node.value, known)
        if path is None:
            self.refuse(
                HostRule.FILES,
                place,
                gettext(
                    "It cannot be told which file %(value)r is: write the path without variables, or "
                    "give each one a value in the app's environment."
                )
                % {"value": node.value},
                node.value,
            )
            return ""
        return self.plain(path, base, place)

    def plain(self, path: str, base: str, place: Place) -> str:
        if is_remote(path):
            self.refuse(
                HostRule.REMOTE,
                place,
                gettext("%(path)r would be fetched from an address.") % {"path": path},
                path,
            )
            return ""
        real = self.ground.real(path, base)
        if not self.ground.has(path, base):
            self.refuse(
                HostRule.FILES,
                place,
                gettext("%(path)s is outside of the app's folder.") % {"path": path},
                real,
            )
            return ""
        if problem := _not_readable(real):
            self.refuse(
                HostRule.FILES,
                place,
                gettext("%(path)s %(problem)s.") % {"path": path, "problem": problem},
                real,
            )
            return ""
        folder = "" if self.ground.is_panels(real) else _in(real, self.ground.writable)
        if folder:
            self.refuse(HostRule.FILES, place, exchanged(path, folder), real)
            return ""
        self.reads.files.append((real, place))
        return real

    def refuse(self, rule: HostRule, place: Place, sentence: str, subject: str) -> None:
        self.reads.found.append(Found(rule, (), sentence, subject=subject, place=place))


def exchanged(path: str, folder: str) -> str:
    """Return why `path` is not taken, which a container can exchange as it may write into `folder`."""
    return gettext(
        "A container may write into %(folder)s, and could exchange %(path)s for a link "
        "to anywhere on the host: move it out of that folder, or bind that one read-only."
    ) % {"folder": os.path.basename(folder), "path": path}


def _in(path: str, folders: tuple[str, ...]) -> str:
    return path if path in folders else lies_below(path, folders)


def _paths(entry: Node) -> Iterator[Node]:
    """Yield the paths of an entry: itself, or those under its `path`."""
    if entry.kind == "mapping":
        for value in values(entry, "path"):
            yield from entries(value)
    else:
        yield entry


def _not_readable(path: str) -> str:
    """Return why Compose must not read `path`; empty where it may, or where it will say so itself."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    if stat.S_ISDIR(status.st_mode):
        return ""
    if not stat.S_ISREG(status.st_mode):
        return gettext("is no regular file")
    if status.st_size > MAX_FILE_BYTES:
        return gettext("is larger than %(limit)s bytes") % {
            "limit": number_format(MAX_FILE_BYTES, force_grouping=True)
        }
    return ""
