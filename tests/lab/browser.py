"""Chromium, driven by Playwright's synchronous interface."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests.lab.panel import PASSWORD, USERNAME, PanelProcess
from tests.lab.requirement import missing

# Debian's chromium runs as root only without its sandbox, and must not look for updates.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    # A process of its own for drawing takes a fifth more of a core.
    "--in-process-gpu",
    "--disable-extensions",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
# Milliseconds that a page gets to do what a test waits for.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)

_reload = Page.reload


def _once_more(navigate: Callable[..., Any], *, again: Callable[[Page], Any] | None = None) -> Any:
    """Return `navigate`, done `again` where a network of the engine that came or went cut it off."""

    @wraps(navigate)
    def navigated(page: Page, *words: Any, **options: Any) -> Any:
        try:
            return navigate(page, *words, **options)
        except Error as error:
            if "ERR_NETWORK_CHANGED" not in str(error):
                raise
            return again(page) if again else navigate(page, *words, **options)

    return navigated


Page.goto = _once_more(Page.goto)  # type: ignore[method-assign]
Page.reload = _once_more(_reload)  # type: ignore[method-assign]
# The place in the history is the right one already.
Page.go_back = _once_more(Page.go_back, again=_reload)  # type: ignore[method-assign]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a headless chromium with a fresh profile; skip or fail where the machine has none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("browser", "there is no `chromium` on PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser) -> Iterator[Page]:
    """Yield a page in a context of its own (no cookies).

    Raises AssertionError at the end where a script threw or the content security policy refused something.
    """
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"exception in a script: {error}"))
    page.on("console", note)
    try:
        yield page
    finally:
        context.close()
    assert not problems, "\n".join(problems)


def sign_in(page: Page, panel: PanelProcess, username: str = USERNAME, password: str = PASSWORD) -> Page:
    """Let `page` be signed in to `panel` by a session's cookies, without the form, and show the apps."""
    cookies = panel.client(username, password).cookies
    page.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": panel.url} for cookie in cookies]
    )
    page.goto(panel.url)
    return page
