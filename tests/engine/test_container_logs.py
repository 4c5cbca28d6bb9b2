"""The output of real containers: followed through restarts and new containers, whole, hidden, and ended."""

import re
import socket
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab import talking
from tests.lab.children import started_with
from tests.lab.engine import Engine
from tests.lab.images import load_image
from tests.lab.log_socket import LogSocket
from tests.lab.panel import PanelProcess
from tests.lab.talking import TALKS
from tests.lab.waiting import wait_until

SECRET = "planted-secret-in-logs-4711"
IMAGE = "logs.lab.test/team/web:1"
# Many long lines of control characters.
SIGNS = """awk 'BEGIN { s = sprintf("%8000s", ""); gsub(/ /, "\\001", s); for (; i < 200; i++) print s }'"""
YAML = f"""services:
  web:
    image: {IMAGE}
    pull_policy: never
    environment: [PASSWORD]
    command: [sh, -c, '{TALKS}']
  api:
    image: {IMAGE}
    pull_policy: never
    command: [sh, -c, '{TALKS}']
"""


@pytest.fixture(scope="module")
def image(engine: Engine) -> Iterator[None]:
    load_image(engine, "web", IMAGE)
    yield
    engine.forget_images_of("logs.lab.test")


@pytest.fixture
def talker(image: None, make_app: MakeApp, panel_process: Callable[..., PanelProcess]) -> AppOnPanel:
    app = make_app(panel_process(), "logs")
    app.queue(YAML, f"PASSWORD={SECRET}\n")
    assert app.journal.wait_for_end(app.slug)["status"] == "succeeded"
    return app


def say(app: AppOnPanel, command: str, container: str = "web-1") -> None:
    talking.say(app.engine, f"{app.project}-{container}", command)


def followers(panel: PanelProcess) -> list[psutil.Process]:
    """Return the processes that follow or read containers for the panel."""
    return started_with("logs", panel.pid)


def no_follower_is_left(panel: PanelProcess) -> None:
    wait_until(lambda: not followers(panel), lambda: f"none follows, not {followers(panel)}")


