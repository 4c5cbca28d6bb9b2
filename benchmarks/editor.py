"""Typing into a Compose file of 5,000 lines on the editor's page, against CodeMirror and nothing else.

    python benchmarks/editor.py [--lines 5000] [--keys 40]

Prints one JSON object: for each place where somebody types, the longest task of the page's main thread (what
keeps it from answering), as in `log_pane.py`. The pause after it is measured too: that is when the draft is
kept, and the server's check is sent and shown.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from benchmarks.log_pane import Longest, longest
from tests.lab.browser import open_browser, sign_in
from tests.lab.panel import PanelProcess, make_template

_PAUSE = 2500  # milliseconds
_STATIC = Path(__file__).resolve().parent.parent / "static"
_APP = """
from apps.accounts.actor import Actor
from apps.applications.content import Content
from apps.applications.models import App
from apps.applications.services import create_app, store_version
by = Actor("ada", "command line")
app = create_app("long", "", by)
version = store_version(app, Content.read(open({path!r}).read(), "TOKEN=x\\n"), by)[0]
App.objects.filter(pk=app.pk).update(current_version=version)
"""
_BARE = """text => {
  const { EditorState, EditorView, lineNumbers, yaml } = window.CodeMirror;
  const extensions = [lineNumbers(), yaml(), EditorView.theme({ "&": { maxHeight: "600px" } })];
  const state = EditorState.create({ doc: text, extensions });
  window.view = new EditorView({ state, parent: document.body });
}"""


def text_of(lines: int) -> str:
    """Return a Compose file of about so many lines, 10 for each service."""
    service = (
        "  web{n}:\n    image: registry.example.com/team/web:{n}\n    restart: unless-stopped\n"
        '    environment:\n      MODE: fast\n      LEVEL: "{n}"\n    ports:\n      - "{n}:80"\n'
        "    volumes:\n      - data:/var/lib/web\n"
    )
    return "services:\n" + "".join(service.format(n=n) for n in range(lines // 10)) + "volumes:\n  data: {}\n"


def typed(page: Page, keys: int) -> dict[str, Longest]:
    """Return the longest tasks while somebody types at the top, in the middle and at the end."""

    def type_at(*way: str) -> Callable[[], None]:
        def act() -> None:
            page.locator(".cm-content").focus()
            for key in way:
                page.keyboard.press(key)
            page.keyboard.type("    labels: {a: b} "[:keys] * (keys // 18 + 1), delay=40)
            page.wait_for_timeout(_PAUSE)

        return act

    middle = ["Control+Home", *["PageDown"] * 40, "End", "Enter"]
    return {
        "top": longest(page, type_at("Control+Home", "ArrowDown", "End", "Enter")),
        "middle": longest(page, type_at(*middle)),
        "end": longest(page, type_at("Control+End", "Enter")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--keys", type=int, default=40)
    options = parser.parse_args()
    text = text_of(options.lines)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        panel = PanelProcess(Path(folder, "panel"), make_template(Path(folder, "template")))
        try:
            path = Path(folder, "long.yml")
            path.write_text(text)
            panel.manage("shell", "-c", _APP.format(path=str(path)), check=True)
            panel.start()
            bare = browser.new_page()
            bare.add_script_tag(path=str(_STATIC / "vendor" / "codemirror.min.js"))
            bare.evaluate(_BARE, text)
            page = browser.new_page()
            sign_in(page, panel)
            load = longest(page, lambda: page.goto(f"{panel.url}/apps/long/edit/"))
            result = {
                "codemirror": typed(bare, options.keys),
                "panel": {"load": load} | typed(page, options.keys),
            }
        finally:
            panel.clean_up()
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
