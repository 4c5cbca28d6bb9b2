"""Planted secrets are nowhere after a full round: database, folders, logs, processes, pages, command line."""

import html
import json
import re
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.http import Answer, Client
from tests.lab.panel import PASSWORD, PanelProcess
from tests.lab.registry import Registry

# A fork of a warmed parent would show that one's command line and environment.
pytestmark = pytest.mark.usefixtures("cold_starts")

TOKEN_VALUE = 'pl4nted"env/väl&ue<x> $cash'
SECOND_VALUE = "pl4nted-second-value-that-goes-along"
OLD_VALUE = "pl4nted-commented-out-value"
ENVIRONMENT = f"TOKEN='{TOKEN_VALUE}'\nOTHER={SECOND_VALUE}\n# OLD={OLD_VALUE}\n"

# Prints what it was given, as it is and encoded, and fails.
TELLS = """services:
  web:
    image: {image}
    environment: {{TOKEN: , OTHER: }}
    entrypoint: [sh, -c, 'echo "$$TOKEN" "$$OTHER"; echo -n "$$TOKEN" | base64; exit 3']
"""
WORKS = """services:
  web:
    image: {image}
    environment: {{TOKEN: , OTHER: }}
"""

PAGES = (
    "/",
    "/apps/{slug}/",
    "/apps/{slug}/edit/",
    "/apps/{slug}/edit/?version=1",
    "/apps/{slug}/environment/",
    "/apps/{slug}/access/",
    "/apps/{slug}/settings/",
    "/apps/{slug}/remove/",
    "/apps/{slug}/redeploy/",
    "/apps/{slug}/versions/",
    "/apps/{slug}/versions/1/",
    "/apps/{slug}/versions/2/",
    "/apps/{slug}/versions/1/rollback/",
    "/events/",
    "/events/{event}/",
    "/events/{event}/log.txt",
    "/registries/",
    "/registries/add/",
    "/registries/1/",
    "/account/",
    "/account/tokens/",
    "/account/sessions/",
    "/admin/",
    "/admin/deployments/deployevent/",
    "/admin/deployments/deployevent/{event}/change/",
    "/admin/deployments/deployevent/export/",
    "/admin/deployments/deploylog/",
    "/admin/applications/composeversion/",
    "/admin/applications/composeversion/1/change/",
    "/admin/registries/registrycredential/1/change/",
    "/admin/accounts/user/",
)
COMMANDS = (
    ("app", "versions", "{slug}", "--json"),
    ("app", "events", "{slug}", "--json"),
    ("app", "logs", "{event}", "--json"),
    ("export_audit",),
    ("dumpdata",),
)


