"""The browser of the lab: what it reports must fail a test, what it does must be real."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.lab.browser import open_page, sign_in
from tests.lab.panel import PanelProcess


def show(browser: Browser, html: str) -> None:
    with open_page(browser) as page:
        page.set_content(html)
        page.wait_for_timeout(100)


def test_a_page_runs_scripts_and_has_no_cookies(page: Page) -> None:
    page.set_content("<p id=x>before</p><script>x.textContent = 'after'</script>")
    expect(page.locator("#x")).to_have_text("after")
    assert page.context.cookies() == []


def test_an_exception_in_a_script_fails_the_test(browser: Browser) -> None:
    with pytest.raises(AssertionError, match="gone wrong"):
        show(browser, "<script>throw new Error('gone wrong')</script>")


def test_a_breach_of_the_content_security_policy_fails_the_test(browser: Browser) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\">"
    with pytest.raises(AssertionError, match="Content Security Policy"):
        show(browser, f"{policy}<script>1</script>")


def test_a_page_can_be_signed_in(page: Page, panel: PanelProcess) -> None:
    sign_in(page, panel)
    assert page.url == f"{panel.url}/"
