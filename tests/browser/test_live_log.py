"""The pane with an event's output: whole, in order, each line once, and quick."""

from playwright.sync_api import Page, expect

from tests.browser.pages import deploy, expect_status, log_lines, sign_in, write_app
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import StallingRegistry

MANY = 100_000
_MAKE_EVENT = """
from django.utils import timezone
from apps.applications.models import App
from apps.deployments.logs import append_lines
from apps.deployments.models import DeployEvent
app = App.objects.create(slug="long", name="long")
now = timezone.now()
ended = {{"status": "succeeded", "started_at": now, "finished_at": now}}
event = DeployEvent.objects.create(app=app, slug="long", action="pull", requested_by="ada", **ended)
for first in range(1, {lines} + 1, 500):
    append_lines(event.pk, first, [(now, "stdout", f"line {{n}}") for n in range(first, first + 500)])
"""


def test_a_hundred_thousand_lines_are_all_there_and_the_tab_stays_quick(
    page: Page, panel: PanelProcess
) -> None:
    panel.manage("shell", "-c", _MAKE_EVENT.format(lines=MANY), check=True)
    sign_in(page, panel)
    page.goto(f"{panel.url}/events/1/")
    pane = page.locator("[data-log-pane]")
    expect(page.get_by_text(f"line {MANY}", exact=True)).to_be_in_viewport(timeout=60_000)

    assert log_lines(page) == [f"line {number}" for number in range(1, MANY + 1)]
    # The longest time between two frames while a reader scrolls through all of it, in milliseconds.
    longest = pane.evaluate(
        """pane => new Promise(resolve => {
            let longest = 0, before = performance.now(), frame = 0;
            const step = () => {
                const now = performance.now();
                if (frame > 1) longest = Math.max(longest, now - before);
                before = now;
                pane.scrollTop = pane.scrollHeight * (frame / 60);
                if (frame++ < 60) requestAnimationFrame(step); else resolve(longest);
            };
            requestAnimationFrame(step);
        })"""
    )
    assert longest < 500


def test_it_follows_the_end_until_the_reader_scrolls_up(page: Page, panel: PanelProcess) -> None:
    panel.manage("shell", "-c", _MAKE_EVENT.format(lines=2000), check=True)
    sign_in(page, panel)
    page.goto(f"{panel.url}/events/1/")
    last = page.get_by_text("line 2000", exact=True)
    jump = page.get_by_role("button", name="Jump to the end")
    expect(last).to_be_in_viewport()
    expect(jump).to_be_hidden()

    page.locator("[data-log-pane]").hover()
    page.mouse.wheel(0, -3000)

    expect(last).not_to_be_in_viewport()
    expect(jump).to_be_visible()
    jump.click()
    expect(last).to_be_in_viewport()
    expect(jump).to_be_hidden()


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
    expect(page.get_by_text("web Pulling")).to_be_visible()
    seen = log_lines(page)

    panel.kill()

    expect(connection).to_contain_text("Connection lost. Trying again in")
    panel.start()
    expect_status(page, "Interrupted", 40)
    assert log_lines(page)[: len(seen)] == seen
    assert len(log_lines(page)) == len(set(log_lines(page)))
