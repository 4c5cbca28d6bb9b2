"""The pane with an event's output: whole, in order, each line once, and quick."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import deploy, expect_status, log_lines, sign_in, write_app
from tests.lab.browser import sign_in as enter
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import StallingRegistry

MANY = 100_000
# Elements that the page may have for a long output; as one element each its lines would be 300,000.
MOST_ELEMENTS = 4000
_MAKE_EVENTS = f"""
from django.utils import timezone
from apps.applications.models import App
from apps.deployments.logs import append_lines
from apps.deployments.models import DeployEvent
app = App.objects.create(slug="long", name="long")
now = timezone.now()
common = {{"app": app, "slug": "long", "action": "pull", "requested_by": "ada", "started_at": now}}
event = DeployEvent.objects.create(status="succeeded", finished_at=now, **common)
for first in range(1, {MANY} + 1, 500):
    append_lines(event.pk, first, [(now, "stdout", f"line {{n}}") for n in range(first, first + 500)])
coloured = ["\\x1b[31mred\\x1b[0m <b>plain</b> \\x1b]0;title\\x07\\x1b[2K", "x" * 10_000, "10%\\r55%\\r100%"]
event = DeployEvent.objects.create(status="succeeded", finished_at=now, **common)
append_lines(event.pk, 1, [(now, "stdout", text) for text in coloured])
# No worker takes it, and it has not ended.
waiting = {{"action": "deploy", "status": "queued", "approval": "awaited", "step": "approval"}}
DeployEvent.objects.create(**common | waiting)
"""
# Two thousand lines a second, as the workers write them.
_FLOOD = """
import os, time
from django.utils import timezone
from apps.deployments.logs import append_lines
for part in range(60):
    while part == 30 and not os.path.exists(os.environ["LAB_GO_ON"]):
        time.sleep(0.05)
    now = timezone.now()
    append_lines(3, part * 100 + 1, [(now, "stdout", f"flood {part * 100 + n}") for n in range(1, 101)])
    time.sleep(0.05)
