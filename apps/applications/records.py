"""Apps and versions as they stand in JSON: their columns, without secrets."""

from datetime import datetime
from typing import Any

from apps.applications.environment import parse
from apps.applications.models import App, ComposeVersion
from apps.applications.tags import tags_of
from apps.core.secret import UndecryptableError


def app_record(app: App) -> dict[str, Any]:
    """Return the columns of `app`; versions by number, people by name, times in ISO 8601."""
    return {
        "id": app.pk,
        "slug": app.slug,
        "name": app.name,
        "tags": tags_of(app),
        "project": app.project,
        "current_version": app.current_version.number if app.current_version else None,
        "verify_timeout": app.verify_timeout,
        "calm_seconds": app.calm_seconds,
        "auto_rollback": app.auto_rollback,
        "protected": app.protected,
        "created_by": app.created_by.get_username() if app.created_by else None,
        "created_at": _iso(app.created_at),
        "removed_at": _iso(app.removed_at),
    }


def version_record(version: ComposeVersion) -> dict[str, Any]:
    """Return the columns of `version`; of its environment only the names."""
    return {
        "id": version.pk,
        "app": version.app.slug,
        "number": version.number,
        "yaml": version.yaml,
        "environment": _environment_names(version),
        "sha256": version.sha256,
        "note": version.note,
        "author": version.author_name,
        "created_at": _iso(version.created_at),
    }


def _environment_names(version: ComposeVersion) -> list[str] | None:
    try:
        text = version.environment.reveal()
    except UndecryptableError:
        # A list of versions is still worth having; None says that the names cannot be known.
        return None
    return list(dict.fromkeys(assignment.name for assignment in parse(text).assignments))


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
