"""Panel processes of the lab, on which the engine and browser tests build."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.panel import PanelProcess


def test_it_serves_a_signed_in_person(panel: PanelProcess) -> None:
    answer = panel.client().get("/")
    assert answer.status == 200
    assert answer.path == "/"
    assert panel.anonymous().get("/").path == "/login/"


def test_a_person_with_a_role_can_sign_in(panel: PanelProcess) -> None:
    panel.add_person("vera", "viewer")
    assert panel.client("vera").get("/").status == 200
    with pytest.raises(AssertionError, match="vera"):
        panel.client("vera", "not the password")


def test_commands_see_the_panels_data(panel: PanelProcess) -> None:
    done = panel.manage("app", "list", "--json", check=True)
    assert done.stdout.strip() == "[]"


def test_two_panels_share_nothing(panel_process: Callable[..., PanelProcess]) -> None:
    first, second = panel_process(start=False), panel_process(start=False)
    assert first.port != second.port
    assert first.data_dir != second.data_dir
    first.add_person("vera", "viewer")
    count = "from apps.accounts.models import User; print(User.objects.count())"
    assert first.manage("shell", "-c", count, check=True).stdout.strip().endswith("2")
    assert second.manage("shell", "-c", count, check=True).stdout.strip().endswith("1")


def test_it_starts_again_on_its_data_after_a_crash_and_ends_when_asked(panel: PanelProcess) -> None:
    first = panel.pid
    panel.kill()
    assert not panel.is_running
    panel.start()
    assert panel.pid != first
    assert panel.client().get("/").status == 200
    assert panel.terminate() == 0
    assert not panel.is_running


def test_a_panel_gets_nothing_of_the_tests_settings(
    panel_process: Callable[..., PanelProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEDEPLOY_DATA_DIR", "/nowhere")
    panel = panel_process(start=False, environment={"SIMPLEDEPLOY_STEP_TIMEOUT": "77", "LANG": None})
    show = "from django.conf import settings as s; print(s.SETTINGS_MODULE, s.SIMPLEDEPLOY_STEP_TIMEOUT)"
    done = panel.manage("shell", "-c", show, check=True)
    assert done.stdout.split()[-2:] == ["simpledeploy_site.settings", "77"]
    folder = "from django.conf import settings; print(settings.SIMPLEDEPLOY_DATA_DIR)"
    assert panel.manage("shell", "-c", folder, check=True).stdout.split()[-1] == str(panel.data_dir)
    assert "LANG" not in panel.environment


def test_the_tests_themselves_use_a_data_folder_of_their_own() -> None:
    from django.conf import settings

    assert Path(settings.SIMPLEDEPLOY_DATA_DIR).name.startswith("simpledeploy-test-")
    assert os.environ["SIMPLEDEPLOY_DATA_DIR"] == str(settings.SIMPLEDEPLOY_DATA_DIR)
