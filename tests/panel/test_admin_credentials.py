"""Registry credentials in the admin: a password goes in and never comes out."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Role
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.panel.admin_records import make_credential

pytestmark = pytest.mark.django_db

LIST = "/admin/registries/registrycredential/"
ADD = f"{LIST}add/"
SECRET = "s3cret & <pass> wörd "


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_person("ada", Role.ADMINISTRATOR))
    return client


def change_page(credential: RegistryCredential) -> str:
    return reverse("admin:registries_registrycredential_change", args=[credential.pk])


def fields(**changes: str) -> dict[str, str]:
    return {"host": "ghcr.io", "username": "robot", "new_password": SECRET, "only_apps": ""} | changes


def stored_password(credential: RegistryCredential) -> str:
    return RegistryCredential.objects.get(pk=credential.pk).password.reveal()


def assert_nothing_shows(client: Client, secret: str) -> None:
    credential = RegistryCredential.objects.get()
    token = RegistryCredential.objects.get().password.token()
    own = f"{LIST}{credential.pk}/"
    for page in ("/admin/", LIST, change_page(credential), f"{own}history/", f"{own}delete/"):
        text = client.get(page).content.decode()
        for shown in (secret, secret.strip(), "&amp; &lt;pass&gt;", token, "Secret("):
            assert shown not in text, page
    for entry in LogEntry.objects.all():
        written = f"{entry.object_repr} {entry.change_message} {entry}"
        assert secret.strip() not in written
        assert token not in written


def test_it_adds_a_credential(admin: Client) -> None:
    response = admin.post(ADD, fields(host="GHCR.io", only_apps="web\n  mail "), follow=True)

    credential = RegistryCredential.objects.get()
    assert (credential.host, credential.username, credential.only_apps) == ("ghcr.io", "robot", "web mail")
    assert credential.password.reveal() == SECRET
    assert [str(message) for message in response.context["messages"]]
    assert SECRET.strip() not in response.content.decode()
    assert_nothing_shows(admin, SECRET)


def test_the_password_lies_encrypted_in_the_database(admin: Client) -> None:
    admin.post(ADD, fields())
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM registry_credentials")
        (stored,) = cursor.fetchone()
    assert stored.startswith("gAAAA")
    assert SECRET.strip() not in stored


def test_it_replaces_the_password(admin: Client) -> None:
    credential = make_credential()

    response = admin.post(change_page(credential), fields(new_password=SECRET, username="other"), follow=True)

    assert response.status_code == 200
    assert stored_password(credential) == SECRET
    assert RegistryCredential.objects.get().username == "other"
    assert_nothing_shows(admin, SECRET)
    assert_nothing_shows(admin, "hunter2-very-secret")


def test_an_empty_password_keeps_the_stored_one(admin: Client) -> None:
    credential = make_credential()
    token = credential.password.token()

    admin.post(change_page(credential), fields(new_password="", username="other"))

    changed = RegistryCredential.objects.get()
    assert changed.username == "other"
    assert changed.password.token() == token
    assert changed.updated_at > credential.updated_at


def test_the_host_of_a_stored_password_does_not_change(admin: Client) -> None:
    credential = make_credential()

    admin.post(change_page(credential), fields(host="evil.example", new_password=""))

    assert RegistryCredential.objects.get().host == "registry.example.com"


def test_the_form_never_holds_the_password(admin: Client) -> None:
    make_credential()
    page = admin.post(ADD, fields(host="not a host", new_password=SECRET))
    assert page.status_code == 200
    assert "&lt;pass&gt;" not in page.content.decode()
    assert SECRET not in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "ghcr.io/team"}, "host"),
        ({"host": "--config=/x"}, "host"),
        ({"host": "user:pass@ghcr.io"}, "host"),
        ({"host": "https://index.docker.io/v1/"}, "host"),
        ({"username": ""}, "username"),
        ({"username": "a:b"}, "username"),
        ({"username": "a\nb"}, "username"),
        ({"new_password": ""}, "new_password"),
        ({"new_password": "two\nlines"}, "new_password"),
    ],
)
def test_it_refuses_at_the_field(admin: Client, changes: dict[str, str], field: str) -> None:
    make_credential("docker.io")

    response = admin.post(ADD, fields(**changes))

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert RegistryCredential.objects.get().host == "docker.io"


def test_it_removes_credentials_one_by_one_and_together(admin: Client) -> None:
    make_credential("one.example")
    gone = make_credential("two.example")
    make_credential("three.example")

    admin.post(f"{LIST}{gone.pk}/delete/", {"post": "yes"})
    assert not RegistryCredential.objects.filter(host="two.example").exists()

    rest = list(RegistryCredential.objects.values_list("pk", flat=True))
    sent = {"action": "delete_selected", "_selected_action": rest, "post": "yes"}
    response = admin.post(LIST, sent, follow=True)
    assert not RegistryCredential.objects.exists()
    assert "hunter2" not in response.content.decode()


@pytest.mark.parametrize("role", ["", *Role][:-1])
def test_others_neither_see_nor_change_nor_remove_any(client: Client, role: str) -> None:
    credential = make_credential()
    client.force_login(make_person("vic", role))
    bulk = {"action": "delete_selected", "_selected_action": [credential.pk], "post": "yes"}

    refused = 403 if role else 302
    for address in (LIST, ADD, change_page(credential), f"{LIST}{credential.pk}/delete/"):
        assert client.get(address).status_code == refused
        assert client.post(address, fields(post="yes")).status_code == refused
        assert client.post(f"{address}?_popup=1", fields(post="yes", _popup="1")).status_code == refused
    assert client.post(LIST, bulk).status_code == refused
    assert stored_password(credential) == "hunter2-very-secret"
