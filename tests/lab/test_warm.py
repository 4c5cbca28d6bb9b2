"""Warm starts of the lab: processes of their own, and cold where the difference would be noticed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.panel import PanelProcess

_TELL = (
    "import json, os, sys, threading; from django.conf import settings; from django.db import connection; "
    "print(json.dumps({'warm': 'tests.lab.warm' in sys.orig_argv, 'pid': os.getpid(), 'argv': sys.argv, "
    "'folder': str(settings.SIMPLEDEPLOY_DATA_DIR), 'database': str(connection.settings_dict['NAME']), "
    "'calm': settings.SIMPLEDEPLOY_CALM_SECONDS, 'key': settings.SECRET_KEY, "
    "'environment': dict(os.environ), 'files': sorted(map(int, os.listdir('/proc/self/fd')))}))"
)
MakePanel = Callable[..., PanelProcess]


def told(panel: PanelProcess, **environment: str) -> dict[str, Any]:
    done = panel.manage("shell", "-v", "0", "-c", _TELL, check=True, **environment)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_each_has_its_own_process_settings_and_environment(panel_process: MakePanel) -> None:
    panels = [panel_process(start=False), panel_process(start=False, environment={"OTHER": "1"})]
    answers = [told(panel, SIMPLEDEPLOY_CALM_SECONDS=str(7 + n)) for n, panel in enumerate(panels)]
    for number, (panel, answer) in enumerate(zip(panels, answers, strict=True)):
        assert answer["warm"]
        assert answer["argv"] == ["manage.py", "shell", "-v", "0", "-c", _TELL]
        assert answer["folder"] == str(panel.data_dir)
        assert answer["database"] == str(panel.data_dir / "simpledeploy.sqlite3")
        assert answer["calm"] == 7 + number
        assert ("OTHER" in answer["environment"]) == bool(number)
        # Besides the standard streams the folder that was just listed, and the database.
        assert answer["files"][:4] == [0, 1, 2, 3]
        assert len(answer["files"]) <= 5
    assert answers[0]["pid"] != answers[1]["pid"]
    assert answers[0]["key"] == answers[1]["key"], "both are copies of one template"
    unclaimed = panel_process(start=False, claimed=False)
    assert told(unclaimed)["key"] != answers[0]["key"]


@pytest.mark.parametrize(
    ("end", "code"),
    [("sys.exit(5)", 5), ("os.kill(os.getpid(), 9)", -9), ("os.kill(os.getpid(), 15)", -15)],
)
def test_its_end_is_told_as_of_any_process(panel_process: MakePanel, end: str, code: int) -> None:
    panel = panel_process(start=False)
    assert panel.manage("shell", "-v", "0", "-c", f"import os, sys; {end}").returncode == code


def test_what_fails_says_where_and_what_is_typed_is_read(panel_process: MakePanel) -> None:
    panel = panel_process(start=False)
    done = panel.manage("shell", "-v", "0", "-c", "raise RuntimeError(input())", input="typed\n")
    assert done.returncode == 1
    assert done.stderr.endswith("RuntimeError: typed\n")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
    ],
)
def test_what_would_notice_starts_cold(panel_process: MakePanel, environment: dict[str, str]) -> None:
    answer = told(panel_process(start=False), **environment)
    assert not answer["warm"]
    assert answer["environment"].items() >= environment.items()


def test_settings_that_are_refused_are_refused_by_a_cold_start(panel_process: MakePanel) -> None:
    panel = panel_process(start=False)
    done = panel.manage("app", "list", SIMPLEDEPLOY_CALM_SECONDS="never")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("SIMPLEDEPLOY_CALM_SECONDS: ")
    assert done.stderr.count("\n") == 1


def test_a_panel_has_a_session_of_its_own_and_ends_by_signals(panel_process: MakePanel) -> None:
    panel = panel_process()
    with open(f"/proc/{panel.pid}/stat") as stat:
        _state, _parent, group, session = stat.read().rpartition(")")[2].split()[:4]
    assert {int(group), int(session)} == {panel.pid}
    assert panel.terminate() == 0
    panel.start()
    panel.kill()
    assert not panel.is_running
    assert panel.process is not None
    assert panel.process.wait() == -9
