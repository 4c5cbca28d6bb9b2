"""The panel in other languages: how one chooses, and that nothing is left in English."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from apps.deployments.queue import enqueue
from apps.deployments.states import Action, Status
from apps.panel import record_names, texts
from tests.accounts.people import make_person
from tests.panel.admin_records import make_chunk, make_credential, make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import BY, YAML, make_app, make_version
from tests.panel.test_catalogues import catalogue
from tests.panel.test_page_source import ADDRESSES
from tests.panel.untranslated import READ

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


def test_the_sign_in_page_and_the_menu_offer_every_language_by_its_own_name(client: Client) -> None:
    client.force_login(make_person("ada", Role.VIEWER))
    choose(client, "de")
    for visitor, address in ((Client(), "/login/?next=/events/"), (client, "/events/?app=shop")):
        page = visitor.get(address).content.decode()
        assert f'name="next" value="{address}"' in page
        for code, name in settings.LANGUAGES:
            assert re.search(rf'name="language" value="{code}" lang="{code}"[^>]*>{name}<', page)


def test_the_scripts_get_their_texts_before_any_other_script(client: Client) -> None:
    choose(client, "de")
    again, first = re.findall(r'<script[^>]* src="([^"]*)"', client.get("/login/").content.decode())[:2]
    # What looks whether all have come says nothing.
    assert again == "/static/js/load-again.js"
    assert first == f"/language/de.js?v={texts.version()}"

    answer = client.get(first)

    assert answer["Content-Type"].startswith("text/javascript")
    assert "django.gettext" in answer.content.decode()
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert "Cookie" not in answer.get("Vary", "")
    assert "no-store" in client.get("/language/de.js?v=old")["Cache-Control"]
    assert client.get("/language/fr.js").status_code == 404


class Words(HTMLParser):
    """What a page says, without what is the same in every language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "pre", "code", "textarea"):
            self.inside.append(tag)
        self.said += [value or "" for name, value in attrs if name in READ]

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.said.append(data)


# Words that no German page says, of those that English ones are full of.
ENGLISH = re.compile(
    r"\b(the|and|of|is|are|were|your|you|this|that|with|from|not|nothing|ago|new|show|settings|events?"
    r"|remove|save|cancel|search|running|succeeded|failed|choose|yes|every|current)\b",
    re.I,
)
# English wherever it is shown: what Docker itself says, also where there is no engine.
QUOTED = re.compile(r"This is synthetic.*|Cannot connect to the Docker daemon at .*\?", re.DOTALL)


def test_every_page_is_german_where_german_was_chosen(
    client: Client, person: Callable[[str], User], fake_engine: FakeEngine
) -> None:
    person(Role.ADMINISTRATOR)
    app = make_app()
    make_version(app, YAML + "# 2\n", "A=1\n")
    event = make_event(app, version=app.current_version, status=Status.FAILED)
    make_event(app, version=app.current_version)
    make_chunk(event)
    credential = make_credential()
    choose(client, "de")

    english = {}
    for address in ADDRESSES:
        page = client.get(address.format(event=event.pk, credential=credential.pk)).content.decode()
        assert '<html lang="de">' in page, address
        found = [said for said in Words(page).said if ENGLISH.search(QUOTED.sub("", said))]
        if found:
            english[address] = found
    assert english == {}


def test_what_sign_in_refuses_is_refused_in_german(client: Client, person: Callable[[str], User]) -> None:
    person(Role.ADMINISTRATOR)
    stranger = Client()
    for one in (client, stranger):
        choose(one, "de")
    page = stranger.post("/login/", {"username": "nobody", "password": "wrong"}).content.decode()
    assert "Benutzername oder Passwort ist falsch." in page
    typed = {
        "password1": "correct horse battery",
        "password2": "another horse battery",
        "oldpassword": "wrong",
    }
    for address, sent in (
        ("/account/confirm/", {"password": "wrong"}),
        ("/account/password/", typed),
        ("/account/second-factor/app/", {"code": "123456"}),
    ):
        page = client.post(address, sent).content.decode()
        said = [text for text in Words(page).said if ENGLISH.search(text) or "ncorrect" in text]
        assert "field-errors" in page, address
        assert said == [], address


def test_what_is_stored_is_english_whoever_asks_for_it(
    client: Client, person: Callable[[str], User], fake_engine: FakeEngine
) -> None:
    person(Role.ADMINISTRATOR)
    app = make_app()
    event = enqueue(app, Action.RESTART, BY, version=app.current_version)
    choose(client, "de")

    answer = client.post(f"/events/{event.pk}/cancel/", follow=True)

    assert "Abgebrochen" in answer.content.decode()
    event.refresh_from_db()
    assert event.error == "Cancelled while it was queued; nothing was changed."
    refused = client.post(f"/events/{event.pk}/cancel/", follow=True).content.decode()
    assert f"Vorgang {event.pk} ist schon zu Ende (abgebrochen)." in refused
    assert AuditEntry.objects.filter(action="event.cancel_requested").get().outcome == "cancelled"


def test_the_admin_names_records_and_their_fields_in_german(
    client: Client, person: Callable[[str], User]
) -> None:
    person(Role.ADMINISTRATOR)
    event = make_event(make_app())
    choose(client, "de")

    index = " ".join(Words(client.get("/admin/").content.decode()).said)
    assert "Compose-Versionen" in index
    assert "Registry-Zugangsdaten" in index
    page = " ".join(
        Words(client.get(f"/admin/deployments/deployevent/{event.pk}/change/").content.decode()).said
    )
    assert "Angefordert von:" in page
    assert "Exit-Code:" in page


def test_every_name_that_the_admin_derives_is_known() -> None:
    derived = {
        str(field.verbose_name)
        for model in admin.site._registry
        if model.__module__.startswith("apps.")
        for field in model._meta.local_fields
    }
    known = {*record_names.NAMES, *(str(message.id) for message in catalogue("de", "django")), "ID"}
    assert {name for name in derived if name not in known and not is_of_django(name)} == set()


def is_of_django(name: str) -> bool:
    """Tell whether Django itself has a German name for a field of its own models."""
    with translation.override("de"):
        return gettext(name) != name
