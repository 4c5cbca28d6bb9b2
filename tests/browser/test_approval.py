"""Two people, each with a browser: one asks, the other approves, and each sees the other act."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import expect_status
from tests.lab.browser import open_page, sign_in
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry


def compose_file(image: str, label: str) -> str:
    return f"services:\n  web:\n    image: {image}\n    labels: {{step: {label}}}\n"


def test_one_asks_another_approves_and_nobody_loads_a_page_anew(
    page: Page,
    browser: Browser,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    slug, image = compose_project_cleanup.slug("eyes"), registry.push("web")
    panel.manage(
        "registry", "add", registry.host, "--username", registry.username, input=registry.password, check=True
    )
    panel.add_person("olga", "owner")
    sign_in(page, panel)
    client = panel.client()
    client.post("/apps/new/", {"slug": slug, "compose": compose_file(image, "one"), "environment": ""})
    settings = {"name": slug, "verify_timeout": "60", "calm_seconds": "1", "protected": "on"}
    assert client.post(f"/apps/{slug}/settings/", settings, follow=False).status == 302

    with open_page(browser) as others:
        sign_in(others, panel, "olga")
        expect(others.locator("tr", has_text=slug)).to_contain_text("Up", timeout=60_000)

        page.goto(f"{panel.url}/apps/{slug}/edit/")
        page.get_by_label("Compose file").fill(compose_file(image, "two"))
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page).to_have_url(re.compile(r"/events/\d+/$"))
        expect(page.locator("#event-status")).to_contain_text("olga can approve or refuse it")
        expect(page.get_by_role("link", name="Review")).to_have_count(0)

        # The other person's list says so by itself, and leads to the plan.
        others.get_by_role("link", name="Deploy waits for approval").click()
        others.get_by_role("link", name="Review").click()
        expect(others.get_by_text("labels: step changed")).to_be_visible()
        others.get_by_label("Note").fill("looks fine")
        others.get_by_role("button", name="Approve this plan").click()
        expect(others.get_by_text("You approved event")).to_be_visible()

        # Who asked sees it begin and end.
        expect_status(page, "Succeeded")
        expect(page.get_by_text("Given by olga")).to_be_visible()
        expect_status(others, "Succeeded")

        # What is asked for next is refused, and who asked reads why.
        page.goto(f"{panel.url}/apps/{slug}/remove/")
        page.get_by_label(f"Type {slug} to confirm").fill(slug)
        page.get_by_role("button", name=f"Remove {slug}").click()
        expect(page.locator("#event-status")).to_contain_text("waits for another person's approval")
        others.goto(page.url)
        others.get_by_role("link", name="Review").click()
        expect(others.get_by_text("What it would do now")).to_be_visible()
        others.get_by_label("Note").fill("we still need it")
        others.get_by_role("button", name="Refuse").click()
        expect_status(page, "Cancelled")
        expect(page.get_by_text("Refused by olga: we still need it. Nothing was changed.")).to_be_visible()
