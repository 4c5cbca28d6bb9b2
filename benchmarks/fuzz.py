"""Asks a panel for what nobody would ask for, as long as it is let, and counts where it fails.

    python benchmarks/fuzz.py [--seconds 60] [--seed 1]

Prints one JSON object: the requests and WebSockets that were tried, the answers by status, and the
`failures`: status 500 and above, tracebacks in the panel's log, and rows that a refusal left. It exits
with 1 where there is one. Needs no engine.
"""

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from tests.lab.http import Client
from tests.lab.panel import PanelProcess, make_template

PIECES = [
    *(
        "..",
        "/",
        "%",
        "\\",
        "'",
        '"',
        "`",
        "$(id)",
        ";",
        "|",
        "&",
        "\n",
        "\r\n",
        "\t",
        "\x00",
        "\x1b[2J",
        "-",
        "--",
    ),
    *(
        "\u202e",
        "\u200b",
        "\u043e",
        "\uffff",
        "\U0001f600",
        "9" * 30,
        "-1",
        "1e9",
        "NaN",
        "<script>",
        "{{7*7}}",
    ),
    *(
        "services:",
        "image:",
        "&a [*a]",
        "*b",
        "!!python/object",
        "web",
        "shop",
        "own",
        "=",
        ":",
        "{",
        "}",
        "[",
        "]",
    ),
]
PAGES = (
    *(
        "/apps/{}/",
        "/apps/{}/edit/",
        "/apps/{}/versions/{}/",
        "/apps/{}/versions/{}/rollback/",
        "/apps/{}/{}/",
    ),
    *(
        "/events/{}/",
        "/events/{}/log.txt",
        "/events/?app={}&status={}&page={}",
        "/apps/new/?example={}",
        "/{}",
    ),
    *(
        "/engine/projects/{}/adopt/",
        "/registries/{}/",
        "/admin/{}/{}/",
        "/admin/applications/app/?q={}&o={}&p={}",
    ),
    *("/static/{}", "/login/?next={}", "/admin/deployments/deployevent/?queued_at__year={}&slug={}"),
)
FORMS = {
    "/apps/new/": ("slug", "name", "compose", "environment", "note", "intent"),
    "/registries/add/": ("host", "username", "password", "only_apps"),
    "/login/": ("login", "password", "next"),
    "/apps/shop/scale/": ("service", "number"),
}
SOCKETS = ("/ws/events/{}/?after={}", "/ws/apps/?{}={}", "/ws/{}")
TABLES = ("apps", "compose_versions", "deploy_events", "registry_credentials")


class Fuzz:
    """Random requests to one panel, and what came of them."""

    def __init__(self, panel: PanelProcess, seed: int) -> None:
        self.panel = panel
        self.client: Client = panel.client()
        self.random = random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def text(self) -> str:
        """Return some pieces in a row, at times very many."""
        most = 400 if self.random.random() < 0.02 else 6
        return "".join(self.random.choices(PIECES, k=self.random.randint(0, most)))

    def address(self, pattern: str) -> str:
        """Return `pattern` with a text at each of its places."""
        return pattern.format(*(quote(self.text(), safe="")[:2000] for _ in range(pattern.count("{}"))))

    def page(self) -> None:
        address = self.address(self.random.choice(PAGES))
        headers = {"HX-Request": "true"} if self.random.random() < 0.3 else {}
        self.note(address, self.client.get(address, follow=False, headers=headers).status)

    def form(self) -> None:
        address, fields = self.random.choice(list(FORMS.items()))
        before = self.rows()
        status = self.client.post(address, {field: self.text() for field in fields}, follow=False).status
        self.note(address, status)
        if status >= 400 and self.rows() != before:
            self.failures.append(f"{address}: {status}, and rows were left")

    def socket(self) -> None:
        address = self.address(self.random.choice(SOCKETS))
        origin = (
            self.panel.url
            if self.random.random() < 0.8
            else self.random.choice(["null", "http://evil.example"])
        )
        try:
            with connect(
                self.panel.url.replace("http", "ws", 1) + address,
                origin=origin,  # type: ignore[arg-type]
                additional_headers={"Cookie": self.client.cookie_header()},
                open_timeout=10,
                close_timeout=1,
            ) as socket:
                socket.send(self.text())
                self.answers["websocket"] += 1
        except InvalidStatus as refused:
            self.note(address, refused.response.status_code)
        except (WebSocketException, OSError):
            self.answers["websocket closed"] += 1

    def note(self, address: str, status: int) -> None:
        """Count an answer. An engine that is not there (503) is none of the panel's failures."""
        self.answers[str(status)] += 1
        if status >= 500 and status != 503:
            self.failures.append(f"{status}: {address[:300]}")

    def rows(self) -> list[int]:
        """Return the number of rows of what people make."""
        with sqlite3.connect(self.panel.data_dir / "simpledeploy.sqlite3") as database:
            return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]

    def run(self, seconds: float) -> None:
        """Try one thing after another."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.random.choices((self.page, self.form, self.socket), weights=(6, 3, 2))[0]()
        if "Traceback" in self.panel.output:
            self.failures.append(self.panel.output[self.panel.output.index("Traceback") :][:3000])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="simpledeploy-fuzz-") as name:
        panel = PanelProcess(Path(name, "panel"), make_template(Path(name, "template"))).start()
        try:
            fuzz = Fuzz(panel, options.seed)
            fuzz.run(options.seconds)
        finally:
            panel.clean_up()
    tried = sum(fuzz.answers.values())
    result = {"tried": tried, "answers": dict(fuzz.answers.most_common()), "failures": fuzz.failures[:20]}
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
