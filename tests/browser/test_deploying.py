"""From an empty panel to an app that runs, was changed, rolled back and removed, as people see it."""

import re
import urllib.request

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import deploy, expect_status, log_lines, sign_in, write_app
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry, StallingRegistry
from tests.lab.waiting import free_port

SECRET = "hunter2-hunter2"


def compose_file(image: str, port: int) -> str:
    return f'services:\n  web:\n    image: {image}\n    ports: ["127.0.0.1:{port}:8080"]\n'


def answer_at(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
        return str(response.read().decode().strip())


def add_registry(page: Page, panel: PanelProcess, registry: Registry) -> None:
    page.goto(f"{panel.url}/registries/add/")
    page.get_by_label("Host").fill(registry.host)
    page.get_by_label("User name").fill(registry.username)
    page.get_by_label("Password").fill(registry.password)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text(f"{registry.host} accepts {registry.username}")).to_be_visible()


def test_an_app_is_deployed_changed_rolled_back_and_removed(
    page: Page,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    slug, port = compose_project_cleanup.slug("shop"), free_port()
    first, second = registry.push("web", "1"), registry.push("web", "2")
    registry.forget_local()
    sign_in(page, panel)
    expect(page.get_by_role("heading", name="No apps yet")).to_be_visible()
    add_registry(page, panel, registry)
    apps = page.context.new_page()
    apps.goto(panel.url)

    # A mistake is told at its line, and what was typed is kept.
    write_app(page, panel, slug, compose_file(first, port).replace("ports", "portz"), f"TOKEN={SECRET}\n")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".field-errors")).to_contain_text("Line 4")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.locator("#id_environment")).to_have_value(f"TOKEN={SECRET}\n")

    # The first deploy is watched while it runs; nothing is loaded anew.
    page.get_by_label("Compose file").fill(compose_file(first, port))
    deploy(page)
    expect_status(page, "Succeeded")
    assert [line for line in log_lines(page) if "Started" in line]
    expect(page.locator(".timeline-done")).to_have_count(7)
    assert answer_at(port) == "web 1"
    expect(apps.locator(f"[data-live-app={slug}] .cell-state")).to_have_text("Up")

    # The next version keeps the value that nobody sees any more.
    page.goto(f"{panel.url}/apps/{slug}/edit/")
    assert SECRET not in page.content()
    page.get_by_label("Compose file").fill(compose_file(second, port))
    deploy(page)
    expect_status(page, "Succeeded")
    assert answer_at(port) == "web 2"

    page.goto(f"{panel.url}/apps/{slug}/versions/")
    expect(page.locator("#diff .diff-added")).to_have_count(1)
    expect(page.locator("#diff")).to_contain_text("The environment is the same.")
    page.get_by_role("link", name="Roll back").click()
    expect(page.locator("#rollback-plan")).to_contain_text("What the deploy will do")
    page.get_by_label("The same file only").check()
    expect(page.locator("#rollback-plan input[name=images]")).to_have_value("file")
    page.get_by_label("The same images").check()
    expect(page.locator("#rollback-plan input[name=images]")).to_have_value("same")
    page.get_by_role("button", name="Roll back as planned").dblclick()
    expect_status(page, "Succeeded")
    assert answer_at(port) == "web 1"

    page.goto(f"{panel.url}/apps/{slug}/")
    row = page.get_by_role("row", name=re.compile("^web"))
    expect(row).to_contain_text(f"127.0.0.1:{port}->8080/tcp")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect_status(page, "Succeeded")
    expect(apps.locator(f"[data-live-app={slug}] .cell-state")).to_have_text("Stopped")

    page.goto(f"{panel.url}/apps/{slug}/settings/")
    page.get_by_role("link", name=f"Remove {slug}").click()
    page.get_by_label(f"Type {slug} to confirm").fill(slug)
    page.get_by_role("button", name=f"Remove {slug}").click()
    expect_status(page, "Succeeded")
    expect(apps.locator(f"[data-live-app={slug}]")).to_have_count(0)


def test_a_stalling_deploy_is_cancelled(
    page: Page,
    panel: PanelProcess,
    stalling_registry: StallingRegistry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    sign_in(page, panel)
    slug = compose_project_cleanup.slug("stall")
    write_app(page, panel, slug, compose_file(stalling_registry.ref(), free_port()))
    deploy(page)
    expect(page.locator(".timeline-running")).to_contain_text("Pull the images")
    # Another tab says so, too, on a page that is about something else.
    other = page.context.new_page()
    other.goto(f"{panel.url}/account/")
    icon = other.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("favicon-busy"))

    page.get_by_role("button", name="Cancel").click()

    expect_status(page, "Cancelled", 10)
    expect(icon).to_have_attribute("href", re.compile(r"favicon\.svg"))
    expect(page.locator("#event-status .error-sentence")).to_contain_text("Cancelled by admin in step pull")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_all_works_without_javascript(
    browser: Browser,
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
) -> None:
    slug = compose_project_cleanup.slug("plain")
    image = registry.push("web", "1")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        sign_in(page, panel)
        add_registry(page, panel, registry)
        write_app(page, panel, slug, compose_file(image, free_port()))
        page.get_by_role("button", name="Show plan").click()
        expect(page.get_by_role("heading", name="What the deploy will do")).to_be_visible()
        page.get_by_role("button", name="Deploy as planned").click()
        # The page loads itself anew until the event has ended.
        expect_status(page, "Succeeded")
        assert [line for line in log_lines(page) if "Started" in line]
        page.goto(f"{panel.url}/apps/{slug}/")
        page.get_by_label("Number of containers of web").fill("0")
        page.get_by_role("button", name="Scale").click()
        expect_status(page, "Succeeded")
        page.goto(f"{panel.url}/events/")
        page.get_by_label("Action").select_option("scale")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".event-table tbody tr")).to_have_count(1)
    finally:
        context.close()
