"""Registry credentials on their pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.core.errors import DomainError
from apps.deployer import registry_login
from apps.deployer.registry_login import RegistryRefused
from apps.registries.models import RegistryCredential
from tests.accounts.people import ROLES
from tests.panel.admin_records import make_credential
from tests.panel.pages import HTMX, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
PASSWORD = "hunter2-very-secret"
TYPED = {"host": "ghcr.io", "username": "robot", "password": PASSWORD, "only_apps": ""}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[DomainError]:
    """What the registry says to a sign-in: an error that is put in here, or nothing."""
    errors: list[DomainError] = []

    def check_login(credential: RegistryCredential) -> None:
        assert credential.password.reveal() == PASSWORD
        if errors:
            raise errors[0]

    monkeypatch.setattr(registry_login, "check_login", check_login)
    return errors


def test_the_list_shows_hosts_and_no_passwords(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    make_credential("ghcr.io", PASSWORD)
    page = text(client, "/registries/")
    assert "ghcr.io" in page
    assert "robot" in page
    assert PASSWORD not in page


def test_an_empty_list_says_what_credentials_are_for(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    assert "Public images need none." in text(client, "/registries/")


def test_a_credential_is_added(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)

    response = client.post(
        "/registries/add/", TYPED | {"host": "https://GHCR.io/", "only_apps": " shop  blog "}
    )

    credential = RegistryCredential.objects.get()
    assert response["Location"] == "/registries/"
    assert (credential.host, credential.username) == ("ghcr.io", "robot")
    assert credential.password.reveal() == PASSWORD
    assert credential.only_apps == "shop blog"
    assert "The credential for ghcr.io was saved." in text(client, "/registries/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "not a host"}, "is no registry host"),
        ({"host": ""}, "This field is required"),
        ({"username": "a:b"}, "holds no colon"),
        ({"username": ""}, "This field is required"),
        ({"password": ""}, "This field is required"),
        ({"host": "index.docker.io"}, "already exists"),
    ],
)
def test_it_refuses_a_credential_that_cannot_be(
    client: Client, person: Person, fields: dict[str, str], words: str
) -> None:
    person(Role.ADMINISTRATOR)
    make_credential("docker.io", "another-secret")

    response = client.post("/registries/add/", TYPED | fields)

    assert response.status_code == 400
    assert words in response.content.decode()
    assert PASSWORD not in response.content.decode()
    assert RegistryCredential.objects.get().password.reveal() == "another-secret"


def test_a_credential_is_changed_and_its_password_stays_where_none_is_typed(
    client: Client, person: Person
) -> None:
    person(Role.ADMINISTRATOR)
    credential = make_credential("ghcr.io", PASSWORD)
    address = f"/registries/{credential.pk}/"
    assert PASSWORD not in text(client, address)

    response = client.post(address, {"host": "evil.example", "username": "other", "password": ""})

    credential.refresh_from_db()
    assert response["Location"] == "/registries/"
    assert (credential.host, credential.username) == ("ghcr.io", "other")
    assert credential.password.reveal() == PASSWORD
    client.post(address, {"username": "other", "password": "new-secret"})
    credential.refresh_from_db()
    assert credential.password.reveal() == "new-secret"


def test_a_credential_is_removed_after_a_question(client: Client, person: Person) -> None:
    person(Role.ADMINISTRATOR)
    credential = make_credential("ghcr.io", PASSWORD)
    address = f"/registries/{credential.pk}/remove/"

    assert "Remove the credential for ghcr.io?" in text(client, address)
    assert RegistryCredential.objects.exists()
    assert client.post(address)["Location"] == "/registries/"
    assert not RegistryCredential.objects.exists()


def test_a_check_says_that_the_registry_accepts(
    client: Client, person: Person, answers: list[DomainError]
) -> None:
    person(Role.ADMINISTRATOR)
    address = f"/registries/{make_credential('ghcr.io', PASSWORD).pk}/check/"

    fragment = client.post(address, headers=HTMX).content.decode()
    page = client.post(address, follow=True).content.decode()

    assert fragment.startswith('<span class="sign sign-good">')
    assert "ghcr.io accepts robot" in fragment
    assert "ghcr.io accepts robot" in page


def test_a_check_says_why_the_registry_refuses(
    client: Client, person: Person, answers: list[DomainError]
) -> None:
    person(Role.ADMINISTRATOR)
    answers.append(RegistryRefused("The sign-in at ghcr.io as robot failed: unauthorized"))
    address = f"/registries/{make_credential('ghcr.io', PASSWORD).pk}/check/"

    fragment = client.post(address, headers=HTMX).content.decode()
    page = client.post(address, follow=True).content.decode()

    assert fragment.startswith('<span class="sign sign-bad">')
    assert "failed: unauthorized" in fragment
    assert "failed: unauthorized" in page


@pytest.mark.parametrize("role", ROLES)
def test_only_administrators_see_registries(
    client: Client, person: Person, answers: list[DomainError], role: str
) -> None:
    person(role)
    pk = make_credential("ghcr.io", PASSWORD).pk
    may = role == Role.ADMINISTRATOR
    requests: list[Any] = [
        client.get("/registries/"),
        client.get("/registries/add/"),
        client.get(f"/registries/{pk}/"),
        client.get(f"/registries/{pk}/remove/"),
        client.post(f"/registries/{pk}/check/"),
        client.post("/registries/add/", TYPED | {"host": "other.example"}),
        client.post(f"/registries/{pk}/remove/"),
    ]
    assert [one.status_code for one in requests] == ([200] * 4 + [302] * 3 if may else [403] * 7)
    assert (RegistryCredential.objects.get().host == "other.example") is may
    assert ('href="/settings/"' in client.get("/events/").content.decode()) is may


def test_they_need_a_sign_in_and_the_right_method(client: Client, person: Person) -> None:
    pk = make_credential("ghcr.io", PASSWORD).pk
    for address in ("/registries/", "/registries/add/", f"/registries/{pk}/", f"/registries/{pk}/remove/"):
        assert client.get(address)["Location"].startswith("/login/")
    assert client.post(f"/registries/{pk}/remove/")["Location"].startswith("/login/")
    person(Role.ADMINISTRATOR)
    assert client.get(f"/registries/{pk}/check/").status_code == 405
    assert client.get(f"/registries/{pk + 1}/").status_code == 404
    assert client.post(f"/registries/{pk + 1}/check/").status_code == 404
