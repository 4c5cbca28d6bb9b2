"""The keyboard alone: the first deploy, a rollback, and the shortcuts with their help sheet."""

import re

from playwright.sync_api import Page, expect

from tests.browser.pages import expect_status
from tests.lab.browser import sign_in
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry

MOST_TABS = 80


def tab_to(page: Page, role: str, name: str, within: str = "body") -> None:
    """Press Tab until the one that is wanted has the focus; fail where it is never reached."""
    wanted = page.locator(within).get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    wanted.wait_for()
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches the {role} {name}")


def press(page: Page, role: str, name: str, within: str = "body") -> None:
    tab_to(page, role, name, within)
    page.keyboard.press("Enter")


def write(page: Page, name: str, text: str) -> None:
    tab_to(page, "textbox", name)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_the_first_deploy_and_a_rollback_need_no_mouse(
    page: Page, panel: PanelProcess, registry: Registry, compose_project_cleanup: ProjectCleanup
) -> None:
    slug = compose_project_cleanup.slug("keys")
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    sign_in(page, panel)
    press(page, "link", "New app with my own file")
    write(page, "Name", slug)
    for release in ("1", "2"):
        write(page, "Compose file", f"services: {{web: {{image: {registry.push('web', release)}}}}}\n")
        # Out of the editor, where Tab indents: past a completion that may be offered, and at once.
        for key in ("Escape", "Escape", "Tab"):
            page.keyboard.press(key)
        press(page, "button", "Deploy")
        expect_status(page, "Succeeded")
        if release == "1":
            press(page, "link", slug, within="h1")
            page.wait_for_url(f"{panel.url}/apps/{slug}/")
            page.keyboard.press("e")
            expect(page.get_by_role("heading", name="Edit and deploy")).to_be_visible()

    page.goto(f"{panel.url}/apps/{slug}/")
    page.keyboard.press("v")
    press(page, "link", "Roll back")
    press(page, "button", "Roll back as planned")
    expect_status(page, "Succeeded")


def test_the_help_sheet_lists_the_keys_of_the_page_and_they_can_be_switched_off(
    page: Page, panel: PanelProcess
) -> None:
    sign_in(page, panel)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Events")
    expect(sheet).to_contain_text("Your account")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    # Also what lies in the closed menu.
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.wait_for_url(f"{panel.url}/account/")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(f"{panel.url}/events/")
    # What is typed into a field is text.
    page.get_by_label("App", exact=True).focus()
    page.keyboard.type("ga")
    expect(page.get_by_label("App", exact=True)).to_have_value("ga")
    expect(page).to_have_url(re.compile("/events/"))
    page.keyboard.press("Escape")

    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    sheet.get_by_label("Keys do these things on this device").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    expect(page).to_have_url(re.compile("/events/"))
