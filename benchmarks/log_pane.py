"""The event page with 100,000 stored lines and a live flood, against the same lines as elements.

    python benchmarks/log_pane.py [--lines 100000] [--rate 2000] [--seconds 5]

Prints one JSON object: for each thing that a reader does the longest task of the page's main thread (what
keeps it from answering) in milliseconds, by the clock and in processor time, which other work on the machine
lengthens less; then nodes and memory. `bare` is the floor: the lines as elements in chunks with
`content-visibility: auto`, built 4,000 a frame. Lines are 100 characters long.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from tests.lab.browser import open_browser, sign_in
from tests.lab.panel import PanelProcess, make_template

_SETTLE = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))"
_SCROLL = """pane => new Promise(done => {
    let frame = 0;
    const step = () => {
        pane.scrollTop = pane.scrollHeight * (frame / 60);
        if (frame++ < 60) requestAnimationFrame(step); else done();
    };
    step();
})"""
_BARE_PAGE = """<!doctype html><style>
.pane { height: 600px; overflow: auto; font: 13px/20px monospace; }
.chunk { width: max-content; min-width: 100%; }
.chunk { content-visibility: auto; contain-intrinsic-block-size: auto 4000px; }
.line { display: flex; min-height: 20px; white-space: pre; }
.wrapped .chunk { width: auto; } .wrapped .line { white-space: pre-wrap; overflow-wrap: anywhere; }
</style><div class="pane"></div>"""
_BARE_BUILD = """async ({ count, text }) => {
    const pane = document.querySelector('.pane');
    for (let number = 1; number <= count;) {
        for (let chunks = 0; chunks < 20 && number <= count; chunks += 1) {
            const chunk = document.createElement('div');
            chunk.className = 'chunk';
            for (let lines = 0; lines < 200 && number <= count; lines += 1, number += 1) {
                const line = document.createElement('div');
                line.className = 'line';
                for (const words of [number, `${text} ${number}`]) {
                    const part = document.createElement('span');
                    part.textContent = words;
                    line.append(part);
                }
                chunk.append(line);
            }
            pane.append(chunk);
        }
        pane.scrollTop = pane.scrollHeight;
        await new Promise(requestAnimationFrame);
    }
}"""
_EVENTS = """
from django.utils import timezone
from apps.applications.models import App
from apps.deployments.logs import append_lines
from apps.deployments.models import DeployEvent
app = App.objects.create(slug="long", name="long")
now = timezone.now()
common = {{"app": app, "slug": "long", "action": "deploy", "requested_by": "ada", "started_at": now}}
event = DeployEvent.objects.create(status="succeeded", finished_at=now, **common)
for first in range(1, {lines} + 1, 500):
    append_lines(event.pk, first, [(now, "stdout", f"{text} {{n}}") for n in range(first, first + 500)])
waiting = {{"status": "queued", "approval": "awaited", "step": "approval"}}
DeployEvent.objects.create(**common | waiting)
"""
_FLOOD = """
import time
from django.utils import timezone
from apps.deployments.logs import append_lines
begin, parts = time.monotonic(), {seconds} * 20
for part in range(parts):
    lines, now = {rate} // 20, timezone.now()
    append_lines(2, part * lines + 1, [(now, "stdout", f"{text} {{n}}") for n in range(lines)])
    time.sleep(max(0, begin + (part + 1) / 20 - time.monotonic()))
"""
_TEXT = "x" * 92


Longest = dict[str, int]


def longest(page: Page, act: Callable[[], Any]) -> Longest:
    """Return the longest task of the main thread while `act` is done, in milliseconds."""
    browser = page.context.browser
    assert browser is not None
    page.evaluate(_SETTLE)
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    act()
    page.evaluate(_SETTLE)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) in mains]
    return {
        name: round(max((task.get(key, 0) for task in tasks), default=0) / 1000)
        for name, key in {"clock": "dur", "processor": "tdur"}.items()
    }


def held(page: Page) -> dict[str, int]:
    """Return how many elements the page has, and the megabytes of its heap of scripts."""
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    client.send("Performance.enable")
    values = {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}
    return {"nodes": int(values["Nodes"]), "heap_mb": round(values["JSHeapUsedSize"] / 1e6)}


def bare(page: Page, lines: int) -> dict[str, Longest | int]:
    page.set_content(_BARE_PAGE)
    pane = page.locator(".pane")
    return {
        "load": longest(page, lambda: page.evaluate(_BARE_BUILD, {"count": lines, "text": _TEXT})),
        "scroll": longest(page, lambda: pane.evaluate(_SCROLL)),
        "wrap": longest(page, lambda: pane.evaluate("pane => pane.classList.add('wrapped')")),
        **held(page),
    }


def panel_page(
    page: Page, panel: PanelProcess, lines: int, rate: int, seconds: int
) -> dict[str, Longest | int]:
    def count(number: int) -> None:
        page.wait_for_function(
            "n => document.querySelector('[data-event-log]')?.logPane?.lines.length >= n",
            arg=number,
            timeout=120_000,
        )

    def open_event(pk: int) -> None:
        page.goto(f"{panel.url}/events/{pk}/")
        count(lines if pk == 1 else 0)

    def flood() -> None:
        script = _FLOOD.format(rate=rate, seconds=seconds, text=_TEXT)
        process = panel.popen("shell", "-c", script)
        count(rate // 20 * seconds * 20)
        process.communicate()

    def search() -> None:
        page.get_by_label("Search the output").fill("X 777")
        page.locator("[data-log-found]").filter(has_text="line").wait_for()

    sign_in(page, panel)
    pane = page.locator("[data-log-pane]")
    page.goto(f"{panel.url}/events/1/")
    found: dict[str, Longest | int] = {"load": longest(page, lambda: open_event(1))}
    found["scroll"] = longest(page, lambda: pane.evaluate(_SCROLL))
    found["wrap"] = longest(page, page.locator("[data-log-wrap]").click)
    page.locator("[data-log-wrap]").click()
    found["search"] = longest(page, search)
    found["only_matching"] = longest(page, page.locator("[data-log-only]").click)
    page.locator("[data-log-only]").click()
    found["select_all"] = longest(page, lambda: pane.press("Control+a"))
    found |= held(page)
    page.goto(f"{panel.url}/events/2/")
    found["flood"] = longest(page, flood)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        panel = PanelProcess(Path(folder, "panel"), make_template(Path(folder, "template")))
        try:
            panel.manage("shell", "-c", _EVENTS.format(lines=options.lines, text=_TEXT), check=True)
            panel.start()
            result = {
                "bare": bare(browser.new_page(), options.lines),
                "panel": panel_page(browser.new_page(), panel, options.lines, options.rate, options.seconds),
            }
        finally:
            panel.clean_up()
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
