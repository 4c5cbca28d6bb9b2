"""One look at a page in each form that people see it in: what is wrong with it there."""

from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe
from playwright.sync_api import ConsoleMessage, Page

WIDE, NARROW = (1280, 800), (375, 812)
# Bytes over the network that the first load of a page may take, nothing being cached.
FIRST_LOAD = 200 * 1024
# Pages have no frames, and no rule that is on reads style sheets: axe need not look for either.
_OPTIONS: dict[str, Any] = {**DEFAULT_OPTIONS, "iframes": False, "preload": False}
# What a dark page can have wrong that it has not when it is light: layout and words are the same.
_BY_COLOUR: dict[str, Any] = {
    **_OPTIONS,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


class Walk:
    """Looks at page after page in one browser tab; `found` collects what is wrong."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []
        self.titles: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self._axe = Axe()
        self._host = ""
        self._path = ""
        self._bytes = 0
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setCacheDisabled", {"cacheDisabled": True})
        network.on("Network.loadingFinished", self._count)
        # A page that lost a script loads itself once more, as happens while the engine's networks change.
        network.send("Page.enable")
        network.on("Page.frameNavigated", lambda _: self._begin())
        page.on("request", lambda request: self._look_at_address(request.url))
        page.on("websocket", lambda socket: self._look_at_address(socket.url))
        page.on("pageerror", lambda error: self._find(f"exception in a script: {error}"))
        page.on("console", self._hear)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

    def visit(
        self, url: str, path: str, *, name: str = "", limit: int | None = FIRST_LOAD, status: int = 200
    ) -> None:
        """Load `path` below `url` once and look at it wide and narrow, light and dark.

        Pages of another `name` must have another title; `limit` are the bytes that the load may take.
        """
        # What the page before still loads does not count.
        self.page.evaluate("stop()")
        self._host, self._path, self._bytes = urlsplit(url).netloc, path, 0
        self._shape(WIDE, "light")
        answer = self.page.goto(url + path, wait_until="load")
        if answer is None or answer.status != status:
            self._find(f"answered {answer and answer.status}")
        self.sizes[path] = self._bytes
        if limit and self._bytes > limit:
            self._find(f"its first load takes {self._bytes // 1024} KB")
        title = self.page.title()
        if not title.endswith(" · SimpleDeploy") or self.titles.setdefault(title, name or path) != (
            name or path
        ):
            self._find(f"its title is {title!r}, that of {self.titles.get(title)}")
        self.look()

    def look(self, what: str = "") -> None:
        """Look at the page as it is now; `what` says what was done to it."""
        for size in (WIDE, NARROW):
            self._shape(size, "light")
            self._run_axe(what, size, "light", _OPTIONS)
            if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self._find(f"{what} scrolls sideways at {size[0]}")
            self._shape(size, "dark")
            self._run_axe(what, size, "dark", _BY_COLOUR)

    def _run_axe(self, what: str, size: tuple[int, int], scheme: str, options: dict[str, Any]) -> None:
        # Half a megabyte of script, read once for all forms of a page.
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(self._axe.axe_script)
        ask = "options => axe.run(document, options)"
        for violation in self.page.evaluate(ask, options)["violations"]:
            where = [node["html"][:120] for node in violation["nodes"]][:3]
            self._find(f"{what} {size[0]} {scheme}: {violation['id']} {where}")

    def _shape(self, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        # No colour on its way from one scheme to the other.
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def _begin(self) -> None:
        self._bytes = 0

    def _count(self, finished: dict[str, Any]) -> None:
        self._bytes += int(finished["encodedDataLength"])

    def _hear(self, message: ConsoleMessage) -> None:
        # That a page itself is not found is what some visits are about; what a network of the engine that
        # comes or goes cuts off is loaded again.
        is_expected = message.location["url"] == self.page.url or "ERR_NETWORK_CHANGED" in message.text
        if message.type == "error" and not is_expected:
            self._find(f"console: {message.text} {message.location['url']}")

    def _look_at_address(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._host:
            self._find(f"asks {parts.netloc}")

    def _find(self, what: str) -> None:
        self.found.append(f"{self._path}: {what.strip()}")
