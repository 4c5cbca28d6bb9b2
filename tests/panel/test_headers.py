"""What every answer says to browsers, whoever asks and whatever answers."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.accounts.models import Role, User
from apps.panel.middleware.headers import AnswerHeadersMiddleware

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]

ANSWERS = {
    "a page": ("/", {}, 200),
    "a page of records": ("/admin/", {}, 200),
    "a list of records": ("/admin/deployments/deployevent/", {}, 200),
    "a form of records": ("/admin/accounts/user/add/", {}, 200),
    "a static file": ("/static/js/times.js", {}, 200),
    "a static file of the records": ("/static/admin/css/base.css", {}, 200),
    "a picture": ("/static/favicon.svg", {}, 200),
    "what monitors ask": ("/healthz", {}, 200),
    "an address that is not there": ("/no/such/page/", {}, 404),
    "a file that is not there": ("/static/no-such-file.js", {}, 404),
    "an app that is not there": ("/apps/nothing/", {}, 404),
    "a redirect": ("/apps/new", {}, 301),
    "another host": ("/", {"HTTP_HOST": "evil.example"}, 400),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_has_all_headers(client: Client, person: Person, kind: str) -> None:
    person(Role.ADMINISTRATOR)
    address, meta, status = ANSWERS[kind]
    response = client.get(address, **meta)

    assert response.status_code == status
    response.close()
    expect_all_headers(response.headers)


def test_the_pages_before_the_sign_in_have_them_too(client: Client, person: Person) -> None:
    person(Role.VIEWER)
    client.logout()
    for address in ("/login/", "/", "/setup/", "/admin/"):
        expect_all_headers(client.get(address).headers)


def test_a_refused_form_has_them_too() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/login/", {"username": "ada"})
    assert response.status_code == 403
    assert "Please send it again" in response.content.decode()
    expect_all_headers(response.headers)
    # What htmx puts into a page is no page.
    part = client.post("/login/", {"username": "ada"}, headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Retarget"]) == (403, "#problem")
    assert "<html" not in part.content.decode()


def test_an_error_of_the_panel_has_them_too(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret-of-the-panel")

    monkeypatch.setattr("apps.panel.views.apps.app_rows", broken)
    person(Role.VIEWER)
    client.raise_request_exception = False
    response = client.get("/")

    assert response.status_code == 500
    assert "secret-of-the-panel" not in response.content.decode()
    expect_all_headers(response.headers)


def expect_all_headers(headers: object) -> None:
    """Hold that nothing inline, framed, guessed or of another site is allowed by `headers`."""
    found = dict(headers.items())  # type: ignore[attr-defined]
    policy = dict(part.strip().partition(" ")[::2] for part in found["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Referrer-Policy"] == "same-origin"
    assert found["Cross-Origin-Opener-Policy"] == "same-origin"
    assert found["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in found["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in found["Permissions-Policy"]


@pytest.mark.parametrize("address", ["/", "/admin/", "/events/", "/apps/nothing/", "/healthz"])
def test_nothing_of_a_person_is_kept(client: Client, person: Person, address: str) -> None:
    person(Role.ADMINISTRATOR)
    kept = client.get(address).headers["Cache-Control"]
    assert "no-store" in kept
    assert "private" in kept


def test_static_files_are_kept(client: Client) -> None:
    response = client.get("/static/js/times.js")
    response.close()
    kept = response.headers["Cache-Control"]
    assert "public" in kept
    assert "no-store" not in kept


def test_an_answer_may_say_otherwise_by_itself(rf: RequestFactory) -> None:
    def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Cache-Control": "max-age=5", "Permissions-Policy": "camera=(self)"})

    response = AnswerHeadersMiddleware(own)(rf.get("/"))
    assert response["Cache-Control"] == "max-age=5"
    assert response["Permissions-Policy"] == "camera=(self)"
