"""The pages of an app's logs and console, on a real panel with a real app."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.walk import Walk
from tests.lab import talking
from tests.lab.browser import open_page, sign_in
from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.images import load_image
from tests.lab.journal import Journal
from tests.lab.panel import PASSWORD, PanelProcess
from tests.lab.talking import TALKS
from tests.lab.waiting import wait_until

IMAGE = "look.lab.test/team/web:1"
SERVICE = f"{{image: {IMAGE}, pull_policy: never, command: [sh, -c, '{TALKS}']}}"
SLUG = "look"


@pytest.fixture(scope="module")
def looked_at(
    engine: Engine, panel_template: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PanelProcess, Engine]]:
    """A panel with one app of two services that print what they are told to."""
    load_image(engine, "web", IMAGE)
    cleanup = ProjectCleanup(engine)
    cleanup.add(project_of(SLUG))
    folder = tmp_path_factory.mktemp("look")
    panel = PanelProcess(folder / "panel", panel_template)  # type: ignore[arg-type]
    panel.start()
    (folder / "compose.yml").write_text(f"services:\n  web: {SERVICE}\n  api: {SERVICE}\n")
    panel.manage("app", "deploy", SLUG, "--file", str(folder / "compose.yml"), check=True)
    yield panel, engine
    panel.clean_up()
    cleanup.remove_all()
    engine.forget_images_of("look.lab.test")


def say(engine: Engine, command: str, container: str = "web-1") -> None:
    talking.say(engine, f"{project_of(SLUG)}-{container}", command)


def test_logs_come_live_from_both_services_and_through_a_new_container(
    page: Page, browser: Browser, looked_at: tuple[PanelProcess, Engine]
) -> None:
    panel, engine = looked_at
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, panel)
    page.goto(f"{panel.url}/apps/{SLUG}/")
    page.get_by_role("link", name="Logs", exact=True).click()
    pane = page.locator("[data-log-pane]")
    expect(page.locator("[data-log-connection]")).to_have_text("Live")
    expect(pane.get_by_text("begins")).to_have_count(2)

    say(engine, "echo '[ERROR] it broke'; echo plain")
    say(engine, "echo from the api", "api-1")
    expect(pane.locator(".log-level-error")).to_have_text(re.compile(r"web-1.*\[ERROR\] it broke"))
    expect(pane.get_by_text("from the api")).to_be_in_viewport()

    walk = Walk(page)
    walk.look("logs")
    assert walk.found == []
    page.set_viewport_size({"width": 1280, "height": 800})

    # A new container in place of the old one, while somebody watches.
    engine.run("rm", "--force", f"{project_of(SLUG)}-web-1")
    engine.run(
        "compose", "-p", project_of(SLUG), "--project-directory", str(panel.apps_dir / SLUG), "up", "-d"
    )
    expect(pane.get_by_text("This container is new here.")).to_be_visible()
    say(engine, "echo from the new one")
    expect(pane.get_by_text("from the new one")).to_be_in_viewport()

    # A flood: the end of it is seen (benchmarks/log_pane.py measures how quick the page stays).
    say(engine, 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo the flood is over')
    expect(pane.get_by_text("the flood is over")).to_be_in_viewport(timeout=60_000)

    # The panel is killed and comes back: no line is doubled, and what came meanwhile is there.
    panel.kill()
    expect(page.locator("[data-log-connection]")).to_contain_text("Connection lost.")
    say(engine, "echo while nobody listened")
    panel.start()
    expect(pane.get_by_text("while nobody listened")).to_have_count(1, timeout=30_000)
    held = page.evaluate(
        "document.querySelector('[data-container-log]').logPane.lines.map(line => line.text)"
    )
    assert held.count("while nobody listened") == held.count("the flood is over") == 1

    # What is asked for is in the address: one service, and a time. An error stands at its field.
    page.get_by_label("Service").select_option("api")
    page.get_by_label("Since").fill("2h")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"service=api.*since=2h"))
    expect(pane.get_by_text("from the api")).to_be_visible()
    expect(pane.get_by_text("the flood is over")).to_have_count(0)
    page.get_by_label("Since").fill("yesterday")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_label("Since")).to_have_attribute("aria-invalid", "true")
    page.go_back()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert "from the api" in downloading.value.path().read_text()

    # Without JavaScript the last lines are there.
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{panel.url}/apps/{SLUG}/logs/?service=api")
    expect(plain.get_by_text("from the api")).to_be_visible()
    assert "Load the page again to see what came since" in plain.content()
    plain.goto(f"{panel.url}/apps/{SLUG}/console/")
    assert "The console needs JavaScript" in plain.content()
    expect(plain.get_by_role("button", name="Open")).to_be_hidden()
    context.close()


# Keeps what the page says of its connection: some of it stands for half a second.
_REMEMBER = """
window.said = [];
document.addEventListener("DOMContentLoaded", () => {
    const connection = document.querySelector("[data-log-connection]");
    new MutationObserver(() => window.said.push(connection.textContent))
        .observe(connection, { childList: true, subtree: true, characterData: true });
});
"""


def test_who_comes_back_shares_what_the_others_watch_and_sees_no_line_twice(
    page: Page, looked_at: tuple[PanelProcess, Engine]
) -> None:
    """The server is played here: what it sends before and after the connection is lost is chosen."""
    panel, _engine = looked_at
    sockets: list[WebSocketRoute] = []
    sign_in(page, panel)
    page.clock.install()
    page.add_init_script(_REMEMBER)
    page.route_web_socket(re.compile(r"/logs/"), lambda one: sockets.append(one))

    def send(*lines: tuple[str, str, str]) -> None:
        told = [
            {"seq": 0, "at": f"2026-03-01T12:{at}", "stream": stream, "source": "web-1", "text": text}
            for at, stream, text in lines
        ]
        sockets[-1].send(json.dumps({"type": "lines", "lines": told}))

    def lose(seconds: int, code: int = 1011) -> None:
        page.evaluate("window.said.length = 0")
        count = len(sockets)
        sockets[-1].close(code=code)
        page.wait_for_function(
            "text => window.said.some(said => said.includes(text))", arg=f"again in {seconds} s"
        )
        page.clock.run_for(1500 * seconds)
        opened(count)

    def opened(count: int) -> None:
        wait_until(lambda: page.wait_for_timeout(1) or len(sockets) > count, "it is opened again")

    page.goto(f"{panel.url}/apps/{SLUG}/logs/?tail=100")
    connection = page.locator("[data-log-connection]")
    opened(0)
    printed = [
        ("00:01.000000001Z", "stdout", "one"),
        ("00:02.000000001Z", "stdout", "two"),
        ("00:02.000000+00:00", "panel", "This container is new here."),
    ]
    send(*printed)
    lose(1)
    # The lines that are known come again, with older ones; so do the panel's words.
    assert "tail=5000" in sockets[-1].url
    assert "since" not in sockets[-1].url
    old = ("00:00.000000001Z", "stdout", "older than the page")
    send(old, *printed, ("00:03.000000001Z", "stdout", "three"))
    expect(page.locator(".log-text")).to_have_text(["one", "two", "This container is new here.", "three"])
    # More came than the server kept.
    lose(1)
    send(("09:00.000000001Z", "stdout", "much later"))
    expect(page.locator(".log-said")).to_have_text("Some lines may be missing here: the connection was lost.")
    # A page that is refused asks less and less often.
    for seconds in (1, 1, 2):
        sockets[-1].send(json.dumps({"type": "refused", "text": "No room."}))
        lose(seconds, 4429)
    expect(connection).to_have_text("Live")
    # Who asked for a time has a view of their own, and asks for it anew.
    count = len(sockets)
    page.goto(f"{panel.url}/apps/{SLUG}/logs/?since=2026-03-01")
    opened(count)
    send(*printed)
    lose(1)
    assert "since=2026-03-01T11%3A59%3A57.000Z" in sockets[-1].url
    # A machine that slept does not trust the connection that it had.
    count = len(sockets)
    page.clock.fast_forward(300_000)
    opened(count)
    expect(connection).to_have_text("Live")


def test_a_console_works_and_ends_when_somebody_else_takes_the_right_away(
    page: Page, browser: Browser, looked_at: tuple[PanelProcess, Engine]
) -> None:
    panel, engine = looked_at
    panel.add_person("olga", "owner")
    sign_in(page, panel, "olga", PASSWORD)
    page.goto(f"{panel.url}/apps/{SLUG}/console/?service=api")
    page.get_by_role("button", name="Open").click()
    rows = page.locator(".xterm-rows")
    expect(page.locator("[data-console-status]")).to_have_text("sh in api-1")
    page.keyboard.type("echo $((40+2))-is-it\n")
    expect(rows).to_contain_text("42-is-it")
    walk = Walk(page)
    walk.look("an open console")
    assert walk.found == []
    # Colours of 24 bits, which xterm.js sets as styles, are no inline styles.
    page.keyboard.type("printf '\\033[38;2;200;80;40mco%s\\033[0m\\n' lour\n")
    expect(rows.get_by_text("colour", exact=True)).to_have_css("color", re.compile("rgb"))

    # It fits its window and tells the shell.
    page.set_viewport_size({"width": 800, "height": 700})
    # The look at it ended at 375 pixels, with some 40 columns.
    page.wait_for_function("() => Math.abs(document.querySelector('[data-console]').terminal.cols - 90) < 20")
    size = page.evaluate(
        "(({ rows, cols }) => `${rows} ${cols}`)(document.querySelector('[data-console]').terminal)"
    )
    # What is typed may be there before the size, which Docker passes on by a way of its own.
    page.keyboard.type(f'until [ "$(stty size)" = "{size}" ]; do sleep 0.1; done; echo fits-$((40+2))\n')
    expect(rows).to_contain_text("fits-42")

    # A long paste arrives whole; what programs ask of the browser is not done.
    # Pasted when the shell itself reads no more; and nothing of it is left for the shell.
    page.keyboard.type("stty -echo; echo takes-$((40+2)); echo came-$(head -c 200000 | wc -c); stty echo\n")
    expect(rows).to_contain_text("takes-42")
    page.evaluate(
        "document.querySelector('[data-console]').terminal.paste(('x'.repeat(999) + '\\n').repeat(200))"
    )
    expect(rows).to_contain_text("came-200000")
    page.keyboard.press("Control+c")
    title = page.title()
    page.keyboard.type("clear; printf '\\033]0;evil\\007\\033]52;c;ZXZpbA==\\007done-%s\\n' x\n")
    expect(rows).to_contain_text("done-x")
    assert page.title() == title

    # Escape, then Tab leaves the terminal for the keyboard.
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('.xterm')")
    page.get_by_role("button", name="For screen readers").click()
    expect(page.locator(".xterm-accessibility")).to_be_attached()
    walk.look("a console for screen readers")
    assert walk.found == []

    # A shell is not left by a key that deletes a word in it.
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("location.assign('/')")
    wait_until(lambda: page.wait_for_timeout(10) or asked, "it is asked about")
    assert asked == ["beforeunload"]
    page.locator(".xterm-helper-textarea").focus()
    # The Escape from before makes some shells take the next key for a part of it.
    page.keyboard.type("\n")
    page.keyboard.type("sleep 4711 &\n")
    container = f"{project_of(SLUG)}-api-1"
    wait_until(lambda: "sleep 4711" in str(engine.lines("top", container)), "it runs in the background")
    with open_page(browser) as other:
        sign_in(other, panel)
        other.goto(f"{panel.url}/apps/{SLUG}/console/")
        expect(other.get_by_text(f"olga in {container}")).to_be_visible()
        other.goto(f"{panel.url}/admin/accounts/user/?q=olga")
        other.get_by_role("link", name="olga").click()
        other.get_by_label("Role").first.select_option("viewer")
        other.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("[data-console-status]")).to_have_text("You may no longer open consoles here.")
    expect(rows).to_contain_text("This console has ended.")
    # Who goes on typing opens no other shell by it, and Tab leads away at once.
    page.keyboard.type("rm -rf *\n")
    expect(page.locator("[data-console-status]")).to_have_text("You may no longer open consoles here.")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('.xterm')")
    wait_until(lambda: "sleep 4711" not in str(engine.lines("top", container)), "nothing of it is left")
    closed = Journal(panel).audit(SLUG, "console.closed")[-1]
    assert closed.startswith(f"olga|service api ({container})|")
    assert "The right to it was taken away" in closed
