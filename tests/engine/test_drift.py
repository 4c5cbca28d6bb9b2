"""`docker compose` used by hand behind the panel's back: the state and the differences are right."""

import contextlib
import html
import json
import re
import threading
from collections.abc import Callable

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.apps_socket import AppsSocket
from tests.lab.children import started_with
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

MASK = "••••••••"


def text(registry: Registry, note: str = "one") -> str:
    return f"""
services:
  web:
    image: {registry.ref("web")}
    restart: always
    environment: {{NOTE: {note}, GREETING: "${{GREETING}}"}}
  job: {{image: {registry.ref("job")}, restart: "no"}}
"""


def by_hand(app: AppOnPanel, *words: str, file: str = "") -> None:
    """Run `docker compose` on the app's project, with its own file or another."""
    folder = app.panel.apps_dir / app.slug
    files = (
        ("-f", file) if file else ("--project-directory", str(folder), "-f", f"{folder}/docker-compose.yml")
    )
    app.engine.run("compose", "-p", app.project, *files, *words)


def differences(app: AppOnPanel) -> list[str]:
    """Return what the app's page says that differs."""
    card = re.search(r'id="drift">(.*?)</ul>', app.client.get(f"/apps/{app.slug}/").text, re.DOTALL)
    return [html.unescape(one) for one in re.findall("<li>(.*?)</li>", card[1])] if card else []


def streams(panel: PanelProcess) -> list[psutil.Process]:
    """Return the processes by which the panel follows the engine."""
    return started_with("events", panel.pid)


def redeploy(app: AppOnPanel) -> None:
    event = app.act("redeploy")
    assert (event["status"], event["error"]) == ("succeeded", "")


def deployed(app: AppOnPanel, registry: Registry) -> AppOnPanel:
    """Deploy `app` with an environment."""
    app.sign_in(registry)
    event = app.deploy_by_command(text(registry), environment="GREETING='it is $5'\n")
    assert (event["status"], event["error"]) == ("succeeded", "")
    return app


@pytest.fixture
def shop(app: AppOnPanel, registry: Registry) -> AppOnPanel:
    """An app on the running panel that the tests share."""
    return deployed(app, registry)


def test_compose_used_by_hand(shop: AppOnPanel, registry: Registry) -> None:
    with AppsSocket(shop.panel) as seen:
        # The command line has run the deploy in this panel's worker, or in its own process.
        seen.wait_for(shop.slug, "up")
        assert shop.panel.manage("app", "drift", shop.slug).returncode == 0

        by_hand(shop, "stop")
        seen.wait_for(shop.slug, "stopped")
        assert differences(shop) == []
        by_hand(shop, "start")
        seen.wait_for(shop.slug, "up")

        by_hand(shop, "up", "-d", "--scale", "web=2", "--no-recreate")
        seen.wait_for(shop.slug, "drifted")
        assert differences(shop) == ["web has 2 containers; version 1 asks for 1."]
        assert shop.act("scale", service="web", number="2")["status"] == "succeeded"
        seen.wait_for(shop.slug, "up")

        other = shop.file(text(registry, "by hand"), "other.yml")
        by_hand(shop, "up", "-d", "--scale", "web=2", file=other)
        seen.wait_for(shop.slug, "drifted")
        told = differences(shop)
        assert any(line.startswith("web was made from another configuration") for line in told), told
        assert any(f"started from {other}" in line for line in told), told
        answer = shop.panel.manage("app", "drift", shop.slug, "--json")
        assert answer.returncode == 1
        assert [one["text"] for one in json.loads(answer.stdout)["differences"]] == told

        by_hand(shop, "rm", "--stop", "--force", "web")
        seen.wait_for(shop.slug, "degraded")
        # The two go one after the other.
        told = ["web has no container; version 1 asks for 2."]
        wait_until(lambda: differences(shop) == told, lambda: f"both are gone: {differences(shop)}")

        redeploy(shop)
        seen.wait_for(shop.slug, "up")
        assert differences(shop) == []