def forms_of(value: str) -> set[bytes]:
    """Return how `value` may stand in a text, written without the panel's own code."""
    found = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        quote(value, safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
        quote(value),
        quote_plus(value),
        value.replace("$", "$$"),
    }
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            coded = encode(b"x" * before + value.encode()).decode().rstrip("=")
            # Without what it shares with its neighbours.
            found.add(coded[-(-8 * before // 6) : -1])
    return {form.encode() for form in found}


def shown(content: bytes, secrets: dict[str, str]) -> list[str]:
    """Return the names of `secrets` of which `content` shows any form."""
    return [name for name, value in secrets.items() if any(form in content for form in forms_of(value))]


@contextmanager
def watched_processes(panel: PanelProcess, secrets: Callable[[], dict[str, str]]) -> Iterator[list[str]]:
    """Look at the command lines and environments of the panel and all its children, again and again."""
    found: list[str] = []
    looks = 0
    over = threading.Event()

    def look() -> None:
        nonlocal looks
        panel_process = psutil.Process(panel.pid)
        known = {name: forms_of(value) for name, value in secrets().items()}
        while not over.wait(0.02):
            for process in [panel_process, *panel_process.children(recursive=True)]:
                for kind in ("cmdline", "environ"):
                    try:
                        content = Path(f"/proc/{process.pid}/{kind}").read_bytes()
                    except OSError:
                        continue
                    looks += 1
                    found.extend(
                        f"{name} in {kind} of {content[:60]!r}"
                        for name, forms in known.items()
                        if any(form in content for form in forms)
                    )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
    assert looks > 100, "the processes were looked at"


def a_round(app: AppOnPanel, client: Client, image: str) -> str:
    """Deploy, fail, go back, reveal; return the text of a token that was made on the way."""
    app.post("/apps/new/", slug=app.slug, compose=WORKS.format(image=image), environment=ENVIRONMENT)
    assert app.journal.wait_for_end(app.slug)["status"] == "succeeded"
    typed = client.get(f"/apps/{app.slug}/edit/").text
    assert "TOKEN=••••••••" in typed
    failed = app.deploy_by_command(TELLS.format(image=image))
    assert failed["status"] in ("failed", "unstable")
    assert app.act("versions/1/rollback")["status"] == "succeeded"

    revealed = client.post(f"/apps/{app.slug}/environment/", {"all": "1"})
    assert shown(revealed.text.encode(), {"value": TOKEN_VALUE, "other": SECOND_VALUE}) == ["value", "other"]
    assert "no-store" in revealed.headers["Cache-Control"]

    (admin,) = re.findall(r'<option value="(\d+)" selected', client.get("/account/tokens/").text)
    fields = {"name": "ci", "user": admin, "permissions": ["view", "operate"], "days": "1"}
    made = client.post("/account/tokens/", fields)
    (text,) = set(re.findall(r"sd_[\w-]{40,}", made.text))
    bearer = {"Authorization": f"Bearer {text}"}
    assert app.panel.anonymous().get(f"/apps/{app.slug}/", headers=bearer).status == 200
    wrong = {"Authorization": f"Bearer {text[:-3]}"}
    assert app.panel.anonymous().get("/", headers=wrong).status == 401
    by_token = app.panel.manage("app", "restart", app.slug, SIMPLEDEPLOY_TOKEN=text)
    assert by_token.returncode == 0, by_token.stderr
    assert text not in by_token.stdout + by_token.stderr
    return text


def test_planted_secrets_are_found_nowhere(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry
) -> None:
    panel = panel_process()
    app = make_app(panel, "planted")
    app.sign_in(registry)
    client = panel.client()
    secrets = {
        "environment": TOKEN_VALUE,
        "second value": SECOND_VALUE,
        "commented-out value": OLD_VALUE,
        "registry password": registry.password,
        "administrator's password": PASSWORD,
        "encryption key": (panel.data_dir / "encryption_keys").read_text().strip(),
        "secret key": (panel.data_dir / "secret_key").read_text().strip(),
    }
    with watched_processes(panel, lambda: secrets) as in_processes:
        secrets["token"] = a_round(app, client, registry.ref("web"))
    assert in_processes == []

    failed = next(e for e in app.journal.events(app.slug) if e["status"] in ("failed", "unstable"))
    event = str(failed["id"])
    # What it printed was there and is hidden, not lost.
    assert "••••••••" in json.dumps(failed["services"], ensure_ascii=False)

    def fill(text: str) -> str:
        return text.format(slug=app.slug, event=event)

    answers: dict[str, Answer] = {page: client.get(fill(page)) for page in PAGES}
    assert {page: a.status for page, a in answers.items() if a.status != 200} == {}
    assert {page: seen for page, a in answers.items() if (seen := shown(a.text.encode(), secrets))} == {}

    for words in COMMANDS:
        done = panel.manage(*map(fill, words))
        assert done.returncode == 0, done.stderr
        assert shown((done.stdout + done.stderr).encode(), secrets) == [], words

    assert shown(panel.output.encode(), secrets) == []
    for path in (path for path in panel.data_dir.rglob("*") if path.is_file()):
        # Compose reads the environment from this file, which nobody else may read; and keys are in theirs.
        own = {"environment", "second value", "commented-out value"} if path.name == ".env" else set()
        own |= {"encryption_keys": {"encryption key"}, "secret_key": {"secret key"}}.get(path.name, set())
        assert set(shown(path.read_bytes(), secrets)) <= own, path
        if own:
            assert path.stat().st_mode & 0o077 == 0, path
