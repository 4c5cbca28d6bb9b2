"""What holds for the source of every page: nothing inline, nothing from elsewhere, nothing heavy."""

import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

from apps.accounts.models import Role, User
from apps.deployer.state import feed
from apps.deployments.states import Status
from apps.panel import marks
from tests.panel.admin_records import make_chunk, make_credential, make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.fake_feed import Feed, container
from tests.panel.pages import YAML, make_app, make_version

pytestmark = pytest.mark.django_db
VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"
ADDRESSES = [
    "/",
    "/apps/new/",
    "/apps/shop/",
    "/apps/shop/edit/",
    "/apps/shop/redeploy/",
    "/apps/shop/settings/",
    "/apps/shop/logs/",
    "/apps/shop/console/",
    "/apps/shop/remove/",
    "/apps/shop/versions/",
    "/apps/shop/versions/1/",
    "/apps/nope/",
    "/events/",
    "/events/{event}/",
    "/registries/",
    "/registries/add/",
    "/registries/{credential}/",
    "/registries/{credential}/remove/",
    "/account/",
    "/account/password/",
    "/account/sessions/",
    "/account/confirm/",
    "/account/second-factor/",
    "/account/second-factor/app/",
    "/account/second-factor/keys/add/",
    "/account/second-factor/codes/new/",
    "/invitations/",
]


class Source(HTMLParser):
    """Collects what a page loads, its ids, and what breaks its rules."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.loads: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.in_script = False
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
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(source: Any, address: str) -> None:
    text, page = source(address)
    assert page.faults == []
    assert all(load.startswith(("/static/", "/language/")) for load in page.loads)
    assert "{%" not in text
    assert "{{" not in text


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_unique_ids_one_heading_and_labelled_fields(source: Any, address: str) -> None:
    text, page = source(address)
    assert len(page.ids) == len(set(page.ids))
    assert text.count("<h1") == 1
    assert [field for field in page.fields if field.get("id") not in page.labels] == []


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
