"""One acts, another sees overview and events change; searches are kept; all of it works without scripts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.browser.pages import deploy, expect_status, write_app
from tests.lab.browser import open_page, sign_in
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

_FILL = """
from django.utils import timezone
from apps.applications.models import App, AppTag
from apps.deployments.models import DeployEvent
apps = App.objects.bulk_create([App(slug=f"zebra-{n:02}", name=f"Zebra {n}") for n in range(30)])
AppTag.objects.bulk_create(AppTag(app=app, name="striped") for app in apps[:3])
ended = {"status": "succeeded", "started_at": timezone.now(), "finished_at": timezone.now()}
DeployEvent.objects.bulk_create(
    DeployEvent(app=apps[0], slug="zebra-00", action="pull", requested_by=f"person-{n % 2}", **ended)
    for n in range(30))
"""

# Keeps what some parts of the overview show at any time: a deploy may be over before a test looks.
_REMEMBER = """row => {
    const parts = { now: ".now-list", row: `#${row} .cell-now`, chip: "#chip-deploying" };
    window.shown = { now: [], row: [], chip: [] };
    new MutationObserver(() => {
        for (const [name, selector] of Object.entries(parts)) {
            const text = document.querySelector(selector)?.innerText;
            if (text && window.shown[name].at(-1) !== text) window.shown[name].push(text);
        }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def panel(panel_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PanelProcess]:
    """A panel with thirty apps, of which one has thirty events, and somebody who may only look."""
    panel = PanelProcess(tmp_path_factory.mktemp("overview"), panel_template)
    try:
        panel.manage("shell", "-c", _FILL, check=True)
        panel.start()
        panel.add_person("vera", "viewer")
        yield panel
    finally:
        panel.clean_up()


def test_what_one_does_the_other_sees_without_loading_anything_anew(
    page: Page,
    browser: Browser,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    slug = compose_project_cleanup.slug("ape")
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    sign_in(page, panel)

    with open_page(browser) as overview:
        sign_in(overview, panel, "vera")
        events, running, second = (overview.context.new_page() for _ in range(3))
        events.goto(f"{panel.url}/events/")
        running.goto(f"{panel.url}/?state=running")
        second.goto(f"{panel.url}/events/?app=zebra-00")
        second.get_by_role("link", name="Older").click()
        expect(running.get_by_role("heading", name="No app fits")).to_be_visible()
        for one in (overview, events, running, second):
            one.evaluate("window.neverLoadedAnew = true")
        overview.evaluate(_REMEMBER, f"row-{slug}")
        sockets: list[str] = []
        overview.on("websocket", lambda socket: sockets.append(socket.url))

        write_app(
            page, panel, slug, f"services: {{web: {{image: {registry.push('web')}, restart: always}}}}\n"
        )
        deploy(page)

        # It has ended, everywhere.
        expect_status(page, "Succeeded")
        first = events.locator(".event-table tbody tr").first
        expect(first).to_contain_text(f"Deploy {slug}")
        expect(overview.locator(f"#row-{slug} .cell-state")).to_have_text("Up")
        expect(overview.locator(".last-list li").first).to_contain_text(f"Deploy {slug}")
        expect(overview.get_by_text("Nothing is being deployed.")).to_be_visible()
        # While it ran it was shown above the list and in its row, which had come by itself.
        shown = overview.evaluate("window.shown")
        assert [one for one in shown["now"] if f"Deploy {slug}" in one and "by admin" in one], shown
        assert [one for one in shown["row"] if "Deploy" in one], shown
        assert [one for one in shown["chip"] if one.split() == ["Deploying", "1"]], shown
        expect(first).to_contain_text("Succeeded")
        expect(first.get_by_role("link", name="admin")).to_have_attribute("href", "/events/?person=admin")
        # It has come into a list that it did not fit before, and leaves it when it is stopped.
        expect(running.locator(f"#row-{slug}")).to_be_visible()
        page.goto(f"{panel.url}/apps/{slug}/")
        first.get_by_role("link", name="admin").focus()
        page.get_by_role("button", name="Stop", exact=True).first.click()
        expect_status(page, "Succeeded")
        expect(running.locator(f"#row-{slug}")).to_have_count(0)
        expect(overview.locator(f"#row-{slug} .cell-state")).to_have_text("Stopped")
        expect(first).to_contain_text(f"Stop {slug}")
        # What had the focus in a list that came anew still has it, in the same row.
        second_row = events.locator(".event-table tbody tr").nth(1)
        expect(second_row.get_by_role("link", name="admin")).to_be_focused()
        # What does not fit a filter does not come in, and a page that is not the first one stays where it is.
        expect(second.locator("#new-events")).to_have_count(0)
        assert all(one.evaluate("window.neverLoadedAnew") for one in (overview, events, running, second))
        assert sockets == [], "the first connection still stands"


def test_a_search_is_made_while_typing_and_kept_by_the_browser(page: Page, panel: PanelProcess) -> None:
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    sign_in(page, panel)
    rows, search = page.locator("[data-live-app]"), page.get_by_role("searchbox", name="Search")
    expect(rows).to_have_count(25)

    search.press_sequentially("zebra-1")

    expect(rows).to_have_count(10)
    expect(page.get_by_role("status").filter(has_text="10 of")).to_be_visible()
    expect(page).to_have_url(f"{panel.url}/?q=zebra-1")
    expect(search).to_be_focused()
    search.press_sequentially("7")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{panel.url}/?q=zebra-17")
    assert len(opened) == 1

    # What was sought is sought in a state, too, and back again.
    page.locator("#chip-stopped").click()
    expect(page).to_have_url(re.compile(r"\?q=zebra-17&state=stopped$"))
    page.go_back()
    expect(page).to_have_url(f"{panel.url}/?q=zebra-17")
    page.get_by_role("link", name="Zebra 17").click()
    expect(page.get_by_role("heading", name="Zebra 17")).to_be_visible()
    page.go_back()
    expect(search).to_have_value("zebra-17")
    expect(rows).to_have_count(1)
    page.go_back()
    expect(search).to_have_value("zebra-1")
    expect(rows).to_have_count(10)

    page.goto(f"{panel.url}/")
    page.get_by_role("link", name="striped").first.click()
    expect(rows).to_have_count(3)
    page.get_by_label("Sort by").select_option("added")
    expect(page).to_have_url(f"{panel.url}/?sort=added&tag=striped")
    expect(rows.first).to_contain_text("Zebra 2")

    page.goto(f"{panel.url}/events/")
    page.get_by_label("Person").fill("person-1")
    page.get_by_label("Person").press("Enter")
    expect(page).to_have_url(f"{panel.url}/events/?person=person-1")
    expect(page.locator(".event-table tbody tr")).to_have_count(15)
    page.go_back()
    expect(page.get_by_label("Person")).to_have_value("")


def test_a_lost_connection_is_said_and_what_changed_meanwhile_is_shown(
    page: Page, panel: PanelProcess
) -> None:
    sockets: list[WebSocketRoute] = []
    is_cut = False

    def connect(socket: WebSocketRoute) -> None:
        if is_cut:
            socket.close()
            return
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws/apps/"), connect)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.headers.get("hx-trigger", "")))
    sign_in(page, panel)
    note, row = page.locator("#live-note"), page.locator("#row-zebra-03")
    expect(row).to_contain_text("Zebra 3")
    expect(note).to_be_empty()
    owner = panel.client()

    # What changes everywhere at once, as where the engine goes, is fetched as a whole and not row by row.
    apps = [{"slug": f"zebra-{n:02}", "state": "unreachable", "key": "other"} for n in range(30)]
    told = {"type": "apps", "whole": False, "known": "other", "busy": 0, "apps": apps}
    focused = page.locator("#row-zebra-00").get_by_role("link", name="striped")
    focused.focus()
    focused.evaluate("link => { link.isOld = true; }")
    with page.expect_response(re.compile("/apps/zebra-00/row/")):
        sockets[-1].send(json.dumps({**told, "apps": apps[:1]}))
    expect(focused).not_to_have_js_property("isOld", True)
    expect(focused).to_be_focused()
    # A row that got no answer is fetched again.
    page.route("**/apps/zebra-01/row/", lambda route: route.abort(), times=1)
    with page.expect_response(re.compile("/apps/zebra-01/row/")):
        sockets[-1].send(json.dumps({**told, "apps": apps[1:2]}))
    fetched.clear()
    with page.expect_response(lambda answer: answer.request.headers.get("hx-trigger") == "app-list"):
        sockets[-1].send(json.dumps(told))
    # Of the 25 rows that are shown; what really changes on the panel may come between.
    assert len([one for one in fetched if one.startswith("row-zebra")]) < 5

    is_cut = True
    sockets[-1].close()
    expect(note).to_contain_text("Connection lost. What is shown may be out of date")
    settings = {"name": "Grevy", "tags": "", "verify_timeout": "60", "calm_seconds": "1"}
    assert owner.post("/apps/zebra-03/settings/", settings).status == 200
    is_cut = False
    expect(row).to_contain_text("Grevy")
    expect(note).to_be_empty()

    # Who signs out in another window is told so.
    other = page.context.new_page()
    other.goto(f"{panel.url}/account/")
    other.locator(".account-menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(note).to_contain_text("You are signed out")


def test_it_all_works_without_scripts(browser: Browser, panel: PanelProcess) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, panel)
        page.get_by_role("searchbox", name="Search").fill("striped")
        page.get_by_label("Sort by").select_option("added")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("[data-live-app]")).to_have_count(3)
        expect(page.locator("[data-live-app]").first).to_contain_text("Zebra 2")
        page.get_by_role("link", name="Zebra 0").click()
        page.get_by_role("navigation", name="Zebra 0").get_by_role("link", name="Events").click()
        expect(page.locator(".event-table tbody tr")).to_have_count(25)
        page.get_by_role("link", name="Older").click()
        expect(page.locator(".event-table tbody tr")).to_have_count(5)
        page.get_by_role("link", name="Newer").click()
        page.get_by_text("More filters").click()
        page.get_by_label("Person").fill("person-0")
        page.get_by_label("From").fill("2026-01-01T00:00")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".event-table tbody tr")).to_have_count(15)
        with page.expect_download() as started:
            page.get_by_role("link", name="Download as CSV").click()
        assert len(started.value.path().read_text().splitlines()) == 16


def note_answers(page: Page, part: str) -> None:
    """Let `window.isAnswered` be true once the part with this id has got an answer."""
    page.evaluate(
        """part => addEventListener("htmx:afterRequest", ({ detail }) => {
            if (detail.elt.id === part) window.isAnswered = true;
        })""",
        part,
    )


def test_a_press_is_not_lost_to_what_comes_meanwhile(page: Page, panel: PanelProcess) -> None:
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws/apps/"), connect)
    sign_in(page, panel)
    wait_until(lambda: page.wait_for_timeout(10) or sockets, "it is connected")
    row = page.locator("#row-zebra-00")
    app = {"slug": "zebra-00", "state": "unreachable", "key": "other"}
    told = {"type": "apps", "whole": False, "known": "other", "busy": 0, "apps": [app]}

    # Pressed beside any link: the row waits, and is fetched again when the press is over.
    row.locator(".cell-state").hover()
    page.mouse.down()
    row.evaluate("row => { row.isOld = true; }")
    note_answers(page, "row-zebra-00")
    sockets[-1].send(json.dumps(told))
    page.wait_for_function("() => window.isAnswered")
    expect(row).to_have_js_property("isOld", True)
    with page.expect_response(re.compile("/apps/zebra-00/row/")):
        page.mouse.up()
    expect(row).not_to_have_js_property("isOld", True)

    row.get_by_role("link", name="Zebra 0").hover()
    page.mouse.down()
    page.evaluate("window.isAnswered = false")
    sockets[-1].send(json.dumps(told))
    page.wait_for_function("() => window.isAnswered")
    page.mouse.up()
    expect(page.get_by_role("heading", name="Zebra 0")).to_be_visible()


def test_what_is_chosen_while_the_page_still_loads_is_asked_for(page: Page, panel: PanelProcess) -> None:
    sign_in(page, panel)
    held: list[Route] = []
    page.route(re.compile(r"/htmx[^/]*\.js"), lambda route: held.append(route))
    page.goto(f"{panel.url}/", wait_until="commit")
    page.get_by_label("Sort by").select_option("added")
    wait_until(lambda: page.wait_for_timeout(10) or held, "htmx is asked for")
    held[0].continue_()
    expect(page).to_have_url(f"{panel.url}/?sort=added")
    expect(page.locator("#row-zebra-29")).to_be_visible()


def test_an_answer_is_not_lost_to_a_part_that_is_fetched_meanwhile(page: Page, panel: PanelProcess) -> None:
    sign_in(page, panel)
    page.goto(f"{panel.url}/events/")
    held: list[Route] = []
    page.route(re.compile(r"/events/\?.*status=failed"), lambda route: held.append(route))
    page.get_by_label("Status").select_option("failed")
    wait_until(lambda: page.wait_for_timeout(10) or held, "the choice is asked for")
    note_answers(page, "event-list")
    page.evaluate("refreshPart('event-list')")
    page.wait_for_function("() => window.isAnswered")
    held[0].continue_()
    expect(page.get_by_role("heading", name="No event fits")).to_be_visible()
    expect(page).to_have_url(re.compile("status=failed"))
