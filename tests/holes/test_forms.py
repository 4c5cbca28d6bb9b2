"""Shell strings, options, paths and markup by what is typed into forms and given to the command line."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from apps.applications.models import App
from apps.core.errors import DomainError
from apps.registries.references import normalise_host
from tests.authorization.routes import ROUTES
from tests.authorization.things import Things
from tests.deployer.command_line import Manage, manage  # noqa: F401
from tests.holes.hostile import MARKUP, OPTIONS, PATHS, SHELL, nothing_of_it, rows, share, texts
from tests.panel.pages import HTMX, YAML, make_version

# Every field that a page of the panel reads.
FIELDS = (
    *("slug", "name", "compose", "environment", "note", "base", "seen", "intent", "planned", "images"),
    *("service", "number", "confirm", "volumes", "kinds", "host", "username", "password", "only_apps"),
    *("verify_timeout", "calm_seconds", "role", "subject", "action", "next"),
)
pytestmark = pytest.mark.django_db


def test_every_field_of_every_form(
    client: Client, things: Things, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    tried = 0
    for number, (name, route) in enumerate(ROUTES.items()):
        if "POST" not in route.methods or name in ("account_reauthenticate", "account_logout"):
            continue
        for text in share(texts(mark), number, 32):
            address = reverse(name, kwargs=things.address(route.names))
            with nothing_of_it(mark, caplog):
                before = rows()
                response = client.post(
                    address, dict.fromkeys(FIELDS, text), headers=HTMX if tried % 2 else {}
                )
                tried += 1
                assert response.status_code < 500, f"{address}: {text!r}"
                if response.status_code >= 400:
                    assert without_audit(rows()) == without_audit(before), f"{address}: {text!r}"
    assert tried > 30


def without_audit(found: dict[str, int]) -> dict[str, int]:
    """Return `found` without what records a refusal."""
    return {table: count for table, count in found.items() if "audit" not in table.lower()}


@pytest.mark.parametrize("text", [*SHELL, *OPTIONS, *PATHS, *MARKUP])
def test_a_hostile_name_names_no_app(client: Client, things: Things, tmp_path: Path, text: str) -> None:
    apps = App.objects.count()
    form = {"slug": text.format(mark=tmp_path / "mark"), "compose": YAML}
    response = client.post("/apps/new/", form)
    assert response.status_code == 400
    assert "<script>alert" not in response.content.decode()
    assert "onerror=alert(1)>" not in response.content.decode()
    assert App.objects.count() == apps


def test_a_hostile_text_is_no_registry_host(tmp_path: Path) -> None:
    for text in (*SHELL, *OPTIONS, *PATHS, *MARKUP):
        with pytest.raises(DomainError):
            normalise_host(text.format(mark=tmp_path / "mark"))


def test_notes_and_names_are_shown_as_text(client: Client, things: Things) -> None:
    for text in MARKUP:
        App.objects.filter(pk=things.app.pk).update(name=text[:100])
        noted = make_version(things.app, f"{YAML}# {text!r}\n", note=text).number
        pages = (
            "/",
            "/apps/own/",
            "/apps/own/versions/",
            f"/apps/own/versions/{noted}/",
            "/admin/applications/app/",
        )
        for page in pages:
            answer = client.get(page).content.decode()
            assert "<script>alert" not in answer
            assert "<img src=x" not in answer
            assert "<svg onload" not in answer


def test_the_command_line_refuses_hostile_words(
    manage: Manage,  # noqa: F811
    things: Things,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mark = tmp_path / "mark"
    file = tmp_path / "compose.yml"
    file.write_text(YAML)
    before = rows()
    for text in share(texts(mark), 3, 5):
        # The operating system passes no NUL on, and some of the odd texts are names.
        if "\x00" in text or re.fullmatch("[a-z0-9][a-z0-9_-]{0,49}", text):
            continue
        for words in (
            ("app", "deploy", f"--file={file}", "--", text),
            ("app", "stop", "--", text),
            ("app", "scale", "own", "--", f"{text}=2"),
            ("registry", "remove", "--", text),
        ):
            with nothing_of_it(mark, caplog):
                done = manage(*words)
                assert done.code == 2, words
                assert "Traceback" not in done.err
    assert rows() == before