def test_logs_are_followed_shared_hidden_downloaded_and_ended(talker: AppOnPanel) -> None:
    """One story on one panel: a panel and an app for each part would take minutes."""
    app, panel, client = talker, talker.panel, talker.client
    with (
        LogSocket(panel, client, app.slug) as every,
        LogSocket(panel, client, app.slug, service="api") as api,
    ):
        every.shows("begins")
        api.shows("begins")

        # Both streams, both services, levels, times; the one who wants one service gets that alone.
        say(app, "echo '[ERROR] to stdout'; echo 'level=warn to stderr' >&2; printf '\\377\\303\\251\\n'")
        say(app, "echo from the other", "api-1")
        assert every.shows("to stdout")["level"] == "error"
        assert every.shows("to stderr")["stream"] == "stderr"
        assert every.shows("�é")["source"] == "web-1"
        assert every.shows("from the other")["source"] == "api-1"
        api.shows("from the other")
        assert {line["source"] for line in api.lines} == {"api-1"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z", every.lines[0]["at"])

        # What is secret in the app is hidden, in colours and broken over lines, too; long lines are cut.
        say(app, f"echo x-{SECRET}-y; printf '{SECRET[:9]}\\033[31m{SECRET[9:]}\\n'; env | grep PASSWORD")
        say(app, "head -c 10000000 /dev/zero | tr '\\0' a; echo; echo after the long one")
        every.shows("after the long one")
        assert SECRET not in str(every.frames)
        assert "x-•••" in every.shows("x-•••")["text"] or "•••" in str(every.texts())
        assert max(len(text) for text in every.texts()) < 10_000

        # Nor does a view end by lines that take five times their length on the way; none steers a terminal.
        say(app, f"{SIGNS}; printf '\\033]52;c;ZXZpbA==\\007\\033[2J\\302\\2332Jafter the signs\\n'")
        every.shows("after the signs", timeout=60)
        assert not any(re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", text) for text in every.texts())
        # A time that the container makes up has no effect on what is seen after its restart.
        say(app, "printf 'here\\r2999-01-01T00:00:00.000000000Z forged\\n'")
        assert every.shows("forged")["at"] < "2999"

        # Who comes later sees the same, by the same processes.
        before = len(followers(panel))
        with LogSocket(panel, client, app.slug) as late:
            late.shows("after the signs")
            assert len(followers(panel)) == before == 3
            numbers = [line["seq"] for line in late.lines]
            assert numbers == sorted(set(numbers))

        # A restart, more containers, new ones in place of the old: no view ends, no line is doubled.
        app.engine.run("restart", "--time", "0", f"{app.project}-web-1")
        every.shows("runs again")
        say(app, "echo after the restart")
        every.shows("after the restart")
        app.act("scale", service="web", number="2")
        every.shows("is new here")
        say(app, "echo from the second", "web-2")
        assert every.shows("from the second")["source"] == "web-2"
        assert app.deploy(YAML.replace("[PASSWORD]", "[PASSWORD, MORE=1]"))["status"] == "succeeded"
        say(app, "echo after the new deploy")
        every.shows("after the new deploy", timeout=40)
        for text in ("after the restart", "from the second", "after the new deploy"):
            assert sum(text == one for one in every.texts()) == 1

    no_follower_is_left(panel)

    # Since, until, and how many; what has an end is over when it is told.
    time.sleep(1)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1)
    say(app, "echo late line")
    with LogSocket(panel, client, app.slug, service="web", since=now) as since:
        since.shows("late line")
        assert "after the new deploy" not in since.texts()
    with LogSocket(panel, client, app.slug, service="web", until=now, tail="1") as until:
        assert until.closed() == 1000
        assert until.texts() == ["after the new deploy"]
        assert until.frames[-1] == {"type": "end"}

    # The page without JavaScript, and the file; a reader who goes away ends the process behind it.
    page = client.get(f"/apps/{app.slug}/logs/?service=web").text
    assert "late line" in page
    assert SECRET not in page
    file = client.get(f"/apps/{app.slug}/logs/download/?service=web")
    assert "attachment" in file.headers["Content-Disposition"]
    assert file.text.index("after the new deploy") < file.text.index("late line")
    assert SECRET not in file.text
    assert re.search(r"^\d{4}-\d\d-\d\dT\S+Z web-1 \| late line$", file.text, re.MULTILINE)
    assert client.get(f"/apps/{app.slug}/logs/?since=yesterday").status == 400

    # A flood does not stop the server, and what cannot be shown is counted.
    with LogSocket(panel, client, app.slug, service="web", tail="100") as flooded:
        flooded.shows("late line")
        say(app, "i=0; while [ $i -lt 60000 ]; do echo $i; i=$((i+1)); done; echo the flood is over")
        wait_until(lambda: len(flooded.lines) > 500, "the flood comes")
        began = time.monotonic()
        assert client.get("/healthz").status == 200
        assert time.monotonic() - began < 10
        flooded.shows("the flood is over", timeout=60)
        told = sum(
            int(found[1].replace(",", ""))
            for text in flooded.texts()
            if (found := re.match(r"([\d,]+) lines? (?:was|were) skipped here", text))
        )
        shown = sum(text.isdecimal() for text in flooded.texts())
        assert shown + told + flooded.skipped == 60_000

        with socket.create_connection(("127.0.0.1", panel.port)) as reader:
            head = f"GET /apps/{app.slug}/logs/download/?service=web HTTP/1.1\r\n"
            head += f"Host: 127.0.0.1:{panel.port}\r\n"
            reader.sendall(f"{head}Cookie: {client.cookie_header()}\r\n\r\n".encode())
            assert b"200 OK" in reader.recv(100)
            wait_until(lambda: len(followers(panel)) == 2, "one reads for the file")
        wait_until(lambda: len(followers(panel)) == 1, "it ends with its reader")

    # Signed out, the view ends, and the process with it; so it does when the panel stops, or is killed.
    other = panel.client()
    with LogSocket(panel, other, app.slug) as gone:
        gone.shows("the flood is over")
        other.post("/logout/", {})
        assert gone.closed() == 4401
    no_follower_is_left(panel)
    with LogSocket(panel, client, app.slug) as last:
        last.shows("the flood is over")
        following = followers(panel)
        assert panel.terminate() == 0
        last.closed()
    assert not any(process.is_running() for process in following)
    panel.start()
    with LogSocket(panel, app.client, app.slug) as killed:
        killed.shows("the flood is over")
        following = followers(panel)
        panel.kill()
        killed.closed()
    panel.start()
    wait_until(lambda: not any(process.is_running() for process in following), "the next start ends them")
