"""The panel goes away and comes back while somebody looks at it: they are told, and nothing breaks."""

from playwright.sync_api import Page, Route, expect

from tests.browser.pages import sign_in
from tests.lab.panel import PanelProcess


def bad_gateway(route: Route) -> None:
    """Answer as a proxy does whose panel is just starting; whole pages pass."""
    if route.request.headers.get("hx-request"):
        route.fulfill(status=502, content_type="text/html", body="<html><h1>Bad gateway</h1></html>")
    else:
        route.continue_()


def test_a_panel_that_goes_away_is_told_and_one_that_comes_back_is_followed(
    page: Page, panel: PanelProcess
) -> None:
    panel.manage("registry", "add", "registry.example", "--username", "u", input="password", check=True)
    sign_in(page, panel)
    connection, problem = page.locator("#live-note"), page.locator("#problem")
    overview = page.locator("#overview-head, #app-list")
    with page.context.expect_page() as opened:
        page.evaluate("window.open('/registries/')")
    registries = opened.value
    check = registries.get_by_role("button", name="Check")
    registries.wait_for_load_state()

    # What a proxy says instead of the panel takes the place of nothing, asked for or not.
    page.context.route("**/*", bad_gateway)
    with page.expect_response(lambda answer: answer.status == 502):
        page.evaluate("refreshPart('overview-head')")
    expect(overview).to_have_count(2)
    expect(problem).to_be_empty()
    check.click()
    expect(registries.locator("#problem")).to_contain_text("The panel gave no answer")
    expect(registries.get_by_text("Bad gateway")).to_have_count(0)
    page.context.unroute("**/*")

    panel.kill()
    expect(connection).to_contain_text("Connection lost.")
    panel.start()
    expect(connection).to_be_empty()
    expect(overview).to_have_count(2)

    # A form that the panel no longer takes, as after another sign-in, is told by its own words.
    registries.context.clear_cookies(name="csrftoken")
    check.click()
    expect(registries.locator("#problem")).to_contain_text("Please send it again")
    expect(registries.locator("h1")).to_have_text("Registries")


def test_a_page_that_lost_a_part_on_its_way_is_loaded_once_more(page: Page, panel: PanelProcess) -> None:
    sign_in(page, panel)
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    for part, others in (("js/socket", 0), ("css/panel", 0), ("js/apps-live", 1)):
        page.evaluate("sessionStorage.clear()")
        asked.clear()
        # Others are for the second try: what never comes is not asked for for ever.
        page.route(f"**/{part}*", lose, times=1 + others)
        page.goto(panel.url)
        page.wait_for_function("() => performance.getEntriesByType('navigation')[0].type === 'reload'")
        page.wait_for_load_state()
        page.wait_for_timeout(300)
        assert len(asked) == 1 + others
        expect(page.locator("h1")).to_have_text("Apps")
        # Hidden by a rule of panel.css.
        expect(page.locator(".skip-link")).not_to_be_in_viewport()
