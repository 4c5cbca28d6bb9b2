"""What Compose said of the contents that were just asked about, so that their deploys need not ask again."""

import time
from collections import OrderedDict
from threading import Lock

from apps.applications.content import Content
from apps.applications.host_rules.rules import HostRights
from apps.deployer.check import Checked

_SECONDS = 60.0  # the files beside the content may change; nobody should plan by an old answer
_MOST = 20
_LARGEST = 100_000  # characters of a file: larger ones are rare, and their models take memory

_kept: OrderedDict[tuple[str, str, str, HostRights], tuple[float, Checked]] = OrderedDict()
_lock = Lock()


def keep(slug: str, content: Content, checked: Checked, host_rules: HostRights, pins: str = "") -> None:
    """Remember what Compose made of `content` with `pins` for app `slug`: in memory, a minute long.

    It holds for those who may ask the same of the host. What is wrong with a content is not kept: it is said
    in the language of whoever asked.
    """
    if len(content.yaml) > _LARGEST or not checked.valid:
        return
    with _lock:
        _kept[slug, content.sha256, pins, host_rules] = (time.monotonic(), checked)
        _forget()


def find(slug: str, content: Content, host_rules: HostRights, pins: str = "") -> Checked | None:
    """Return what `keep` was last given for these, None where that is too long ago or was never."""
    with _lock:
        _forget()
        found = _kept.get((slug, content.sha256, pins, host_rules))
    return found[1] if found else None


def forget_all() -> None:
    """Remember nothing."""
    with _lock:
        _kept.clear()


def _forget() -> None:
    oldest = time.monotonic() - _SECONDS
    for key in [key for key, (at, _checked) in _kept.items() if at < oldest]:
        del _kept[key]
    while len(_kept) > _MOST:
        _kept.popitem(last=False)
