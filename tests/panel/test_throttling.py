"""Who tries too often waits: per account, per address, over all processes of the panel."""

import re
import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings

from apps.accounts.models import AuditEntry, Role
from simpledeploy_site import settings
from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db

PER_ACCOUNT, PER_ADDRESS, POSTS = 5, 10, 30
SENTENCE = re.compile(r"That was tried too often. Nothing was done. Try again in (\d+ (second|minute)s?)\.")


def attempt(username: str, password: str = "wrong", address: str = "192.0.2.1", **extra: Any) -> Any:
    fields = {"username": username, "password": password}
    return Client().post("/login/", fields, REMOTE_ADDR=address, **extra)


def refusal_of(response: Any) -> str:
    assert response.status_code == 429
    found = SENTENCE.search(response.content.decode())
    assert found, response.content.decode()
    return found[1]


@pytest.fixture(autouse=True)
def ada() -> None:
    make_person("ada", Role.VIEWER)
    make_person("bob", Role.VIEWER)


def test_an_account_is_shut_for_a_while_from_wherever_one_tries() -> None:
    for number in range(PER_ACCOUNT):
        assert attempt("ada", address=f"192.0.2.{number}").status_code == 200

    assert refusal_of(attempt("ada", PASSWORD, address="198.51.100.7")) == "5 minutes"
    assert refusal_of(attempt("ADA", PASSWORD)) == "5 minutes"
    assert attempt("bob", PASSWORD).status_code == 302


def test_an_account_that_does_not_exist_answers_the_same() -> None:
    for _ in range(PER_ACCOUNT):
        assert attempt("nobody").status_code == 200
    assert refusal_of(attempt("nobody")) == "5 minutes"


def test_the_audit_tells_once_a_minute_that_an_address_tries_too_often() -> None:
    for _ in range(PER_ACCOUNT):
        attempt("ada")
    for _ in range(3):
        refusal_of(attempt("ada"))
    told = AuditEntry.objects.filter(outcome="refused: too many attempts")
    assert [(entry.action, entry.address) for entry in told] == [("session.sign_in_failed", "192.0.2.1")]

    refusal_of(attempt("ada", address="198.51.100.7"))
    assert told.all().count() == 2


def test_the_count_is_one_whatever_the_host_is_called() -> None:
    for number in range(PER_ACCOUNT):
        attempt("ada", address=f"192.0.2.{number}", HTTP_HOST=f"localhost:{8000 + number}")
    refusal_of(attempt("ada", PASSWORD, HTTP_HOST="127.0.0.1:9000"))


def test_an_address_that_tries_many_accounts_waits() -> None:
    for number in range(PER_ADDRESS):
        assert attempt(f"person{number}").status_code == 200
    assert refusal_of(attempt("ada", PASSWORD)).endswith("seconds")
    assert attempt("ada", PASSWORD, address="192.0.2.2").status_code == 302


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    for number in range(PER_ADDRESS):
        attempt(f"person{number}", address=f"2001:db8::{number + 1:x}")
    refusal_of(attempt("ada", PASSWORD, address="2001:db8::ffff"))
    assert attempt("ada", PASSWORD, address="2001:db8:1::1").status_code == 302


def test_signing_in_counts_for_nothing() -> None:
    for _ in range(PER_ACCOUNT * 2):
        assert attempt("ada", PASSWORD).status_code == 302


def test_too_many_forms_get_a_page_that_says_how_long() -> None:
    for _ in range(POSTS):
        attempt("", "")
    response = attempt("ada", PASSWORD)
    refusal_of(response)
    assert "Tried too often" in response.content.decode()
    assert 0 < int(response["Retry-After"]) <= 60


def test_confirming_is_counted_too(client: Client) -> None:
    client.post("/login/", {"username": "ada", "password": PASSWORD})
    for _ in range(PER_ACCOUNT):
        assert client.post("/account/confirm/", {"password": "wrong"}).status_code == 200
    page = client.post("/account/confirm/", {"password": PASSWORD}).content.decode()
    assert SENTENCE.search(page)


@pytest.mark.django_db(transaction=True)
@override_settings(CACHES=settings.CACHES)
def test_attempts_at_the_same_time_are_counted_in_the_database() -> None:
    """As several processes on one database do; the cache of the settings is the database's."""
    cache.clear()
    tries = PER_ACCOUNT * 2
    start = threading.Barrier(tries)
    answers: list[int] = []

    def send(number: int) -> None:
        start.wait()
        try:
            answers.append(attempt("ada", address=f"192.0.2.{number}").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[number]) for number in range(tries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= answers.count(200) <= PER_ACCOUNT
    assert answers.count(429) == tries - answers.count(200)


def test_where_the_counts_cannot_be_kept_nobody_signs_in_and_it_is_told(settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    response = attempt("ada", PASSWORD)
    assert response.status_code == 503
    assert "Redis does not answer, so nothing was done." in response.content.decode()
    assert Client().get("/login/").status_code == 200
