"""The page of an event: followed while it runs, read when it has failed, and left by one of the ways on."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import expect_status, log_lines
from tests.lab.browser import sign_in
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.throttle import ThrottledRegistry


def test_a_deploy_is_followed_and_a_failed_one_is_repaired(
    page: Page,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
    tmp_path: Path,
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    slug = compose_project_cleanup.slug("event")
    file = tmp_path / "compose.yml"
    status, pull = page.locator("#event-status"), page.locator("#pull-progress")
    sign_in(page, panel)
    with ThrottledRegistry(registry, rate=20_000) as slow:
        for host in (registry.host, slow.host):
            words = ("registry", "add", host, "--username", registry.username)
            panel.manage(*words, input=registry.password, check=True)
        registry.forget_local()
        web = f"services:\n  web: {{image: {slow.ref('web')}}}\n"
        file.write_text(web)
        panel.manage("app", "deploy", slug, "--file", str(file), "--detach", check=True)

        # How far the pull has come, also after the page was loaded anew; the many lines of it are left out.
        page.goto(f"{panel.url}/events/1/")
        expect(page).to_have_title(f"Deploy {slug}: Running, event 1 · SimpleDeploy")
        expect(pull.get_by_text("0 of 1 layer")).to_be_visible()
        expect(pull).to_contain_text("of 1.069 MB")
        page.reload()
        expect(pull.locator("progress")).to_have_attribute("max", "1")
        slow.rate = 10_000_000
        expect_status(page, "Succeeded")
        expect(page.locator("#event-announcement")).to_have_text("Succeeded")
        expect(page).to_have_title(f"Deploy {slug}: Succeeded, event 1 · SimpleDeploy")
        expect(status).to_contain_text("Version 1 runs: its 1 service is as its file asks.")
        stored = panel.client().get("/events/1/log.txt").text.splitlines()
        assert log_lines(page) == [line.partition(" ")[2] for line in stored]
        shown = page.locator("[data-log-pane] .log-text").all_text_contents()
        assert len(shown) < len(stored)
        assert not any("Downloading" in line for line in shown)
        page.get_by_role("button", name="Progress lines").click()
        expect(page.locator("[data-log-pane] .log-text")).to_have_count(len(stored))

        # The verdict of a failed one first, with what the service said last.
        file.write_text(
            f"{web}  job: {{image: {registry.ref('job')}, restart: 'no', environment: {{EXIT_CODE: '3'}}}}\n"
        )
        assert panel.manage("app", "deploy", slug, "--file", str(file)).returncode == 1
        page.goto(f"{panel.url}/events/2/")
        expect(status).to_contain_text("1 service does not run as it should: job.")
        last_lines = page.get_by_role("group", name=f"Last lines of simpledeploy-{slug}-job-1")
        expect(last_lines).to_contain_text("job ends with 3")
        expect(last_lines).to_be_in_viewport()
        expect(page.get_by_role("link", name="Roll back to version 1 …")).to_be_visible()
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_text("Copied the link", exact=True)).to_be_attached()
        assert page.evaluate("navigator.clipboard.readText()") == f"{panel.url}/events/2/"

        # The event before, and back.
        page.get_by_role("link", name="Previous event").click()
        expect(page).to_have_url(f"{panel.url}/events/1/")
        expect(page.get_by_role("link", name="Next event")).to_have_attribute("rel", "next")
        page.go_back()
        expect(status).to_contain_text("1 service does not run as it should: job.")

        # On paper: what was found and the output, black on white, and nothing to press.
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.locator(".log-text").first).to_have_css("color", "rgb(0, 0, 0)")
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        assert page.locator("button:visible, .btn:visible").count() == 0
        expect(status).to_be_visible()
        page.emulate_media(media="screen", color_scheme="light")

        # Once more by its plan, which fails again; and the way back.
        page.get_by_role("link", name="Try again …").click()
        page.get_by_role("button", name="Try again as planned").click()
        expect(page).to_have_url(f"{panel.url}/events/3/")
        expect_status(page, "Failed")
        page.get_by_role("link", name="Roll back to version 1 …").click()
        expect(page).to_have_url(f"{panel.url}/apps/{slug}/versions/1/rollback/")
        page.go_back()
        expect(status).to_contain_text("1 service does not run as it should: job.")
