"""Answers to what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxDetails

from apps.accounts.models import Role, User
from apps.core.errors import Conflict, DomainError, NotAllowed, NotFound
from apps.panel.middleware.refusals import DomainErrorMiddleware, refusal
from tests.panel.pages import HTMX

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def asked(rf: RequestFactory, user: User, **headers: str) -> Any:
    request: Any = rf.get("/", headers=headers)
    request.user, request.htmx = user, HtmxDetails(request)
    return request


@pytest.mark.parametrize("error", [DomainError, NotAllowed, NotFound, Conflict])
def test_a_refusal_has_its_sentence_and_status(
    rf: RequestFactory, person: Person, error: type[DomainError]
) -> None:
    user = person(Role.VIEWER)

    page = refusal(asked(rf, user), error("It <b>was</b> not done."))
    fragment = refusal(asked(rf, user, **HTMX), error("It <b>was</b> not done."))

    assert page.status_code == fragment.status_code == error.http_status
    assert b"It &lt;b&gt;was&lt;/b&gt; not done." in page.content
    assert page.content.startswith(b"<!doctype html>")
    assert b"It &lt;b&gt;was&lt;/b&gt; not done." in fragment.content
    assert fragment.content.startswith(b'<div class="alert')


def test_a_fault_of_the_panel_is_not_taken_for_a_refusal(rf: RequestFactory, person: Person) -> None:
    middleware = DomainErrorMiddleware(answer)
    assert middleware.process_exception(asked(rf, person(Role.VIEWER)), ValueError("secret")) is None


def test_an_unknown_address_is_told_in_the_frame_of_the_panel(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_whoever_is_not_signed_in_learns_nothing_from_an_unknown_address(client: Client) -> None:
    page = client.get("/no/such/page/").content.decode()
    assert "Registries" not in page
    assert "Sign out" not in page
