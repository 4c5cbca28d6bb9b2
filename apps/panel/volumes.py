"""The volumes that would go with an app."""

from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.errors import DomainError
from apps.deployer import requests


def volume_names(app: App) -> list[str] | None:
    """Return the names of the volumes that the current version of `app` declares as its own.

    Volumes that the file calls external belong to somebody else and stay. None: it cannot be told.
    """
    if app.current_version is None:
        return []
    try:
        checked = requests.check(content_of(app.current_version), app.slug)
    except DomainError:
        return None
    if not checked.valid:
        return None
    volumes: dict[str, dict[str, object]] = checked.model.get("volumes") or {}
    return sorted(
        str((volume or {}).get("name", name))
        for name, volume in volumes.items()
        if not (volume or {}).get("external")
    )
