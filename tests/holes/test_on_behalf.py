"""Requests made on a user's behalf (Portainer CVE-2024-33661), and secrets in addresses (CVE-2026-44883)."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Role
from tests.accounts.people import make_person
from tests.authorization.routes import ROUTES, patterns
from tests.authorization.things import Things
from tests.holes.hostile import rows

pytestmark = pytest.mark.django_db

TEMPLATES = Path(settings.BASE_DIR) / "templates"
FORM = re.compile(r"<form\b(?P<head>.*?)>(?P<body>.*?)</form>", re.DOTALL)
SECRET = re.compile(r"password|secret|token|environment|compose|recovery|totp|code", re.IGNORECASE)


def test_no_form_is_taken_from_another_site(things: Things) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(make_person("victim", Role.ADMINISTRATOR))
    before = rows()
    for name, route in ROUTES.items():
        if "POST" in route.methods:
            address = reverse(name, kwargs=things.address(route.names))
            for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                response = stranger.post(address, route.sent, headers=headers)
                assert response.status_code == 403, f"{address} {headers}"
    assert rows() == before


def test_no_page_that_is_only_looked_at_changes_anything(client: Client, things: Things) -> None:
    before = rows()
    for name, route in ROUTES.items():
        if "GET" in route.methods:
            address = reverse(name, kwargs=things.address(route.names))
            assert client.get(address).status_code < 500, address
            assert client.head(address).status_code < 500, address
    assert rows() == before


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        " https://evil.example",
        "https:evil.example",
        "///evil.example",
        "http:///evil.example",
        "/%0d%0aLocation:%20https://evil.example",
    ],
)
def test_no_sign_in_leads_to_another_site(client: Client, things: Things, target: str) -> None:
    for address in ("/login/", "/admin/login/"):
        response = client.get(address, {"next": target})
        where = response.get("Location", "")
        assert not re.match(r"(https?:|javascript:|//|/?\\)", where), where
        assert "\n" not in where


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "local host"]
)
def test_no_address_is_made_of_a_foreign_host(client: Client, things: Things, host: str) -> None:
    for address in ("/", "/login/", "/setup/", "/admin/"):
        response = client.get(address, headers={"Host": host})
        assert response.status_code == 400
        assert "evil" not in response.content.decode() + response.get("Location", "")


def test_no_form_that_holds_a_secret_puts_it_into_an_address() -> None:
    found = 0
    for file in TEMPLATES.rglob("*.html"):
        for form in FORM.finditer(file.read_text()):
            head = form["head"].lower()
            if 'method="post"' in head:
                found += 1
                continue
            names = re.findall(r'name="([^"]+)"', form["body"])
            # A dialog's form sends nothing.
            assert re.search('method="(get|dialog)"', head), f"{file.name}: a form without a method"
            assert not [name for name in names if SECRET.search(name)], file.name
    assert found > 10


def test_no_part_of_an_address_is_a_secret() -> None:
    named = {part for _name, pattern in patterns() for part in pattern.pattern.converters}
    assert not {part for part in named if SECRET.search(part)}
