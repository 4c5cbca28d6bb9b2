"""Django's admin works under the panel's content security policy; `page` fails where it is violated."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import sign_in
from tests.lab.panel import PanelProcess

PAGES = [
    "/",
    "/accounts/user/",
    "/accounts/user/add/",
    "/accounts/user/1/change/",
    "/deployments/deployevent/",
]


def test_the_records_work_under_the_policy(page: Page, panel: PanelProcess) -> None:
    sign_in(page, panel)
    for address in PAGES:
        page.goto(f"{panel.url}/admin{address}")
        expect(page.locator("#content")).to_be_visible()


def test_an_inline_script_does_not_run(browser: Browser, panel: PanelProcess) -> None:
    # Not `page`, which fails where the policy has something to refuse.
    with browser.new_context() as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(f"{panel.url}/login/")
        page.evaluate(
            "() => { const script = document.createElement('script');"
            " script.textContent = 'window.stolen = document.cookie'; document.body.append(script) }"
        )
        assert page.evaluate("() => window.stolen") is None
        assert any("Content Security Policy" in text for text in refused)
