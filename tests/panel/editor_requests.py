"""What the tests of the editor send, and the app that they edit."""

from typing import Any

from django.test import Client

from apps.applications.models import App
from tests.panel.pages import YAML, make_app, make_version

SECRET = "hunter2-hunter2"
ENVIRONMENT = f"# the database\nPASSWORD={SECRET}\nMODE=fast\n"
NEWER = "services:\n  web:\n    image: nginx:1.29\n"


def new_app(client: Client, **fields: Any) -> Any:
    posted = {"slug": "shop", "name": "", "compose": YAML, "environment": "", "note": "", "intent": "deploy"}
    return client.post("/apps/new/", posted | fields)


def new_version(client: Client, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    posted = {"compose": NEWER, "environment": "", "note": "", "base": 1, "seen": 1, "intent": "deploy"}
    return client.post("/apps/shop/edit/", posted | fields, headers=headers)


def app_with_environment() -> App:
    app = make_app()
    version = make_version(app, YAML, ENVIRONMENT)
    App.objects.filter(pk=app.pk).update(current_version=version)
    return app
