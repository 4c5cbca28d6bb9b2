import pytest
from django.db import DatabaseError, connection
from django.test import Client

from apps.accounts.models import User

pytestmark = pytest.mark.django_db


def test_it_answers_without_an_account(client: Client) -> None:
    for _claimed in (False, True):
        response = client.get("/healthz")
        assert response.status_code == 200
        assert response.json() == {"status": "ok"}
        assert not response.cookies
        User.objects.get_or_create(username="ada")


def test_it_says_503_and_nothing_else_when_the_database_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise DatabaseError("could not connect to host db.internal as panel")

    monkeypatch.setattr(connection, "cursor", broken)

    response = client.get("/healthz")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable"}


def test_it_rejects_what_is_no_question(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.head("/healthz").status_code == 200
