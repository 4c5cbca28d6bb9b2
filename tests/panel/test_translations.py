"""The panel in other languages: how one chooses, and that nothing is left in English."""

import re

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.models import Role
from apps.panel import texts
from tests.accounts.people import make_person

pytestmark = pytest.mark.django_db


def choose(client: Client, language: str, **sent: str) -> str:
    response = client.post("/language/", {"language": language, **sent})
    assert response.status_code == 302
    return str(response["Location"])


def language_of(client: Client, address: str = "/login/", **headers: str) -> str:
    found = re.search(r'<html lang="([^"]*)"', client.get(address, headers=headers).content.decode())
    assert found
    return found[1]


def test_the_browser_says_the_language_until_somebody_chooses_one(client: Client) -> None:
    assert language_of(client) == "en"
    assert language_of(client, **{"accept-language": "fr, de;q=0.5"}) == "de"
    assert language_of(client, **{"accept-language": "fr"}) == "en"

    choose(client, "de")

    assert language_of(client, **{"accept-language": "en-US"}) == "de"


def test_the_choice_is_kept_as_a_cookie_out_of_reach_of_scripts(client: Client) -> None:
    choose(client, "de")

    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie.value == "de"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) > 300 * 24 * 3600


@pytest.mark.parametrize("language", ["xx", "", "de/../../x", "en\n"])
def test_a_language_that_the_panel_does_not_speak_changes_nothing(client: Client, language: str) -> None:
    choose(client, "de")
    choose(client, language)
    assert language_of(client) == "de"


def test_it_leads_back_to_the_page_and_to_no_other_host(client: Client) -> None:
    assert choose(client, "de", next="/events/?app=shop") == "/events/?app=shop"
    assert choose(client, "de", next="https://evil.example/") == "/"


def test_another_site_cannot_choose() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "de"}).status_code == 403
    assert not strict.cookies.get(settings.LANGUAGE_COOKIE_NAME)


def test_the_sign_in_page_and_the_menu_offer_every_language(client: Client) -> None:
    client.force_login(make_person("ada", Role.VIEWER))
    for visitor, address in ((Client(), "/login/?next=/events/"), (client, "/events/?app=shop")):
        page = visitor.get(address).content.decode()
        assert f'name="next" value="{address}"' in page
        for code, name in settings.LANGUAGES:
            assert re.search(rf'name="language" value="{code}" lang="{code}"[^>]*>{name}<', page)


def test_the_scripts_get_their_texts_before_any_other_script(client: Client) -> None:
    choose(client, "de")
    first = re.search(r'<script[^>]* src="([^"]*)"', client.get("/login/").content.decode())
    assert first
    assert first[1] == f"/language/de.js?v={texts.version()}"

    answer = client.get(first[1])

    assert answer["Content-Type"].startswith("text/javascript")
    assert "django.gettext" in answer.content.decode()
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert "Cookie" not in answer.get("Vary", "")
    assert "no-store" in client.get("/language/de.js?v=old")["Cache-Control"]
    assert client.get("/language/fr.js").status_code == 404