"""


@pytest.fixture
def long_panel(panel: PanelProcess) -> PanelProcess:
    """A panel with an event of 100,000 lines, one with odd lines, and one that has not ended (1, 2 and 3)."""
    panel.manage("shell", "-c", _MAKE_EVENTS, check=True)
    return panel


def wait_for_lines(page: Page, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelector('[data-event-log]').logPane.lines.length >= count",
        arg=count,
        timeout=60_000,
    )


def test_a_long_output_and_a_flood_are_read_like_a_terminal(
    page: Page, long_panel: PanelProcess, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter(page, long_panel)
    page.goto(f"{long_panel.url}/events/1/")
    pane, found = page.locator("[data-log-pane]"), page.locator("[data-log-found]")
    jump = page.get_by_role("button", name="Jump to the end")
    last = page.get_by_text(f"line {MANY}", exact=True)

    # All there, each once, in order; and the end in sight.
    expect(last).to_be_in_viewport(timeout=60_000)
    assert log_lines(page) == [f"line {number}" for number in range(1, MANY + 1)]
    assert pane.locator("*").count() < MOST_ELEMENTS

    # It follows until the reader scrolls up.
    expect(jump).to_be_hidden()
    pane.hover()
    page.mouse.wheel(0, -3000)
    expect(jump).to_be_visible()
    expect(last).not_to_be_in_viewport()
    pane.evaluate("pane => { pane.scrollTop = pane.scrollHeight / 2 }")
    expect(page.get_by_text("line 50010", exact=True)).to_be_in_viewport()
    assert pane.locator("*").count() < MOST_ELEMENTS
    drawn = [int(text.split()[1]) for text in pane.locator(".log-text").all_text_contents()]
    assert drawn == sorted(set(drawn))
    jump.click()
    expect(last).to_be_in_viewport()
    expect(jump).to_be_hidden()

    # Searched by the keyboard alone, whatever the case; the address leads a colleague to the same line.
    page.keyboard.press("Control+f")
    expect(page.get_by_label("Search the output")).to_be_focused()
    page.keyboard.type("LINE 7777")
    expect(found).to_have_text("11 lines")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(found).to_have_text("2 of 11 lines")
    expect(page.get_by_text("line 77770", exact=True)).to_be_in_viewport()
    expect(pane.locator("[aria-current] mark")).to_have_text("line 7777")
    page.keyboard.press("Shift+Enter")
    expect(found).to_have_text("1 of 11 lines")
    assert page.url.endswith("/events/1/#L7777")
    page.get_by_role("button", name="Only matching lines").click()
    expect(pane.locator(".log-line")).to_have_count(11)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Copied all lines")).to_be_attached()
    copied = str(page.evaluate("navigator.clipboard.readText()")).split()
    assert copied[1::2] == ["7777", *(str(number) for number in range(77770, 77780))]
    page.get_by_label("Search the output").press("Escape")
    expect(found).to_have_text("")
    expect(pane).to_be_focused()

    # Copied over lines that are not drawn.
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText().then(text => text.split('\\n').length)") == MANY + 1
    page.reload()
    expect(page.get_by_text("line 7777", exact=True)).to_be_in_viewport(timeout=60_000)

    # Colours are classes, other control sequences are gone; a long line is drawn in part, wrapped on demand.
    page.goto(f"{long_panel.url}/events/2/")
    expect(pane.locator(".ansi-fg-1")).to_have_text("red")
    assert pane.locator(".log-text").all_text_contents()[0] == "red <b>plain</b> "
    assert pane.locator(".log-text").all_text_contents()[2] == "100%"
    expect(pane.locator(".log-more")).to_have_text(" … and 1,808 characters more")
    assert pane.evaluate("pane => pane.scrollWidth > pane.clientWidth")
    page.get_by_role("button", name="Wrap").click()
    assert pane.evaluate("pane => pane.scrollWidth <= pane.clientWidth")

    # A flood: no line lost or doubled, few elements, and a count of what came since the reader looked away.
    page.goto(f"{long_panel.url}/events/3/")
    go_on = tmp_path / "go-on"
    long_panel.environment["LAB_GO_ON"] = str(go_on)
    flood = long_panel.popen("shell", "-c", _FLOOD)
    wait_for_lines(page, 500)
    pane.hover()
    page.mouse.wheel(0, -500)
    expect(jump).to_be_visible()
    go_on.touch()
    expect(jump).to_have_text(re.compile(r"Jump to the end · [\d,]+ new lines"))
    wait_for_lines(page, 6000)
    assert flood.wait(60) == 0
    flood.communicate()
    assert log_lines(page) == [f"flood {number}" for number in range(1, 6001)]
    assert pane.locator("*").count() < MOST_ELEMENTS
    jump.click()
    expect(page.get_by_text("flood 6000", exact=True)).to_be_in_viewport()

    # Paper gets all of them.
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(pane.locator(".log-line")).to_have_count(6000)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert pane.locator("*").count() < MOST_ELEMENTS

    # Somebody signs out in another window: this one says so, and does not go on asking.
    connection = page.locator("[data-log-connection]")
    expect(connection).to_have_text("Live")
    other = page.context.new_page()
    other.goto(long_panel.url)
    other.locator(".account-menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(connection).to_contain_text("You are signed out")
    page.wait_for_timeout(900)
    expect(connection).to_contain_text("You are signed out")


def test_a_lost_connection_is_told_and_comes_back_without_a_doubled_line(
    page: Page,
    panel: PanelProcess,
    stalling_registry: StallingRegistry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    sign_in(page, panel)
    slug = compose_project_cleanup.slug("lost")
    write_app(page, panel, slug, f"services:\n  web:\n    image: {stalling_registry.ref()}\n")
    deploy(page)
    connection = page.locator("[data-log-connection]")
    expect(connection).to_have_text("Live")
    expect(page.locator(".log-text", has_text="web Pulling")).to_be_visible()
    expect(page.locator("#pull-progress")).to_contain_text("Being pulled")
    seen = log_lines(page)

    panel.kill()

    expect(connection).to_contain_text("Connection lost. Trying again in")
    panel.start()
    expect_status(page, "Interrupted", 40)
    assert log_lines(page)[: len(seen)] == seen
    assert len(log_lines(page)) == len(set(log_lines(page)))
    drawn = page.locator("[data-log-pane] .log-text").all_text_contents()
    assert drawn == log_lines(page)
    expect(page).to_have_title(f"Deploy {slug}: Interrupted, event 1 · SimpleDeploy")
