"""The volumes that would go with an app."""

from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployer import requests


def volume_names(app: App) -> list[str] | None:
    """Return the names of the volumes that the current version of `app` declares as its own.

    Volumes that the file calls external belong to somebody else and stay. None: it cannot be told.
    """
    try:
        checked = requests.check_current(app)
    except DomainError:
        return None
    if checked is None:
        return []
    if not checked.valid:
        return None
    volumes: dict[str, dict[str, object]] = checked.model.get("volumes") or {}
    return sorted(
        str((volume or {}).get("name", name))
        for name, volume in volumes.items()
        if not (volume or {}).get("external")
    )
