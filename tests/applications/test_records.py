import json

import pytest
from cryptography.fernet import Fernet

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.records import app_record, version_record
from apps.applications.services import create_app, store_version

YAML = "services:\n  web:\n    image: nginx\n"


@pytest.fixture
def version(db):
    by = Actor("alice", "web 127.0.0.1", User.objects.create_user("alice"))
    app = create_app("shop", "The shop", by)
    version, _ = store_version(app, Content(YAML, "B=hunter2hunter2\nA=1\nB=3\n"), by, note="first")
    App.objects.filter(pk=app.pk).update(current_version=version)
    return ComposeVersion.objects.get(pk=version.pk)


def test_an_app_is_its_columns(version):
    app = App.objects.get()
    assert app_record(app) == {
        "id": app.pk,
        "slug": "shop",
        "name": "The shop",
        "tags": [],
        "project": "simpledeploy-shop",
        "current_version": 1,
        "verify_timeout": 120,
        "calm_seconds": 5,
        "auto_rollback": False,
        "protected": False,
        "created_by": "alice",
        "created_at": app.created_at.isoformat(),
        "removed_at": None,
    }


def test_a_version_is_its_columns_and_of_its_environment_the_names(version):
    record = version_record(version)
    assert record == {
        "id": version.pk,
        "app": "shop",
        "number": 1,
        "yaml": YAML,
        "environment": ["B", "A"],
        "sha256": version.sha256,
        "note": "first",
        "author": "alice",
        "created_at": version.created_at.isoformat(),
    }
    assert "hunter2" not in json.dumps(record)


def test_without_the_key_the_names_are_unknown_and_the_rest_is_told(version, settings):
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    record = version_record(version)
    assert (record["environment"], record["number"]) == (None, 1)
