"""Where one is signed in, and ending that from elsewhere."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Role, User
from tests.accounts.people import PASSWORD, make_person
from tests.panel.pages import text

pytestmark = pytest.mark.django_db

PAGE = "/account/sessions/"


def signed_in(user: User, address: str = "192.0.2.1", agent: str = "Firefox") -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    assert client.post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/events/").status_code == 200


@pytest.fixture
def ada() -> User:
    return make_person("ada", Role.VIEWER)


def number_of(client: Client, address: str) -> int:
    sessions = client.get(PAGE).context["sessions"]
    return next(session.pk for session in sessions if session.ip == address)


def test_it_shows_ones_own_sessions_alone(ada: User) -> None:
    here = signed_in(ada)
    signed_in(ada, "198.51.100.7", "<b>Chromium</b>")
    signed_in(make_person("bob", Role.VIEWER), "203.0.113.9")

    page = text(here, PAGE)

    assert "192.0.2.1" in page
    assert "198.51.100.7" in page
    assert "&lt;b&gt;Chromium&lt;/b&gt;" in page
    assert "203.0.113.9" not in page
    assert page.count(">this one<") == 1


def test_one_is_ended_and_the_others_go_on(ada: User) -> None:
    here, there, elsewhere = signed_in(ada), signed_in(ada, "198.51.100.7"), signed_in(ada, "198.51.100.8")

    assert here.post(PAGE, {"end": number_of(here, "198.51.100.7")})["Location"] == PAGE

    assert [is_in(client) for client in (here, there, elsewhere)] == [True, False, True]
    entry = AuditEntry.objects.latest("number")
    assert (entry.actor, entry.action, entry.on) == (
        "ada",
        "session.ended",
        "session of ada from 198.51.100.7",
    )


def test_all_others_are_ended(ada: User) -> None:
    here, there, elsewhere = signed_in(ada), signed_in(ada, "198.51.100.7"), signed_in(ada, "198.51.100.8")
    page = here.post(PAGE, {"end": "others"}, follow=True).content.decode()
    assert "2 other sessions ended." in page
    assert [is_in(client) for client in (here, there, elsewhere)] == [True, False, False]


@pytest.mark.parametrize("end", ["", "x", "-1", "9" * 40, "0", "' OR 1=1"])
def test_odd_numbers_end_nothing(ada: User, end: str) -> None:
    here, there = signed_in(ada), signed_in(ada, "198.51.100.7")
    assert here.post(PAGE, {"end": end}).status_code == 404
    assert is_in(there)


def test_nobody_ends_somebody_elses(ada: User) -> None:
    here = signed_in(ada)
    theirs = signed_in(make_person("bob", Role.ADMINISTRATOR))
    number = theirs.get(PAGE).context["sessions"][0].pk
    assert here.post(PAGE, {"end": number}).status_code == 404
    assert is_in(theirs)


def test_what_has_ended_is_listed_no_more(ada: User) -> None:
    here, there = signed_in(ada), signed_in(ada, "198.51.100.7")
    there.post("/logout/")
    assert "198.51.100.7" not in text(here, PAGE)


def test_whoever_claims_the_panel_has_a_session_on_record(client: Client) -> None:
    from apps.accounts.setup import setup_code

    sent = {"code": setup_code(), "username": "ada", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/setup/", sent)["Location"] == "/"
    assert "this one" in text(client, PAGE)


def test_what_a_session_holds_is_not_readable_in_the_database(ada: User, settings) -> None:
    here = signed_in(ada)
    session = here.session
    session["key"] = "JBSWY3DPEHPK3PXP"
    session.save()

    stored = Session.objects.get(session_key=session.session_key).session_data
    assert "JBSWY3DPEHPK3PXP" not in stored
    assert "JBSWY3DPEHPK3PXP" not in str(Session(session_data=stored).get_decoded())
    assert is_in(here)

    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = ["x0Yk3cNd2bO4Tn6FvQqGmZ8l5Jr7aHsWuEiPpLtKyBA="]
    assert not is_in(here)


def test_whoever_is_disabled_and_enabled_again_signs_in_anew(ada: User) -> None:
    here = signed_in(ada)
    for active in (False, True):
        ada.is_active = active
        ada.save()
    assert not is_in(here)
