import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import Role, User
from apps.accounts.setup import setup_code
from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db

OPEN = {"/setup/", "/healthz", "/login/", "/language/web.js"}


def form(username: str = "ada", **changes: str) -> dict[str, str]:
    fields = {"code": setup_code(), "username": username, "password1": PASSWORD, "password2": PASSWORD}
    return fields | changes


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Yield an address for every pattern, with something in the place of its arguments."""
    fills = {"int": "1", "str": "web", "path": "web/", "slug": "web"}
    for pattern in patterns:
        route = str(pattern.pattern)
        for name, converter in pattern.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
            route = route.replace(f"<{kind}:{name}>", fills[kind]).replace(f"<{name}>", "1")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + route)
        elif "(" not in route:
            yield before + route


def test_every_page_of_an_unclaimed_panel_leads_to_the_sentence(client: Client) -> None:
    asked = [address for address in addresses(get_resolver().url_patterns) if address not in OPEN]
    assert len(asked) > 30

    for address in asked:
        for response in (client.get(address, follow=True), client.post(address, follow=True)):
            page = response.content.decode()
            assert setup_code() not in page
            if response.status_code == 405:
                continue
            assert response.status_code == 403, (address, response.status_code)
            assert "not claimed yet" in page, address
            assert "<form" not in page, address
    assert not User.objects.exists()


def test_the_page_shows_its_form_and_not_the_code(client: Client) -> None:
    response = client.get("/setup/")
    page = response.content.decode()

    assert response.status_code == 200
    assert 'name="code"' in page
    assert setup_code() not in page
    assert "js/code-from-link.js" in page
    assert "no-store" in response["Cache-Control"]


def test_the_code_makes_the_first_administrator_and_signs_them_in(client: Client) -> None:
    response = client.post("/setup/", form())

    assert response.status_code == 302
    assert response["Location"] == "/"
    ada = User.objects.get()
    assert ada.role == Role.ADMINISTRATOR
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert client.get("/admin/accounts/user/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "AAAAA-AAAAA-AAAAA-AAAAA"}, "code"),
        ({"code": "x" * 5000}, "code"),
        ({"username": ""}, "username"),
        ({"username": "not a name"}, "username"),
        ({"password2": "something else 77"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
    ],
)
def test_it_refuses_at_the_field_and_makes_nobody(
    client: Client, changes: dict[str, str], field: str
) -> None:
    response = client.post("/setup/", form(**changes))

    assert response.status_code == 400
    assert list(response.context["form"].errors) == [field]
    assert "field-errors" in response.content.decode()
    assert PASSWORD not in response.content.decode()
    assert not User.objects.exists()


def test_a_wrong_code_is_not_answered_with_the_right_one(client: Client) -> None:
    response = client.post("/setup/", form(code="AAAAA-AAAAA-AAAAA-AAAAA"))
    assert setup_code() not in response.content.decode()


def test_once_claimed_there_is_no_such_page(client: Client) -> None:
    make_person("ada", Role.ADMINISTRATOR)

    for response in (client.get("/setup/"), client.post("/setup/", form("eve"))):
        assert response.status_code == 404
    assert User.objects.get().username == "ada"


def test_a_form_that_another_person_overtook_makes_nobody(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person("ada", Role.ADMINISTRATOR)
    monkeypatch.setattr("apps.panel.views.setup.is_unclaimed", lambda: True)

    assert client.post("/setup/", form("eve")).status_code == 404

    assert User.objects.get().username == "ada"
    assert "_auth_user_id" not in client.session


def test_it_requires_the_form_s_token() -> None:
    assert Client(enforce_csrf_checks=True).post("/setup/", form()).status_code == 403
    assert not User.objects.exists()


def test_it_rejects_other_methods(client: Client) -> None:
    assert client.put("/setup/").status_code == 405
    assert client.delete("/setup/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_forms_sent_at_the_same_time_make_one_administrator() -> None:
    senders = 5
    start = threading.Barrier(senders)
    answers: list[int] = []

    def send(number: int) -> None:
        fields = form(f"person{number}")
        start.wait()
        try:
            answers.append(Client().post("/setup/", fields).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[number]) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [302] + [404] * (senders - 1)
    assert User.objects.count() == 1
