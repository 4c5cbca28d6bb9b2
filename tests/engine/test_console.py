"""Consoles in real containers: what they do, and that nothing is left of them however they end."""

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.children import started_with
from tests.lab.console import ConsoleSocket
from tests.lab.engine import Engine
from tests.lab.http import Client
from tests.lab.images import load_image
from tests.lab.panel import PASSWORD, PanelProcess
from tests.lab.waiting import wait_until

YAML = """services:
  web:
    image: console.lab.test/team/web:1
    pull_policy: never
    environment: [EXAMPLE=1]
  api:
    image: console.lab.test/team/web:1
    pull_policy: never
  other:
    image: console.lab.test/team/web:1
    pull_policy: never
  bare:
    image: console.lab.test/team/bare:1
    pull_policy: never
    command: [/bin/busybox, sleep, "2147483647"]
"""
# What people leave running: in the background, without the terminal, deaf to its end, and stopped.
LEAVE_SOME = "sleep 4001 & setsid sleep 4002 & echo all-$((40+2))"
LEAVE = (
    "sleep 4001 & setsid sleep 4002 & nohup sleep 4003 >/dev/null 2>&1 & "
    "sh -c 'trap \"\" HUP TERM; while :; do sleep 4004; done' & "
    "sleep 4005 & kill -STOP $!; echo all-$((40+2))"
)


@pytest.fixture(scope="module")
def images(engine: Engine) -> Iterator[None]:
    load_image(engine, "web", "console.lab.test/team/web:1")
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.add(os.path.realpath("/bin/busybox"), "bin/busybox")
    # An image in which nothing is called sh.
    path = "/tmp/console-bare.tar"
    with open(path, "wb") as file:
        file.write(layer.getvalue())
    engine.run("import", path, "console.lab.test/team/bare:1")
    os.unlink(path)
    yield
    engine.forget_images_of("console.lab.test")


@pytest.fixture
def console_app(images: None, make_app: MakeApp, panel_process: Callable[..., PanelProcess]) -> AppOnPanel:
    app = make_app(panel_process(), "console")
    assert app.deploy(YAML)["status"] == "succeeded"
    return app


def open_console(app: AppOnPanel, client: Client | None = None, **query: str) -> ConsoleSocket:
    return ConsoleSocket(app.panel, client or app.client, app.slug, {"service": "web", **query})


def left(app: AppOnPanel, service: str = "web") -> list[str]:
    """Return what runs in the container of `service` beside the image's own program."""
    name = f"{app.project}-{service}-1"
    return [line for line in app.engine.lines("top", name, "-eo", "pid,args")[1:] if "httpd" not in line]


def put_bash(app: AppOnPanel, service: str) -> None:
    """Give the container of `service` the machine's own bash, with the libraries that it is linked to."""
    program = shutil.which("bash")
    assert program
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    name = f"{app.project}-{service}-1"
    for path in (program, *re.findall(r"/\S+", linked)):
        app.engine.run("exec", name, "mkdir", "-p", os.path.dirname(path))
        app.engine.run("cp", "--follow-link", path, f"{name}:{path}")


def audit(app: AppOnPanel, action: str) -> list[str]:
    return app.journal.audit(app.slug, f"console.{action}")


def nothing_is_left(app: AppOnPanel, service: str = "web") -> None:
    wait_until(lambda: not left(app, service), lambda: f"nothing is left, not {left(app, service)}")
    wait_until(lambda: not started_with("exec", app.panel.pid), "no docker exec is left")


