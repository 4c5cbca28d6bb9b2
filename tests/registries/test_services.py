"""Registry credentials: stored encrypted, found for the images that need them."""

import pytest
from django.db import connection

from apps.core.errors import NotFound
from apps.registries.models import RegistryCredential
from apps.registries.services import (
    InvalidCredential,
    credentials_for,
    get_credential,
    remove_credential,
    save_credential,
)
from tests.accounts.people import BY

pytestmark = pytest.mark.django_db


def test_the_password_is_encrypted_in_the_database_and_masked_in_python() -> None:
    credential, is_new = save_credential("ghcr.io", "alice", "s3cret-of-alice", BY)

    assert is_new
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM registry_credentials")
        row = str(cursor.fetchall())
    assert "s3cret-of-alice" not in row
    stored = RegistryCredential.objects.get()
    assert "s3cret" not in f"{stored.password}{stored.password!r}{stored!r}{credential.password}"
    assert stored.password.reveal() == "s3cret-of-alice"


def test_a_second_credential_for_a_host_changes_the_first() -> None:
    save_credential("docker.io", "alice", "one-password", BY)
    credential, is_new = save_credential(
        "https://index.docker.io/v1/", "bob", "other-password", BY, "shop blog"
    )

    assert not is_new
    assert RegistryCredential.objects.get() == credential
    assert (credential.username, credential.password.reveal()) == ("bob", "other-password")


@pytest.mark.parametrize(
    ("username", "password"),
    [("", "p"), ("alice", ""), ("al:ice", "p"), ("alice", "a\nb"), ("al\x00ice", "p"), ("x" * 300, "p")],
)
def test_a_credential_that_cannot_work_is_refused(username: str, password: str) -> None:
    with pytest.raises(InvalidCredential):
        save_credential("ghcr.io", username, password, BY)
    assert not RegistryCredential.objects.exists()


def test_only_what_the_images_need_and_the_app_may_use_is_handed_out() -> None:
    save_credential("docker.io", "a", "password-1", BY)
    save_credential("ghcr.io", "b", "password-2", BY, only_apps="shop")
    save_credential("quay.io", "c", "password-3", BY)
    images = ["nginx:1", "ghcr.io/team/app:2"]

    assert [c.host for c in credentials_for(images, "shop")] == ["docker.io", "ghcr.io"]
    assert [c.host for c in credentials_for(images, "blog")] == ["docker.io"]
    assert credentials_for([], "shop") == []


def test_an_unknown_host_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"no credential for ghcr\.io"):
        get_credential("ghcr.io")
    with pytest.raises(NotFound):
        remove_credential("ghcr.io", BY)


def test_a_removed_credential_is_gone() -> None:
    save_credential("ghcr.io", "a", "password-1", BY)
    remove_credential("GHCR.IO", BY)

    assert not RegistryCredential.objects.exists()
