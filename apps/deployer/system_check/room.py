"""How much room is left where something lies."""

import shutil
from pathlib import Path

from django.utils.translation import gettext as _

from apps.deployer.prune.inventory import shown_size
from apps.deployer.system_check.findings import Finding, State

# Bytes that must be free: below the first hardly an image fits, below the second writing fails soon.
LOW, TOO_LOW = 2 * 10**9, 200 * 10**6


def room(id: str, title: str, path: Path, mend: str, command: str) -> Finding:
    """Say how much is free on the file system of `path`."""
    try:
        found = shutil.disk_usage(path)
    except OSError as error:
        means = _("%(path)s cannot be looked at: %(why)s.") % {"path": path, "why": error.strerror}
        return Finding(id, title, State.UNKNOWN, means)
    told = {"free": shown_size(found.free), "total": shown_size(found.total), "path": path}
    means = _("%(free)s of %(total)s are free at %(path)s.") % told
    if found.free >= LOW:
        return Finding(id, title, State.GOOD, means)
    state = State.BAD if found.free < TOO_LOW else State.WARNING
    return Finding(id, title, state, means, mend, command)
