"""Apps and versions in the admin."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.models import Role
from apps.applications.models import App
from apps.core.secret import MASK
from tests.accounts.people import make_person
from tests.panel.admin_records import make_app, make_version

pytestmark = pytest.mark.django_db


def page_of(app: App) -> str:
    return reverse("admin:applications_app_change", args=[app.pk])


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMINISTRATOR])
def test_an_owner_changes_the_name_and_the_time_limit(client: Client, role: str) -> None:
    app = make_app()
    client.force_login(make_person("dora", role))

    response = client.post(
        page_of(app), {"name": "Shop", "verify_timeout": "300", "slug": "other", "removed_at_0": "2026-01-01"}
    )

    assert response.status_code == 302
    app.refresh_from_db()
    assert (app.name, app.verify_timeout, app.slug, app.removed_at) == ("Shop", 300, "web", None)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_deploy_changes_nothing(client: Client, role: str) -> None:
    app = make_app()
    client.force_login(make_person("vic", role))

    assert list(client.get(page_of(app)).context["adminform"].form.fields) == []
    assert client.post(page_of(app), {"name": "Shop", "verify_timeout": "300"}).status_code == 403

    app.refresh_from_db()
    assert app.name == "Web"


@pytest.mark.parametrize("seconds", ["0", "3601", "-5", "soon"])
def test_it_refuses_an_impossible_time_limit(client: Client, seconds: str) -> None:
    app = make_app()
    client.force_login(make_person("dora", Role.OWNER))

    response = client.post(page_of(app), {"name": "Shop", "verify_timeout": seconds})

    assert response.status_code == 200
    assert "verify_timeout" in response.context["adminform"].form.errors
    app.refresh_from_db()
    assert app.name == "Web"


def test_a_deploy_that_ends_meanwhile_keeps_its_version(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    version = make_version(app)
    client.force_login(make_person("dora", Role.OWNER))
    save = App.save

    def save_after_the_deploy(self: App, *args: object, **kwargs: object) -> None:
        App.objects.filter(pk=self.pk).update(current_version=version)
        save(self, *args, **kwargs)

    monkeypatch.setattr(App, "save", save_after_the_deploy)
    client.post(page_of(app), {"name": "Shop", "verify_timeout": "120"})

    app.refresh_from_db()
    assert (app.name, app.current_version) == ("Shop", version)


def test_a_removed_app_does_not_change(client: Client) -> None:
    app = make_app(removed_at=timezone.now())
    client.force_login(make_person("ada", Role.ADMINISTRATOR))

    assert client.get(page_of(app)).status_code == 200
    assert client.post(page_of(app), {"name": "Shop", "verify_timeout": "300"}).status_code == 403


def test_the_lists_take_the_same_number_of_queries_for_many_rows(client: Client) -> None:
    client.force_login(make_person("vic", Role.VIEWER))
    counts: dict[str, list[int]] = {"applications_app": [], "applications_composeversion": []}
    number = 0
    for _round in range(2):
        for _more in range(10):
            number += 1
            app = make_app(f"app{number}")
            app.current_version = make_version(app)
            app.save()
        for name, seen in counts.items():
            client.get(reverse(f"admin:{name}_changelist"))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
            assert not any('"yaml"' in query["sql"] for query in queries), "a list loads no files"
            seen.append(len(queries))

    for name, (few, many) in counts.items():
        assert few == many <= 10, name


def test_a_version_shows_its_file_and_masks_its_environment(client: Client) -> None:
    version = make_version(make_app(), environment="# for mail\nSMTP_PASSWORD=hunter2-very-secret\n")
    client.force_login(make_person("vic", Role.VIEWER))

    page = client.get(reverse("admin:applications_composeversion_change", args=[version.pk])).content.decode()

    assert "image: registry.example.com/web:1" in page
    assert f"SMTP_PASSWORD={MASK}" in page
    assert "hunter2" not in page


def test_a_version_whose_key_is_lost_says_so(client: Client, settings: Settings) -> None:
    version = make_version(make_app(), environment="A=hunter2-very-secret")
    # A session does not outlive the key either.
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    client.force_login(make_person("vic", Role.VIEWER))

    response = client.get(reverse("admin:applications_composeversion_change", args=[version.pk]))

    assert response.status_code == 200
    assert "cannot be decrypted" in response.content.decode()


def test_markup_in_a_file_is_shown_and_not_run(client: Client) -> None:
    app = make_app(name="<script>alert(1)</script>")
    version = make_version(app, environment="A=1 # <script>alert(2)</script>\n")
    client.force_login(make_person("vic", Role.VIEWER))

    for address in (
        page_of(app),
        reverse("admin:applications_app_changelist"),
        reverse("admin:applications_composeversion_change", args=[version.pk]),
    ):
        assert "<script>alert" not in client.get(address).content.decode()
