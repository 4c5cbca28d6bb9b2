"""Shell strings, option injection and path traversal by what stands in an address: path and query."""

from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.authorization.routes import ADMIN, ROUTES, patterns
from tests.authorization.things import Things
from tests.holes.hostile import nothing_of_it, rows, share, texts
from tests.panel.pages import HTMX

pytestmark = pytest.mark.django_db

# What pages read from a query string.
QUESTIONS = (
    "version",
    "from",
    "to",
    "images",
    "app",
    "action",
    "status",
    "page",
    "next",
    "example",
    "intent",
)
ADMIN_QUESTIONS = (
    "q",
    "o",
    "p",
    "e",
    "all",
    "slug",
    "person",
    "status__exact",
    "id__exact",
    "queued_at__year",
)


def test_every_name_in_a_path(
    client: Client, things: Things, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    before = rows()
    tried = 0
    for number, (name, pattern) in enumerate(patterns()):
        if name.startswith("admin:") or not pattern.pattern.converters:
            continue
        for text in share(texts(mark), number):
            address = hostile_address(name, things, text)
            if address is None:
                continue
            tried += 1
            with nothing_of_it(mark, caplog):
                for method in (client.get, client.post):
                    response = method(address, headers=HTMX if tried % 2 else {})
                    assert response.status_code < 500, f"{address}: {response.status_code}"
    assert tried > 60
    assert rows() == before


def hostile_address(name: str, things: Things, text: str) -> str | None:
    """Return the address of `name` whose last free part is `text`; None where it cannot hold one."""
    route = ROUTES.get(name)
    if route is None or not route.names:
        return None
    parts = things.address(route.names)
    free = [part for part, value in parts.items() if isinstance(value, str)] or list(parts)
    marked = {part: "HOSTILE" if part == free[-1] else value for part, value in parts.items()}
    try:
        return reverse(name, kwargs=marked).replace("HOSTILE", quote(text, safe=""))
    except NoReverseMatch:
        # A number: written as the address of 1 with something else in its place.
        numbers = {part: 987654 if part == free[-1] else value for part, value in parts.items()}
        return reverse(name, kwargs=numbers).replace("987654", quote(text, safe=""))


def test_every_question_in_an_address(
    client: Client, things: Things, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    before = rows()
    pages = [
        reverse(name, kwargs=things.address(route.names))
        for name, route in ROUTES.items()
        if "GET" in route.methods
    ]
    for number, page in enumerate(pages):
        for text in share(texts(mark), number, 24):
            with nothing_of_it(mark, caplog):
                asked = f"{page}?{urlencode(dict.fromkeys(QUESTIONS, text))}"
                response = client.get(asked, headers=HTMX if number % 2 else {})
                assert response.status_code < 500, asked
    assert rows() == before


def test_every_question_to_the_records(
    client: Client, things: Things, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    for number, model in enumerate(ADMIN):
        page = reverse(f"admin:{model}_changelist")
        for place, text in enumerate(share(texts(mark), number)):
            question = ADMIN_QUESTIONS[(number + place) % len(ADMIN_QUESTIONS)]
            with nothing_of_it(mark, caplog):
                for asked in ({"q": text}, {question: text}):
                    assert client.get(page, asked).status_code < 500, f"{page} {asked}"
                assert client.get(f"{page}{quote(text, safe='')}/change/").status_code < 500


def test_a_number_that_no_database_holds_finds_nothing(client: Client, things: Things) -> None:
    page = reverse("admin:deployments_deployevent_changelist")
    for number in ("9" * 12, "9" * 30):
        assert client.get(page, {"queued_at__year": number}).status_code in (302, 404)


def test_an_address_with_a_nul_byte_is_refused_before_a_database_sees_it(
    client: Client, things: Things
) -> None:
    for address in ("/apps/%00/", "/events/?app=%00", "/admin/applications/app/?slug=%00"):
        response = client.get(address)
        assert response.status_code == 400
        assert "NUL byte" in response.content.decode()
