"""Versions compared and brought back, a template saved and started from, and a machine with a fault.

What JavaScript does not have to do is done without it.
"""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import expect_status, sign_in
from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.panel import PASSWORD, PanelProcess
from tests.lab.registry import Registry

VALUE = "hunter2-hunter2"
KEPT = "".join(f"# line {number}\n" for number in range(12))


def file_of(image: str) -> str:
    return f"{KEPT}services:\n  web:\n    image: {image}\n    environment: [MODE, API_TOKEN]\n"


def deploy(panel: PanelProcess, slug: str, folder: Path, yaml: str, env: str) -> None:
    (folder / "compose.yml").write_text(yaml)
    (folder / "env").write_text(env)
    words = ("--file", str(folder / "compose.yml"), "--env-file", str(folder / "env"))
    panel.manage("app", "deploy", slug, *words, check=True)


def compare_and_roll_back(page: Page, panel: PanelProcess, slug: str) -> None:
    page.goto(f"{panel.url}/apps/{slug}/versions/")
    diff = page.locator("#diff")
    expect(diff.locator(".diff-side del")).to_have_text("1")
    expect(diff.locator(".diff-side ins")).to_have_text("2")
    expect(diff).to_contain_text("Added MORE")
    expect(diff).to_contain_text("MODE has another value")
    expect(diff).to_contain_text("1 unchanged")
    assert VALUE not in page.content()
    # A fold opens without a script.
    expect(diff.get_by_text("# line 3").first).to_be_hidden()
    diff.get_by_text("11 unchanged lines").click()
    expect(diff.get_by_text("# line 3").first).to_be_visible()

    # The other view has an address, and the browser's way back leads to the first.
    diff.get_by_role("link", name="One below the other").click()
    expect(diff.locator(".diff-inline .diff-removed")).to_contain_text("Removed:")
    expect(page).to_have_url(re.compile(r"view=inline"))
    page.go_back()
    expect(diff.locator(".diff-side")).to_be_visible()
    page.set_viewport_size({"width": 375, "height": 812})
    removed, added = (diff.locator(kind).bounding_box() for kind in (".diff-removed", ".diff-added"))
    assert removed is not None
    assert added is not None
    assert removed["x"] == added["x"]
    assert removed["y"] < added["y"], "on a narrow screen they stand below each other"
    page.set_viewport_size({"width": 1280, "height": 800})

    page.get_by_role("link", name="Roll back").click()
    expect(page.get_by_role("heading", name="What the deploy will do")).to_be_visible()
    page.get_by_role("button", name="Roll back as planned").click()
    expect_status(page, "Succeeded")
    page.goto(f"{panel.url}/apps/{slug}/versions/")
    row = page.get_by_role("row", name=re.compile("^Version 1 "))
    expect(row).to_contain_text("Current")
    expect(row).to_contain_text("2 of 2 times well")


def start_from_own(page: Page, panel: PanelProcess, slug: str, new: str) -> list[str]:
    """Save `slug` as a template and start `new` from it; return every page and address on the way."""
    seen = []

    def look() -> None:
        seen.append(page.url + page.content())

    page.goto(f"{panel.url}/apps/{slug}/versions/")
    page.get_by_role("link", name="Save as a template").click()
    look()
    page.get_by_label("Name", exact=True).first.fill("Our web")
    asked = page.get_by_role("group", name="MODE")
    asked.get_by_label("Default").fill("slow")
    expect(page.get_by_role("group", name="API_TOKEN").get_by_label("Value")).to_have_value("secret")
    page.get_by_role("button", name="Save the template").click()
    page.get_by_role("link", name="Our web", exact=True).click()
    look()
    page.get_by_label("MODE").fill("quick")
    page.get_by_role("button", name="Open in the editor").click()
    look()
    expect(page.get_by_label("Environment")).to_have_value(re.compile(r"MODE=quick\nAPI_TOKEN=•+\n"))
    page.get_by_label("Name", exact=True).fill(new)
    page.get_by_role("button", name="Show plan").click()
    expect(page.get_by_role("heading", name="What the deploy will do")).to_be_visible()
    look()
    page.get_by_role("button", name="Deploy as planned").click()
    expect_status(page, "Succeeded")
    look()
    return seen


def reveal(page: Page, panel: PanelProcess, slug: str) -> str:
    """Return the value that the audited page of the environment shows."""
    page.goto(f"{panel.url}/apps/{slug}/environment/")
    if "/confirm" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_role("row", name=re.compile("^API_TOKEN")).get_by_role("button").click()
    return page.locator(".revealed-value").inner_text()


def test_versions_templates_and_the_check(
    browser: Browser,
    page: Page,
    panel: PanelProcess,
    registry: Registry,
    engine: Engine,
    compose_project_cleanup: ProjectCleanup,
    tmp_path: Path,
) -> None:
    slug, new = compose_project_cleanup.slug("shop"), compose_project_cleanup.slug("more")
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    for tag, env in (("1", "MODE=a\n"), ("2", "MODE=b\nMORE=1\n")):
        deploy(panel, slug, tmp_path, file_of(registry.ref("web", tag)), f"{env}API_TOKEN={VALUE}\n")
    sign_in(page, panel)
    compare_and_roll_back(page, panel, slug)

    context = browser.new_context(java_script_enabled=False)
    try:
        plain = context.new_page()
        sign_in(plain, panel)
        seen = start_from_own(plain, panel, slug, new)
        environment = engine.inspect(f"{project_of(new)}-web-1")["Config"]["Env"]
        secret = next(one.partition("=")[2] for one in environment if one.startswith("API_TOKEN="))
        assert "MODE=quick" in environment
        assert re.fullmatch(r"[\w-]{32}", secret)
        on_disk = [path.read_bytes() for path in panel.data_dir.glob("*.sqlite3*")]
        for text in (*seen, panel.output):
            assert secret not in text
            assert VALUE not in text
        assert on_disk
        assert not [data for data in on_disk if secret.encode() in data]
        assert reveal(plain, panel, new) == secret

        # Something is wrong with the machine.
        panel.data_dir.chmod(0o755)
        plain.goto(f"{panel.url}/settings/check/")
        expect(plain.get_by_text("1 thing is wrong.")).to_be_visible()
        first = plain.locator(".check-finding").first
        expect(first).to_contain_text("Wrong")
        expect(first.locator(".check-command")).to_have_text(f"chmod 700 {panel.data_dir}")
        checked = panel.manage("system_check")
        assert checked.returncode == 1
        assert f"chmod 700 {panel.data_dir}" in checked.stdout
        panel.data_dir.chmod(0o700)
        plain.get_by_role("link", name="Look again").click()
        expect(plain.get_by_text("Nothing is wrong.")).to_be_visible()
        plain.get_by_role("link", name="Engine and panel").click()
        plain.get_by_role("link", name=re.compile("^Measure")).click()
        expect(plain.get_by_role("row", name=re.compile("^Images"))).to_be_visible()
    finally:
        context.close()