def test_files_edited_by_hand_become_a_version_or_are_written_anew(
    shop: AppOnPanel, registry: Registry
) -> None:
    file, env = (shop.panel.apps_dir / shop.slug / name for name in ("docker-compose.yml", ".env"))
    with AppsSocket(shop.panel) as seen:
        seen.wait_for(shop.slug, "up")
        file.write_text(text(registry, "edited"))
        env.write_text('NAME=Ann\nGREETING="hello ${NAME}, it\'s \\$5"\n')
        seen.wait_for(shop.slug, "drifted")
        wait_until(lambda: len(differences(shop)) == 2, lambda: f"both are told: {differences(shop)}")
        told = differences(shop)
        assert told[0] == f"{file} was edited by hand."
        assert told[1] == f"{env} was edited by hand (NAME added; GREETING changed)."

        page = shop.client.get(f"/apps/{shop.slug}/edit/?from=disk").text
        assert "NOTE: edited" in page
        assert f"NAME={MASK}\nGREETING={MASK}" in page
        assert "Ann" not in page
        shop.post(
            f"/apps/{shop.slug}/edit/?from=disk",
            compose=text(registry, "edited"),
            environment=f"NAME={MASK}\nGREETING={MASK}\n",
            base="1",
            seen="1",
        )
        assert shop.journal.wait_for_end(shop.slug)["status"] == "succeeded"
        seen.wait_for(shop.slug, "up")
        assert differences(shop) == []
        (web,) = (c for c in shop.containers() if c["State"]["Running"])
        assert {"NOTE=edited", "GREETING=hello Ann, it's $5"} <= set(web["Config"]["Env"])

        env.unlink()
        seen.wait_for(shop.slug, "drifted")
        assert differences(shop) == [f"{env} is gone."]
        # With the images that version 1 ran: an override of the panel lies beside the files then.
        assert shop.act("versions/1/rollback")["status"] == "succeeded"
        seen.wait_for(shop.slug, "up")
        assert set(shop.files) == {"docker-compose.yml", "docker-compose.images.yml", ".env"}
        assert differences(shop) == []


def test_one_process_follows_all_apps_and_heals(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry
) -> None:
    shop = deployed(make_app(panel_process(), "drift"), registry)
    more = make_app(shop.panel, "more")
    assert more.deploy(f"services: {{web: {{image: {registry.ref('web')}}}}}\n")["status"] == "succeeded"
    with AppsSocket(shop.panel) as seen:
        seen.wait_for(more.slug, "up")
        (stream,) = streams(shop.panel)
        # The feed itself compares from time to time, and others use the engine: one round without is enough.
        wait_until(lambda: _looks_during_page_views(shop) == [], "pages ask the engine for no whole state")

        stream.kill()
        by_hand(more, "stop")
        seen.wait_for(more.slug, "stopped")
        wait_until(lambda: len(streams(shop.panel)) == 1, "one process follows the engine again")

        other = shop.file(text(registry, "by hand"), "other.yml")
        by_hand(shop, "up", "-d", file=other)
        seen.wait_for(shop.slug, "drifted")

    shop.panel.terminate()
    by_hand(more, "start")
    shop.panel.start()
    with AppsSocket(shop.panel) as seen:
        seen.wait_for(shop.slug, "drifted")
        seen.wait_for(more.slug, "up")
        by_hand(more, "stop")
        seen.wait_for(more.slug, "stopped")
        wait_until(lambda: len(streams(shop.panel)) == 1, "one process follows the engine")


def _looks_during_page_views(app: AppOnPanel) -> list[list[str]]:
    """Return the commands that ask for a whole state, and that the panel starts while pages of it are read.

    Others use the engine at the same time: what the stream tells of their containers is looked at too.
    """
    panel, client = psutil.Process(app.panel.pid), app.client
    seen: dict[int, list[str]] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            for process in panel.children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it has just ended
                    seen.setdefault(process.pid, process.cmdline())

    watching = threading.Thread(target=watch)
    watching.start()
    for _ in range(5):
        for address in ("/", f"/apps/{app.slug}/", f"/apps/{app.slug}/row/"):
            assert client.get(address).status == 200
    over.set()
    watching.join()
    return [argv for argv in seen.values() if "--quiet" in argv or "compose" in argv]