def test_a_console_and_its_endings(console_app: AppOnPanel) -> None:
    """One story on one panel: a panel and an app for each ending would take minutes."""
    app = console_app
    app.panel.add_person("olga")
    access = f"/apps/{app.slug}/access/"
    olga_is = re.search(r'value="(person \d+)"[^>]*>[^<]*olga', app.client.get(access).text)
    assert olga_is
    app.client.post(access, {"to": olga_is[1], "role": "owner"})

    # It is a terminal: of the size of the window, with a prompt, and its output comes byte for byte.
    one = open_console(app, columns="100", rows="30")
    assert one.told("opened") == {"type": "opened", "service": "web", "container": "web-1", "shell": "sh"}
    # Docker tells a terminal its size just after its start, and a shell may be quicker.
    wait_until(
        lambda: one.type("stty size\n") or b"30 100" in one.printed, "it has the window's size", every=0.2
    )
    one.send({"type": "size", "columns": 120, "rows": 40})
    wait_until(
        lambda: one.type("stty size\n") or b"40 120" in one.printed, "it hears of the new size", every=0.2
    )
    one.does("printf '\\303\\251\\377\\n'", "")
    wait_until(lambda: b"\xc3\xa9\xff" in one.printed, "bytes come as they are")
    one.does("echo $TERM-$EXAMPLE", "xterm-256color-1")
    assert any("admin|service web" in entry for entry in audit(app, "opened"))

    # Closing the page ends all that was started in it.
    one.does(LEAVE, "all-42")
    assert len(left(app)) >= 6
    one.leave()
    nothing_is_left(app)
    assert "The page was closed" in audit(app, "closed")[-1]

    # So does the end of the shell itself.
    two = open_console(app)
    two.does("sleep 4001 & echo started-$((1+1))", "started-2")
    two.type("exit 3\n")
    assert two.told("closed")["exit_code"] == 3
    nothing_is_left(app)
    assert "The shell ended" in audit(app, "closed")[-1]

    # The person is signed out while another session of theirs goes on.
    olga = app.panel.client("olga", PASSWORD)
    gone = open_console(app, olga)
    gone.does(LEAVE_SOME, "all-42")
    olga.post("/logout/", {})
    assert gone.closed() == 4401
    nothing_is_left(app)
    assert "signed out" in audit(app, "closed")[-1]
    assert audit(app, "closed")[-1].startswith("olga|")

    # The right is taken away.
    olga = app.panel.client("olga", PASSWORD)
    gone = open_console(app, olga)
    gone.does(LEAVE_SOME, "all-42")
    taking = re.search(rf"{access}\d+/take/", app.client.get(access).text)
    assert taking
    app.client.post(taking[0], {})
    assert gone.closed() == 4404
    nothing_is_left(app)
    assert "right to it was taken away" in audit(app, "closed")[-1]

    # A paused container keeps its processes; they end when it goes on (see below).
    paused = open_console(app, service="api")
    paused.does(LEAVE_SOME, "all-42")
    app.engine.run("pause", f"{app.project}-api-1")
    paused.leave()
    wait_until(lambda: "page was closed" in audit(app, "closed")[-1], "the end is written down")
    app.engine.run("unpause", f"{app.project}-api-1")

    # Where there is bash it is that: with its jobs, Ctrl-C, and Ctrl-D as its end.
    put_bash(app, "other")
    bash = open_console(app, service="other")
    assert bash.told("opened")["shell"] == "bash"
    bash.does("[[ -n $BASH_VERSION ]] && echo it-is-$((40+2))", "it-is-42")
    bash.does(f"sleep 4006 & disown; {LEAVE}", "all-42")
    # Said by what has the terminal: bash itself would ignore a Ctrl-C that comes before that.
    bash.does("sh -c 'echo waits-$((40+2)); exec sleep 4999'", "waits-42")
    bash.type("\x03")
    bash.does("echo then-$?; PS1='re''ady> '", "then-130")
    bash.prompts("ready> ")
    bash.type("\x04")
    bash.shows("There are stopped jobs.")
    bash.prompts("ready> ")
    bash.type("\x04")
    assert bash.told("closed")["why"] == "shell_ended"
    nothing_is_left(app, "other")

    # The container stops.
    stopped = open_console(app, service="other")
    stopped.does("echo here-$((1+1))", "here-2")
    app.engine.run("stop", "--time", "0", f"{app.project}-other-1")
    assert stopped.told("closed")["why"] == "container_stopped"

    # What has no shell, does not run or is not there is told.
    assert "has no shell (sh)" in open_console(app, service="bare").told("refused")["text"]
    assert "does not run" in open_console(app, service="other").told("refused")["text"]
    assert "no container of a service" in open_console(app, service="nothing").told("refused")["text"]
    no_bash = {"service": "web", "shell": "bash"}
    assert "no bash" in ConsoleSocket(app.panel, app.client, app.slug, no_bash).told("refused")["text"]

    # The server stops.
    last = open_console(app)
    last.does(LEAVE_SOME, "all-42")
    assert app.panel.terminate() == 0
    assert left(app) == []
    last.closed()
    assert "The panel was stopped" in audit(app, "closed")[-1]

    # Nothing typed for so long: it is told, then ends.
    app.panel.environment["SIMPLEDEPLOY_CONSOLE_IDLE_SECONDS"] = "6"
    app.panel.start()
    nothing_is_left(app, "api")
    idle = open_console(app)
    idle.told("opened")
    idle.does(LEAVE_SOME, "all-42")
    assert idle.told("idle")["seconds"] <= 6
    assert idle.told("closed")["why"] == "idle"
    nothing_is_left(app)

    # The panel is killed: its client goes at the next start, and what runs in the container, too.
    killed = open_console(app)
    killed.does(LEAVE, "all-42")
    app.panel.kill()
    killed.closed()
    assert left(app) != []
    app.panel.start()
    wait_until(lambda: not left(app), "the next start clears up")
    assert "ended unexpectedly" in audit(app, "closed")[-1]
    orphans = [
        p
        for p in psutil.process_iter(["cmdline"])
        if "exec" in (p.info["cmdline"] or []) and app.slug in str(p.info)
    ]
    assert orphans == []
    assert len(audit(app, "opened")) == len(audit(app, "closed"))
