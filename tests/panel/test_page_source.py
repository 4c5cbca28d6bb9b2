"""What holds for the source of every page: nothing inline or from elsewhere, nothing that needs scripts."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import resolve

from apps.accounts.models import Role, User
from apps.deployer.state import feed
from apps.deployments.states import Status
from apps.panel.shown import marks
from tests.authorization.routes import ROUTES
from tests.panel.admin_records import make_chunk, make_credential, make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.fake_feed import Feed, container
from tests.panel.pages import YAML, make_app, make_version

pytestmark = pytest.mark.django_db
VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"
ADDRESSES = [
    "/",
    "/?q=nope",
    "/apps/new/",
    "/apps/new/?example",
    "/apps/shop/",
    "/apps/shop/edit/",
    "/apps/shop/redeploy/",
    "/apps/shop/settings/",
    "/apps/shop/logs/",
    "/apps/shop/console/",
    "/apps/shop/remove/",
    "/apps/shop/versions/",
    "/apps/shop/versions/1/",
    "/apps/shop/versions/1/rollback/",
    "/apps/shop/environment/",
    "/apps/shop/access/",
    "/apps/shop/host-rules/",
    "/apps/shop/template/",
    "/apps/nope/",
    "/events/",
    "/events/?text=nope",
    "/events/{event}/",
    "/events/{event}/retry/",
    "/templates/",
    "/templates/gitea/",
    "/settings/",
    "/settings/check/",
    "/engine/prune/",
    "/engine/host-rules/",
    "/registries/",
    "/registries/add/",
    "/registries/{credential}/",
    "/registries/{credential}/remove/",
    "/account/",
    "/account/password/",
    "/account/sessions/",
    "/account/tokens/",
    "/account/confirm/",
    "/account/second-factor/",
    "/account/second-factor/app/",
    "/account/second-factor/keys/add/",
    "/account/second-factor/codes/new/",
    "/invitations/",
]
# What a browser does by scripts alone, as each of these pages says.
BY_SCRIPTS = {"/apps/shop/console/", "/account/second-factor/keys/add/"}
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)


@dataclass
class Form:
    """A form: where it leads with scripts and without, and whether somebody can send it."""

    id: str
    method: str
    action: str
    by_htmx: str
    is_hidden: bool
    has_token: bool = False
    has_button: bool = False


class Source(HTMLParser):
    """Collects what a page loads, its ids, links and forms, and what breaks its rules."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.loads: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.dead_buttons: list[str | None] = []
        self.in_script = False
        self._open: list[tuple[str, bool]] = []  # tags around, and whether each hides what is in it
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.in_script = tag == "script"
        if tag == "style" or "style" in found or any(name.startswith("on") for name in found):
            self.faults.append(f"inline: {self.get_starttag_text()}")
        if tag == "script":
            self.loads.add(found.get("src") or "")
        if tag == "link":
            self.loads.add(found.get("href") or "")
        if tag == "use":
            self.loads.add((found.get("href") or "").partition("#")[0])
        for name in ("src", "href", "action"):
            if re.match(r"(https?:)?//|javascript:", found.get(name) or ""):
                self.faults.append(f"elsewhere: {self.get_starttag_text()}")
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "label":
            self.labels.add(found.get("for") or "")
        if tag in ("input", "select", "textarea") and found.get("type") not in (
            "hidden",
            "radio",
            "checkbox",
        ):
            self.fields.append(found)
        self._collect_ways(tag, found)
        if tag not in VOID:
            self._open.append((tag, "hidden" in found or tag == "dialog"))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def _collect_ways(self, tag: str, found: dict[str, str | None]) -> None:
        """Collect links, forms, and what sends a form or does nothing without scripts."""
        if tag == "a":
            self.links.append(found.get("href") or "")
        is_hidden = "hidden" in found or any(hides for _tag, hides in self._open)
        if tag == "form":
            by_htmx = found.get("hx-post") or found.get("hx-get") or ""
            method, action = found.get("method") or "get", found.get("action") or ""
            self.forms.append(Form(found.get("id") or "", method, action, by_htmx, is_hidden))
        if tag == "input" and found.get("name") == "csrfmiddlewaretoken":
            self.forms[-1].has_token = True
        if tag != "button" or is_hidden:
            return
        if found.get("type") == "button":
            self.dead_buttons.append(self.get_starttag_text())
        elif "form" in found:
            next(form for form in self.forms if form.id == found["form"]).has_button = True
        else:
            self.forms[-1].has_button = True

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.faults.append(f"inline script: {data[:80]}")
        self.in_script = False


