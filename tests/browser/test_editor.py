"""Writing a Compose file: completion, checks, drafts, others at work, an environment, no scripts at all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.pages import deploy, expect_status
from tests.lab.browser import open_page, sign_in
from tests.lab.engine import Engine, ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

SECRET = "hunter2-hunter2"


class Lab:
    """A panel with one app whose first version is deployed; `file` makes its text."""

    def __init__(self, panel: PanelProcess, slug: str, image: str, folder: Path) -> None:
        self.panel, self.slug, self.image, self.folder = panel, slug, image, folder
        self.edit = f"{panel.url}/apps/{slug}/edit/"

    def file(self, *more: str) -> str:
        return f"services:\n  web:\n    image: {self.image}\n" + "".join(f"    {line}\n" for line in more)

    def deploy(self, text: str, *words: str) -> None:
        (self.folder / "compose.yml").write_text(text)
        self.panel.manage(
            "app", "deploy", self.slug, "--file", str(self.folder / "compose.yml"), *words, check=True
        )


@pytest.fixture(scope="module")
def lab(
    engine: Engine, registry: Registry, panel_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("editor")
    cleanup = ProjectCleanup(engine)
    panel = PanelProcess(folder / "panel", panel_template).start()
    try:
        words = ("registry", "add", registry.host, "--username", registry.username)
        panel.manage(*words, input=registry.password, check=True)
        lab = Lab(panel, cleanup.slug("editor"), registry.ref("web"), folder)
        (folder / "env").write_text(f"# the door\nTOKEN={SECRET}\nMODE=fast\n")
        lab.deploy(lab.file("environment: [TOKEN]"), "--env-file", str(folder / "env"))
        yield lab
    finally:
        panel.clean_up()
        cleanup.remove_all()


def editor(page: Page) -> Locator:
    return page.get_by_label("Compose file")


def text_of(page: Page) -> str:
    """Return the text as the form sends it."""
    found: str = page.evaluate("new FormData(document.querySelector('#edit-form')).get('compose')")
    return found


def choose(page: Page, name: str) -> None:
    """Take the completion `name`, which is the first one."""
    page.get_by_role("option", name=name, exact=True).wait_for()
    # For 75 ms after it appears, what somebody typed already goes into the text.
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")


def test_writing_is_completed_checked_compared_and_kept(page: Page, lab: Lab) -> None:
    sign_in(page, lab.panel)
    page.goto(lab.edit)
    before = text_of(page)
    page.keyboard.press("Escape")
    editor(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("    rest")
    choose(page, "restart")
    page.keyboard.type("un")
    choose(page, "unless-stopped")
    assert text_of(page) == before + "    restart: unless-stopped"

    # The server says what it thinks of it, and what is different now.
    status = page.locator("[data-check-status]")
    expect(status).to_have_text("No problem found.")
    expect(page.locator(".editor-side .diff-added")).to_contain_text("restart: unless-stopped")
    page.keyboard.press("Enter")
    page.keyboard.type("portz: [1]")
    expect(status).to_have_text("1 problem")
    line = page.get_by_role("button", name="Line 6")
    expect(page.locator(".check-list")).to_contain_text("portz")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)

    # What gets no answer is asked again.
    page.route("**/edit/check/", lambda route: route.abort(), times=1)
    page.keyboard.type(" ")
    expect(status).to_contain_text("The panel does not answer")
    expect(status).to_have_text("1 problem")
    # The same problem found again is still the same button: a press is not lost, nor the focus.
    line.evaluate("button => { button.isFirst = true; }")
    with page.expect_response(lambda one: "/edit/check/" in one.url and one.json()["complete"]):
        page.keyboard.press("Backspace")
        line.focus()
    expect(line).to_be_focused()
    page.keyboard.press("Enter")
    expect(line).to_have_js_property("isFirst", True)
    expect(page.locator(".cm-activeLine")).to_have_text("    portz: [1]")
    expect(editor(page)).to_be_focused()

    # Tab indents, and after Esc it leaves.
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert text_of(page).endswith("\n      portz: [1]")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(editor(page)).not_to_be_focused()

    # It is there again in another tab, until it is put away.
    typed = text_of(page)
    page.wait_for_timeout(600)
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    assert text_of(page) == before
    offer = page.locator(".draft-offer")
    expect(offer).to_contain_text("You wrote something here that was not deployed")
    page.get_by_label("Note").fill("another thing")
    page.reload()
    expect(offer).to_contain_text("You wrote something here that was not deployed")
    page.get_by_role("button", name="Restore it").click()
    assert text_of(page) == typed
    stored = page.evaluate("JSON.stringify(localStorage)")
    assert "portz" in stored
    assert "TOKEN=" not in stored
    page.reload()
    page.get_by_role("button", name="Discard it").click()
    assert "portz" not in page.evaluate("JSON.stringify(localStorage)")


def test_what_is_typed_before_the_editor_is_there_goes_on_in_it(page: Page, lab: Lab) -> None:
    sign_in(page, lab.panel)
    held: list[Route] = []
    page.route(re.compile(r"/codemirror[^/]*\.js"), lambda route: held.append(route))
    page.goto(f"{lab.panel.url}/apps/new/", wait_until="commit")
    editor(page).focus()
    page.keyboard.type("serv")
    wait_until(lambda: page.wait_for_timeout(10) or held, "it is asked for")
    held[0].continue_()
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.type("ices:")
    assert text_of(page) == "services:"


def test_what_another_deploys_is_told_compared_and_put_together(page: Page, lab: Lab) -> None:
    sign_in(page, lab.panel)
    page.goto(lab.edit)
    base = lab.file("environment: [TOKEN]")
    editor(page).fill("# mine\n" + text_of(page))
    lab.deploy(base + "    labels: {by: another}\n", "--message", "Theirs")

    expect(page.locator("#edit-news")).to_contain_text("made version 2 while you write.")
    page.get_by_role("button", name="Compare with yours").click()
    expect(page.locator(".three-way")).to_contain_text("labels: {by: another}")

    # Who deploys all the same is stopped, and can still take both.
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".alert-danger")).to_contain_text("made version 2 while you were writing.")
    page.get_by_role("button", name="Put both together").click()
    expect(page.locator(".alert-success")).to_contain_text("your changes and those of version 2")
    page.wait_for_load_state()
    assert text_of(page) == "# mine\n" + base + "    labels: {by: another}\n"

    # The hidden values came along, and what was kept is gone with the deploy.
    deploy(page)
    expect_status(page, "Succeeded")
    assert "draft" not in page.evaluate("JSON.stringify(localStorage)")
    env = (lab.panel.apps_dir / lab.slug / ".env").read_text()
    assert f"TOKEN={SECRET}" in env


def test_rows_of_the_environment_hide_and_change_values(page: Page, lab: Lab) -> None:
    sign_in(page, lab.panel)
    page.goto(lab.edit)
    text = page.locator("#id_environment")
    assert SECRET not in page.content()
    page.get_by_role("button", name="Show the value of TOKEN").click()
    expect(page.get_by_label("Value of TOKEN", exact=True)).to_have_value(SECRET)
    expect(page.locator("[data-environment]")).to_contain_text("written into the audit")
    page.get_by_role("button", name="Hide the value of TOKEN").click()
    expect(page.get_by_label("Value of TOKEN", exact=True)).to_have_value("")

    page.get_by_label("Name", exact=True).first.fill("DOOR_TOKEN")
    page.get_by_label("Value of MODE", exact=True).fill("very slow")
    page.get_by_role("button", name="Add a value").click()
    page.keyboard.type("MORE")
    page.get_by_label("Value of MORE", exact=True).fill("it's")
    # A value without a name is no value that nobody hears of.
    page.get_by_role("button", name="Add a value").click()
    page.get_by_label("Value of the new name", exact=True).fill("nameless")
    assert text.input_value().endswith("\n=nameless\n")
    page.get_by_role("button", name="Remove the new name").click()
    assert text.input_value() == "# the door\nDOOR_TOKEN=••••••••\nMODE='very slow'\nMORE=\"it's\"\n"
    expect(page.locator(".editor-side")).to_contain_text("DOOR_TOKEN")

    editor(page).fill(text_of(page).replace("[TOKEN]", "[DOOR_TOKEN, MODE, MORE]"))
    deploy(page)
    expect_status(page, "Succeeded")
    env = (lab.panel.apps_dir / lab.slug / ".env").read_text()
    assert f"DOOR_TOKEN={SECRET}" in env
    assert "very slow" in env

    # One takes the name of another, and its hidden value along; also when the rows are drawn anew.
    page.goto(lab.edit)
    page.get_by_role("button", name="Remove MODE").click()
    page.get_by_label("Name", exact=True).last.fill("MODE")
    assert text.input_value() == "# the door\nDOOR_TOKEN=••••••••\nMODE=••••••••\n"
    page.get_by_role("button", name="Edit as text").click()
    page.get_by_role("button", name="Edit as rows").click()
    page.get_by_role("button", name="Show the value of MODE").click()
    expect(page.get_by_label("Value of MODE", exact=True)).to_have_value("it's")
    page.get_by_role("button", name="Remove DOOR_TOKEN").click()
    expect(page.locator("input[name=renamed]")).to_have_value("MODE=MORE")


def test_a_large_and_a_hostile_text_do_not_hurt(page: Page, lab: Lab) -> None:
    sign_in(page, lab.panel)
    page.goto(f"{lab.panel.url}/apps/new/")
    lines = [f"  web{number}:\n    image: nginx # {'x' * 390}\n" for number in range(2500)]
    page.locator("#id_compose").evaluate(
        "(field, text) => { field.value = text; window.dispatchEvent(new PageTransitionEvent('pageshow')); }",
        "services:\n" + "".join(lines),
    )
    editor(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("    restart: always")
    assert len(text_of(page)) > 1_000_000
    expect(page.locator("[data-check-status]")).to_have_text("1 problem")
    expect(page.locator(".check-list")).to_contain_text("at most 1,048,576 are allowed")
    assert page.locator(".cm-line").count() < 200

    hostile = "services:\n  <script>alert(1)</script>:\n    image: a\u202eb # \u0000 \u2066\n"
    page.locator("#id_compose").evaluate(
        "(field, text) => { field.value = text; window.dispatchEvent(new PageTransitionEvent('pageshow')); }",
        hostile,
    )
    # What is not shown as it is has a sign in its place.
    expect(page.locator(".cm-specialChar")).to_have_count(3)
    page.keyboard.press("Control+Home")
    page.keyboard.type("#")
    expect(page.get_by_role("button", name="Line 3")).to_be_visible()
    assert not page.evaluate("document.querySelector('.cm-content script')")


def test_all_of_it_works_without_scripts(browser: Browser, lab: Lab, registry: Registry) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, lab.panel)
        page.goto(lab.edit)
        expect(page.get_by_label("Environment")).to_have_value(re.compile("=••••••••\n"))
        page.get_by_label("Compose file").fill("services: [")
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.locator(".field-errors")).to_contain_text("Line 2, column 1")

        # A line from an image's document becomes a service; it is read and not run.
        page.goto(lab.edit)
        page.locator("#run-line summary").click()
        line = f"docker run -d --name extra \\\n -e LEVEL=2 {registry.ref('web')}; touch /tmp/x"
        page.get_by_label("The line").fill(line)
        page.get_by_role("button", name="Add the service").click()
        expect(page.locator("#id_run_error")).to_contain_text("; belongs to the shell")
        page.get_by_label("The line").fill(line.partition(";")[0])
        page.get_by_role("button", name="Add the service").click()
        expect(page.locator(".alert-success")).to_contain_text("The service extra was added")
        expect(page.get_by_label("Compose file")).to_have_value(
            re.compile(r"  extra:\n    image: .*\n    environment:")
        )
        page.get_by_role("button", name="Show plan").click()
        expect(page.locator(".plan")).to_contain_text("extra")
        expect(page.locator(".editor-side .diff-added").first).to_be_visible()
        page.get_by_role("button", name="Deploy as planned").click()
        expect(page).to_have_url(re.compile(r"/events/\d+/$"))


def test_who_was_signed_out_goes_on_where_they_were(browser: Browser, lab: Lab) -> None:
    with open_page(browser) as page:
        sign_in(page, lab.panel)
        page.goto(lab.edit)
        editor(page).fill(lab.file("environment: [MODE]", "restart: always"))
        page.context.clear_cookies(name="sessionid")
        page.keyboard.type(" ")
        status = page.locator("[data-check-status]")
        expect(status).to_contain_text("You are signed out")
        # What looks for news now and then does not lead away, either.
        with page.expect_response(re.compile("/edit/news/")) as news:
            page.evaluate("refreshPart('edit-news')")
        assert "hx-redirect" in news.value.headers
        other = page.context.new_page()
        sign_in(other, lab.panel)
        other.close()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(status).to_have_text("No problem found.")
        page.get_by_role("button", name="Show plan").click()
        expect(page.locator(".plan")).to_contain_text("What the deploy will do")


def test_signing_out_leaves_no_text_behind(browser: Browser, lab: Lab) -> None:
    with open_page(browser) as page:
        sign_in(page, lab.panel)
        page.goto(f"{lab.panel.url}/apps/new/")
        editor(page).fill("services: {secret-idea: {image: a}}\n")
        stored = "JSON.stringify(localStorage)"
        page.wait_for_function(f"() => {stored}.includes('secret-idea')")

        # A template does not take its place unasked, and nobody reads what another person wrote.
        anothers = (
            'localStorage.setItem(\'simpledeploy:draft:0:new\', \'{"compose": "my-idea", "at": 9e15}\')'
        )
        page.evaluate(anothers)
        page.once("dialog", lambda dialog: dialog.accept())
        page.goto(f"{lab.panel.url}/templates/static-site/")
        assert "my-idea" not in page.evaluate(stored)
        page.get_by_role("button", name="Open in the editor").click()
        expect(page.locator(".draft-offer")).to_contain_text("You wrote something here")
        assert "secret-idea" in page.evaluate(stored)

        # A tab that stays open keeps nothing more after that, either.
        other = page.context.new_page()
        other.goto(lab.edit)
        page.once("dialog", lambda dialog: dialog.accept())
        page.goto(f"{lab.panel.url}/")
        page.locator(".account-menu summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Username")).to_be_visible()
        editor(other).fill("services: {secret-idea: {image: a}}\n")
        other.wait_for_timeout(600)
        assert "secret-idea" not in page.evaluate(stored)
        # Nor does it let go of the text for the sign-in.
        other.get_by_role("button", name="Deploy", exact=True).click()
        expect(other.locator("[data-check-status]")).to_contain_text("You are signed out")
        assert "secret-idea" in text_of(other)
