"""What services use: measured by one process for all who look, and by none while nobody does."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.engine.conftest import MakeApp
from tests.lab.engine_line import EngineLine
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.usage_socket import next_usage, stats_processes, usage_socket
from tests.lab.waiting import wait_until

MEBIBYTE = 1024 * 1024


def test_one_stream_for_all_viewers_through_everything_that_may_happen(
    panel_process: Callable[..., PanelProcess], make_app: MakeApp, registry: Registry, tmp_path: Path
) -> None:
    with EngineLine(tmp_path / "engine.sock") as line:
        app = make_app(panel_process(environment={"DOCKER_HOST": line.host}), "usage")
        panel = app.panel

        def running() -> int:
            return len(stats_processes(panel.pid))

        app.sign_in(registry)
        image = registry.ref("web")
        text = (
            f"services:\n  web: {{image: {image}, mem_limit: 64m, cpus: 0.5, restart: always, scale: 2, "
            "depends_on: [db]}\n"
            f"  db: {{image: {image}, restart: always}}\n"
        )
        assert app.deploy(text)["status"] == "succeeded"
        assert running() == 0

        with usage_socket(panel, app.slug, app.client) as first:
            frame = next_usage(first, "db", "web")
            while frame["services"]["web"]["memory_limit"] != 128 * MEBIBYTE:
                frame = next_usage(first, "db", "web")  # one of its two was measured first
            web, total = frame["services"]["web"], frame["total"]
            assert web["cpu_limit"] == 100.0
            assert 0 < web["memory"] < web["memory_limit"]
            assert (total["memory_limit"], total["cpu_limit"]) == (None, None)
            assert total["memory"] == web["memory"] + frame["services"]["db"]["memory"]
            assert total["memory_of"] > total["memory"]
            assert total["cpu_of"] >= 100
            with usage_socket(panel, app.slug, app.client) as second:
                assert next_usage(second, "db", "web")["key"] == frame["key"]
                assert running() == 1

            # A service that is stopped is told of no more, and the page learns that it shows something old.
            done = panel.manage("app", "stop", app.slug, "web", "--json", check=True)
            told = json.loads(done.stdout)
            assert (told["status"], told["arguments"]) == ("succeeded", {"services": ["web"]})
            assert {one["service"] for one in told["services"]} == {"web"}
            while next_usage(first, "db")["key"] == frame["key"]:
                pass  # its containers went from the readings first
            wait_until(lambda: "<span>Partly stopped</span>" in app.page(), "the page says so")
            assert panel.manage("app", "start", app.slug, "nope").returncode == 2

            # The engine goes, and comes back.
            line.cut()
            next_usage(first)
            line.mend()
            next_usage(first, "db")
            assert running() == 1
            # What it needs stands still, too, and comes up with it; only what was asked for is judged.
            app.engine.run("stop", "--time", "0", f"{app.project}-db-1")
            event = app.act("start", service="web")
            assert event["status"] == "succeeded"
            assert {one["service"] for one in event["services"]} == {"web"}
            next_usage(first, "db", "web")
        wait_until(lambda: running() == 0, "the stream ends when nobody looks")

        # Neither a panel that is killed nor one that stops leaves it behind.
        with usage_socket(panel, app.slug, app.client) as third:
            next_usage(third, "db", "web")
            pid = panel.pid
            panel.kill()
            panel.start()
            wait_until(lambda: not stats_processes(pid), "what a killed panel had started ends")
        with usage_socket(panel, app.slug, app.client) as fourth:
            next_usage(fourth, "db", "web")
            pid = panel.pid
            assert panel.terminate() == 0
            assert not stats_processes(pid)
