"""One app with its versions, events and log lines, written as the panel would have left them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from apps.applications.models import App, ComposeVersion
from apps.core.secret import Secret
from apps.deployments.models import DeployEvent, DeployLog
from apps.registries.models import RegistryCredential

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
YAML = "services:\n  web:\n    image: registry.example.com/web:1\n"
HISTORY = (DeployEvent, DeployLog, ComposeVersion)


def make_app(slug: str = "web", **fields: Any) -> App:
    """Return a stored app."""
    return App.objects.create(slug=slug, name=fields.pop("name", slug.title()), **fields)


def make_version(app: App, number: int = 1, environment: str = "") -> ComposeVersion:
    """Return a stored version of `app`."""
    yaml = f"# {number}\n{YAML}"
    return ComposeVersion.objects.create(
        app=app,
        number=number,
        yaml=yaml,
        environment=Secret(environment),
        sha256=sha256((yaml + environment).encode()).hexdigest(),
        author_name="ada",
    )


def make_event(app: App, *, at: datetime = NOON, **fields: Any) -> DeployEvent:
    """Return a stored event that was queued at `at` and has ended."""
    end = {"status": "succeeded", "started_at": at, "finished_at": at + timedelta(seconds=2.5)}
    asked = {"action": "deploy", "requested_by": "ada"}
    ending = {name: fields.pop(name, value) for name, value in end.items()}
    event = DeployEvent.objects.create(app=app, slug=app.slug, **asked | fields)
    # Only an event that has not ended changes.
    DeployEvent.objects.filter(pk=event.pk).update(queued_at=at, **ending)
    event.refresh_from_db()
    return event


def make_chunk(event: DeployEvent, first: int = 1, *texts: str) -> DeployLog:
    """Return stored log lines of `event`."""
    lines = [[NOON.isoformat(), "stdout", text] for text in texts or ("Pulling web",)]
    return DeployLog.objects.create(
        event=event, first_seq=first, last_seq=first + len(lines) - 1, lines=lines
    )


def make_credential(
    host: str = "registry.example.com", password: str = "hunter2-very-secret"
) -> RegistryCredential:
    """Return a stored credential."""
    return RegistryCredential.objects.create(host=host, username="robot", password=Secret(password))


def make_records() -> DeployEvent:
    """Store one of each; return the event."""
    app = make_app()
    version = make_version(app)
    app.current_version = version
    app.save()
    event = make_event(app, version=version)
    make_chunk(event)
    return event


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """Return every stored row of the history, and of the apps that it belongs to, as the database has it."""
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in HISTORY}
    for version in rows["ComposeVersion"]:
        version["environment"] = version["environment"].reveal()
    return rows | {"App": list(App.objects.order_by("pk").values())}
