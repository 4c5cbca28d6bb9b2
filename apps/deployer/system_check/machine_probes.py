"""Probes of the machine: folders, keys, memory-backed room for secrets, limits."""

import os
import resource
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.key_file import KeyFile
from apps.deployer.memory_folder import NoMemoryFolder, memory_folder
from apps.deployer.system_check.findings import Finding, State
from apps.deployer.system_check.room import room

# Open files: each live page, log and command takes some.
_OPEN_FILES = 1024


def probe_data_folder() -> Iterator[Finding]:
    """Is the data folder private, writable, and is there room?"""
    path, title = Path(settings.SIMPLEDEPLOY_DATA_DIR), _("Data folder")
    quoted = shlex.quote(str(path))
    try:
        found = path.stat()
    except OSError as error:
        means = _("%(path)s cannot be looked at: %(why)s.") % {"path": path, "why": error.strerror}
        yield Finding("data-folder", title, State.BAD, means, _("Make it."), f"mkdir -m 700 {quoted}")
        return
    if found.st_mode & 0o077:
        means = _(
            "Others on this machine may look into %(path)s, where keys and database lie (mode %(mode)o)."
        )
        told = means % {"path": path, "mode": found.st_mode & 0o777}
        mend = _("Let only the panel's user in.")
        yield Finding("data-folder", title, State.BAD, told, mend, f"chmod 700 {quoted}")
    elif problem := _write_problem(path):
        yield Finding(
            "data-folder", title, State.BAD, problem, _("Give it to the panel's user."), _chown(path)
        )
    else:
        means = _("Only the panel's user reads and writes %(path)s.") % {"path": path}
        yield Finding("data-folder", title, State.GOOD, means)
    mend = _("Delete output of old events that nobody needs any more, or give it a larger disk.")
    yield room("data-disk", _("Room for the panel"), path, mend, "manage.py prune_logs --older-than 365")


def probe_apps_folder() -> Finding:
    """Can the files of apps be written?"""
    path, title = Path(settings.SIMPLEDEPLOY_APPS_DIR), _("Folder of the apps' files")
    if not path.exists() and not _write_problem(path.parent):
        means = _("%(path)s is made by the first deploy.") % {"path": path}
        return Finding("apps-folder", title, State.GOOD, means)
    if problem := _write_problem(path):
        mend = _("Give it to the panel's user.")
        return Finding("apps-folder", title, State.BAD, problem, mend, _chown(path))
    means = _("%(path)s can be written.") % {"path": path}
    return Finding("apps-folder", title, State.GOOD, means)


def probe_keys() -> Finding:
    """Are the encryption keys there, and for the panel's user alone?"""
    keys, title = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS, _("Encryption keys")
    if not isinstance(keys, KeyFile):
        means = _(
            "They come from the environment. Keep a copy elsewhere: without them no secret can be read."
        )
        return Finding("keys", title, State.GOOD, means)
    try:
        found = keys.path.stat()
    except OSError:
        means = _("%(path)s is gone. The running panel still knows the keys; after a restart it would not.")
        mend = _("Put it back from your backup before you restart the panel.")
        return Finding("keys", title, State.BAD, means % {"path": keys.path}, mend)
    mode = found.st_mode & 0o777
    # A file of somebody else's is how that one hands keys over (Docker's secrets are so).
    if mode & 0o077 and found.st_uid == os.geteuid():
        means = _("%(path)s, with the keys of all stored secrets, may be read by others (mode %(mode)o).")
        command = f"chmod 600 {shlex.quote(str(keys.path))}"
        mend = _("Let only the panel's user read it.")
        return Finding("keys", title, State.BAD, means % {"path": keys.path, "mode": mode}, mend, command)
    means = _(
        "%(path)s is for the panel's user alone. Keep a copy elsewhere: without it no secret can be read."
    )
    return Finding("keys", title, State.GOOD, means % {"path": keys.path})


def probe_memory_folder() -> Finding:
    """Is there a place in memory for credentials that a command reads from a file?"""
    title = _("Memory for credentials")
    try:
        with memory_folder("check") as folder:
            place = folder.parents[2]
    except NoMemoryFolder as problem:
        mend = _("Mount one.")
        return Finding("memory", title, State.BAD, str(problem), mend, "sudo mount -t tmpfs tmpfs /dev/shm")
    means = _("They are handed over in %(place)s, which is in memory; none reaches a disk.") % {
        "place": place
    }
    return Finding("memory", title, State.GOOD, means)


def probe_limits() -> Finding:
    """May the process open enough files?"""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    title = _("Open files")
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        means = _("The panel may have %(count)d files open: with many live pages it comes to an end of them.")
        mend = _("Raise the limit of its service: LimitNOFILE=65536.")
        return Finding("limits", title, State.WARNING, means % {"count": soft}, mend, "ulimit -n 65536")
    count = _("any number of") if soft == resource.RLIM_INFINITY else str(soft)
    return Finding(
        "limits", title, State.GOOD, _("The panel may have %(count)s files open.") % {"count": count}
    )


def probe_backups() -> Finding:
    """Remind of what no probe can see."""
    folder = shlex.quote(str(settings.SIMPLEDEPLOY_DATA_DIR))
    return Finding(
        "backups",
        _("Backups"),
        State.NOTE,
        _(
            "Whether the data folder (and the database, where it is elsewhere) is backed up, the panel "
            "cannot tell; nor that it can be brought back. The apps' volumes are no part of it."
        ),
        _("Copy it while the panel is stopped, or let the database make its own copy. Keep the keys apart."),
        f"tar -czf simpledeploy-$(date +%F).tar.gz -C {folder} .",
    )


def _write_problem(path: Path) -> str:
    """Return why nothing can be written in `path`, in a sentence; "" where it can."""
    try:
        with tempfile.TemporaryFile(dir=path, prefix=".check-"):
            return ""
    except OSError as error:
        return _("%(path)s cannot be written: %(why)s.") % {"path": path, "why": error.strerror}


def _chown(path: Path) -> str:
    return f"sudo chown -R {os.geteuid()} {shlex.quote(str(path))}"
