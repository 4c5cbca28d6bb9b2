"""An app's page, as two people have it open at once."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import expect_status, sign_in
from tests.lab.engine import Engine, ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.usage_socket import stats_processes
from tests.lab.waiting import free_port, wait_until


def test_one_acts_and_the_other_sees_it_without_loading_the_page_anew(
    browser: Browser,
    page: Page,
    engine: Engine,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    slug, port = compose_project_cleanup.slug("page"), free_port()
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    image = registry.ref("web")
    text = (
        f"services:\n  web: {{image: {image}, mem_limit: 64m, restart: always, "
        f'ports: ["127.0.0.1:{port}:8080"]}}\n  db: {{image: {image}, restart: always}}\n'
    )
    panel.manage("app", "deploy", slug, "--file", "-", "--message", "The first", input=text, check=True)
    address = f"{panel.url}/apps/{slug}/"
    other = browser.new_context(viewport={"width": 375, "height": 812})
    plain = browser.new_context(java_script_enabled=False)
    try:
        watching = other.new_page()
        sign_in(watching, panel)
        watching.goto(address)
        web = watching.locator("tr", has=watching.get_by_role("rowheader", name="web"))
        db = watching.locator("tr", has=watching.get_by_role("rowheader", name="db"))
        state = watching.locator("#app-state .state-large")
        expect(state).to_have_text("Up")
        expect(watching.locator("#app-state")).to_contain_text("2 services, all well")

        # What they use is there by itself, as text and as a bar, by one process for everybody.
        expect(web.locator(".usage-number").nth(1)).to_contain_text("of 64.0 MiB", timeout=20_000)
        expect(watching.locator("[data-usage-total] .usage-bar rect")).to_have_count(2)
        expect(web.get_by_role("link", name=f"127.0.0.1:{port}->8080/tcp")).to_have_attribute(
            "href", f"http://127.0.0.1:{port}/"
        )
        assert len(stats_processes(panel.pid)) == 1

        # One stops a service; the other is told, with what else changed by that.
        typed = watching.get_by_label("Number of containers of db")
        typed.focus()
        watching.evaluate("window.notLoadedAnew = true")
        sign_in(page, panel)
        page.goto(address)
        page.get_by_role("button", name="Stop web").click()
        expect_status(page, "Succeeded")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Stop {slug} web")
        expect(web.locator(".cell-state")).to_contain_text("Stopped")
        expect(web.locator(".usage-number")).to_have_count(0)
        expect(state).to_have_text("Partly stopped")
        expect(watching.locator("#app-announcement")).to_have_text("Partly stopped")
        expect(watching.locator("#app-history .event-table")).to_contain_text("Stop web")

        # What somebody does by hand is seen, too; and so is a scale, here by the keyboard.
        # In a field that came anew a number is typed over, as in one that was just gone to.
        watching.keyboard.type("7")
        expect(typed).to_have_value("7")
        engine.run("restart", "--time", "0", f"simpledeploy-{slug}-db-1")
        page.goto(address)
        page.get_by_label("Number of containers of db").fill("2")
        page.get_by_label("Number of containers of db").press("Enter")
        expect_status(page, "Succeeded")
        expect(db).to_contain_text("2 of 2 run")
        # What somebody is typing meanwhile stays, in the field and with the cursor in it.
        expect(typed).to_have_value("7")
        expect(typed).to_be_focused()
        db.get_by_text("Each container").click()
        expect(db.locator(".containers li")).to_have_count(2)

        # So is another name.
        named = {"name": "Page house", "tags": "", "verify_timeout": "60", "calm_seconds": "1"}
        assert panel.client().post(f"/apps/{slug}/settings/", named).status == 200
        expect(watching.get_by_role("heading", level=1)).to_have_text(f"Page house {slug}")

        # Without scripts there is all but the live numbers, and the page says so.
        reading = plain.new_page()
        sign_in(reading, panel)
        reading.goto(address)
        expect(reading.get_by_text("which needs JavaScript")).to_be_visible()
        reading.get_by_role("button", name="Start web").click()
        expect_status(reading, "Succeeded")
        expect(state).to_have_text("Up")
        expect(db.locator(".containers li").first).to_be_visible()

        # It is removed under the eyes of whoever looks at it.
        panel.manage("app", "remove", slug, check=True)
        expect(watching.get_by_role("heading", name=f"{slug} was removed")).to_be_visible()
        assert watching.evaluate("window.notLoadedAnew")
        wait_until(lambda: not stats_processes(panel.pid), "nothing is measured any more", timeout=60)
    finally:
        other.close()
        plain.close()
