"""What browser tests do on the panel's pages."""

import re

from playwright.sync_api import Page, expect

from tests.lab.panel import PASSWORD, USERNAME, PanelProcess


def sign_in(page: Page, panel: PanelProcess) -> None:
    """Sign in as the panel's administrator, who then sees the apps."""
    page.goto(f"{panel.url}/login/")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{panel.url}/")


def write_app(page: Page, panel: PanelProcess, slug: str, yaml: str, environment: str = "") -> None:
    """Fill the form for a new app."""
    page.goto(f"{panel.url}/apps/new/")
    page.get_by_label("Name", exact=True).fill(slug)
    page.get_by_label("Compose file").fill(yaml)
    write_environment(page, environment)


def write_environment(page: Page, text: str) -> None:
    """Type `text` into the environment, which shows rows at first."""
    if page.get_by_role("button", name="Edit as text").is_visible():
        page.get_by_role("button", name="Edit as text").click()
    page.get_by_label("Environment").fill(text)


def deploy(page: Page) -> None:
    """Press Deploy, which leads to the page of the event."""
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page).to_have_url(re.compile(r"/events/\d+/$"))


def expect_status(page: Page, word: str, seconds: float = 60) -> None:
    """Wait until the page of an event, which is not loaded anew, shows the status `word`."""
    expect(page.locator("#event-status .state-large")).to_have_text(word, timeout=seconds * 1000)


def log_lines(page: Page) -> list[str]:
    """Return the lines that the log pane holds, drawn or not; without JavaScript those of the page."""
    lines: list[str] = page.locator("[data-event-log]").evaluate(
        """root => root.logPane
            ? root.logPane.lines.map(line => line.text)
            : [...root.querySelectorAll(".log-text")].map(text => text.textContent)"""
    )
    return lines
