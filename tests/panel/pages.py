"""What tests of pages look at."""

from typing import Any

from django.test import Client

from apps.accounts.actor import Actor
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import create_app, store_version
from tests.panel.admin_records import make_event

HTMX = {"HX-Request": "true"}
YAML = "services:\n  web:\n    image: nginx:alpine\n"
BY = Actor("ada", "command line")


def make_app(slug: str = "shop", **columns: Any) -> App:
    """Return an app whose version 1 is the current one."""
    app = create_app(slug, columns.pop("name", ""), BY)
    version = make_version(app, YAML)
    App.objects.filter(pk=app.pk).update(current_version=version, **columns)
    app.refresh_from_db()
    return app


def make_version(app: App, yaml: str, environment: str = "", note: str = "") -> ComposeVersion:
    """Return the version of `app` with this content."""
    return store_version(app, Content.read(yaml, environment), BY, note)[0]


def text(client: Client, address: str, **headers: str) -> str:
    """Return the page at `address`, which must be there."""
    response = client.get(address, headers=headers)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def make_deployed_app(slug: str = "shop") -> App:
    """Return an app with the event that deployed it, which knows what its file asks for."""
    app = make_app(slug)
    web = {"service": "web", "replicas": 1, "one_shot": False, "must_end": False, "may_end": False}
    make_event(app, version=app.current_version, expected=[web])
    return app
