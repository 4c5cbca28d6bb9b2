"""What `manage.py check` finds about the keys of this machine."""

import os
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.utils.translation import gettext

from apps.core.key_file import KeyFile


@register()
def keys_are_private(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn where others than the panel's user may read the file of the encryption keys."""
    keys = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS
    if not isinstance(keys, KeyFile) or not keys.path.exists():
        return []
    found = keys.path.stat()
    mode = found.st_mode & 0o777
    # A file of somebody else's is how that one hands keys over (Docker's secrets are so).
    if not mode & 0o077 or found.st_uid != os.geteuid():
        return []
    return [
        Warning(
            gettext("%(path)s, with the keys of all stored secrets, may be read by others (mode %(mode)o).")
            % {"path": keys.path, "mode": mode},
            hint=f"chmod 600 {keys.path}",
            id="simpledeploy.W010",
        )
    ]
