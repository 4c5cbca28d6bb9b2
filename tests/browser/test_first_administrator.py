"""The terminal's one-time link, as a person meets it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.lab.panel import PanelProcess


def unclaimed(panel_process: Callable[..., PanelProcess]) -> PanelProcess:
    panel = panel_process(claimed=False, start=False)
    panel.manage("migrate", "--verbosity", "0", check=True)
    return panel.start()


def link_in(panel: PanelProcess) -> str:
    (link,) = re.findall(rf"{panel.url}/setup/#[A-Z2-7-]+", panel.output)
    return str(link)


def test_the_link_makes_the_first_administrator_once(
    page: Page, panel_process: Callable[..., PanelProcess]
) -> None:
    panel = unclaimed(panel_process)
    link = link_in(panel)
    code = link.partition("#")[2]

    page.goto(panel.url)
    expect(page.get_by_role("heading", name="This panel is not claimed yet")).to_be_visible()
    assert page.locator("form").count() == 0

    page.goto(link)
    expect(page.get_by_label("Code from the terminal")).to_have_value(code)
    expect(page.get_by_label("Username")).to_be_focused()
    assert page.url == f"{panel.url}/setup/"
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    page.get_by_label("Password confirmation").fill("correct horse battery staple")
    page.get_by_role("button", name="Make the account").click()

    expect(page).to_have_url(f"{panel.url}/")
    expect(page.locator("header")).to_contain_text("ada")
    page.goto(panel.url + "/setup/")
    expect(page.get_by_label("Code from the terminal")).to_have_count(0)
    # Only the line that shows the link has the code: no address that the server logged.
    assert panel.output.count(code) == 1


def test_a_code_that_holds_odd_characters_is_only_a_wrong_one(
    page: Page, panel_process: Callable[..., PanelProcess]
) -> None:
    panel = unclaimed(panel_process)

    page.goto(f"{panel.url}/setup/#%E0%A4%A<b>")
    page.get_by_label("Code from the terminal").fill("AAAAA")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    page.get_by_label("Password confirmation").fill("correct horse battery staple")
    page.get_by_role("button", name="Make the account").click()

    expect(page.get_by_text("This is not the code that the terminal shows.")).to_be_visible()