@pytest.fixture
def source(
    client: Client,
    person: Callable[[str], User],
    fake_engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], tuple[str, Source]]:
    person(Role.ADMINISTRATOR)
    monkeypatch.setattr(feed, "_running", Feed(container()))
    app = make_app()
    make_version(app, YAML + "# 2\n", "A=1\n")
    event = make_event(app, version=app.current_version, error="It failed.", status=Status.FAILED)
    make_event(app)
    make_chunk(event)
    credential = make_credential()

    def load(address: str) -> tuple[str, Source]:
        text = client.get(address.format(event=event.pk, credential=credential.pk)).content.decode()
        return text, Source(text)

    return load


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_keeps_the_rules_of_a_page(source: Any, address: str) -> None:
    text, page = source(address)
    # Nothing inline, nothing from elsewhere.
    assert page.faults == []
    assert all(load.startswith(("/static/", "/language/")) for load in page.loads)
    assert "{%" not in text
    assert "{{" not in text
    # Unique ids, one heading, fields with labels.
    assert len(page.ids) == len(set(page.ids))
    assert text.count("<h1") == 1
    assert [field for field in page.fields if field.get("id") not in page.labels] == []
    if address in BY_SCRIPTS:
        assert "JavaScript" in text.partition("<noscript>")[2]
    else:
        expect_ways_without_scripts(page, address.format(event=1, credential=1))


def expect_ways_without_scripts(page: Source, address: str) -> None:
    """Expect that every link leads somewhere and every form can be sent, to where a script would send it."""
    assert page.dead_buttons == []
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith(("/static/", "/admin/")):
            leads_to(link, "GET", address)
    for form in page.forms:
        if form.is_hidden:
            continue
        assert form.has_button, form
        assert form.has_token == (form.method == "post"), form
        leads_to(form.action, form.method.upper(), address)
        assert not form.by_htmx or urlsplit(form.by_htmx).path == urlsplit(form.action).path, form


def leads_to(link: str, method: str, address: str) -> None:
    name = resolve(urlsplit(link).path or urlsplit(address).path).view_name
    assert name in ("account_logout", "setup") or method in ROUTES[name].methods, (link, method)


def test_the_pages_before_the_sign_in_keep_them_too(client: Client, person: Callable[[str], User]) -> None:
    unclaimed = Source(client.get("/setup/").content.decode())
    person(Role.ADMINISTRATOR)
    client.logout()
    for address, page in (
        ("/setup/", unclaimed),
        ("/login/", Source(client.get("/login/").content.decode())),
    ):
        assert page.faults == []
        assert page.forms
        expect_ways_without_scripts(page, address)


def test_what_needs_scripts_is_found() -> None:
    page = Source(
        '<div hidden><button type="button">a</button></div><button type="button" class="b">b</button>'
        '<form method="post" action="/x/"><button hidden>c</button></form><a>d</a>'
    )
    assert page.dead_buttons == ['<button type="button" class="b">']
    assert (page.forms[0].has_button, page.forms[0].has_token, page.links) == (False, False, [""])


def test_the_page_for_a_fault_of_the_panel_needs_nothing_but_itself() -> None:
    assert Source(render_to_string("500.html")).faults == []


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = (VENDOR / "tabler-icons.svg").read_text()
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    templates = Path(settings.BASE_DIR) / "templates"
    used = {
        name
        for path in templates.rglob("*.html")
        for name in re.findall(r'(?:\bicon|icon_name=)\s*"([a-z0-9-]+)"', path.read_text())
    }
    tables = (marks._EVENTS, marks._APPS, marks._CONTAINERS, marks._STEPS, marks.MESSAGE_MARKS)
    used |= {mark.icon for table in tables for mark in table.values()} | set(marks.ACTION_ICONS.values())
    assert len(used) > 20
    assert used <= there


@pytest.mark.parametrize(
    "name",
    [
        "tabler.min.css",
        "tabler-icons.svg",
        "codemirror.min.js",
        "compose-spec.json",
        "xterm.js",
        "xterm.css",
        "xterm-addon-fit.js",
    ],
)
def test_vendored_files_are_those_of_the_readme(name: str) -> None:
    stated = re.search(rf"`{re.escape(name)}` \|.*`([0-9a-f]{{64}})`", (VENDOR / "README.md").read_text())
    assert stated
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == stated[1]
