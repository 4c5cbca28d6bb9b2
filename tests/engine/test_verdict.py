"""The verdict of a deploy on a real engine, and the automatic rollback where it is set.

The apps are played side by side, as they mostly wait; each test looks at what became of one.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from tests.engine.conftest import AppOnPanel
from tests.engine.verdict_stories import GOOD, SECRET, STORIES, Event, Story
from tests.lab.engine import Engine
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry

Tell = Callable[[str], Story]

_AT_ONCE = 4  # the panel runs three at once; the fourth is between two deploys


@pytest.fixture(scope="module")
def tell(
    engine: Engine,
    registry: Registry,
    shared_panel: PanelProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tell]:
    """Return the story of a name, when it is over."""
    folder = tmp_path_factory.mktemp("verdict")
    slugs = {name: f"verdict-{uuid.uuid4().hex[:6]}" for name in STORIES}
    apps = {name: AppOnPanel(shared_panel, engine, slug, folder) for name, slug in slugs.items()}
    next(iter(apps.values())).sign_in(registry)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        stories: dict[str, Future[Story]] = {
            name: pool.submit(play, apps[name], registry) for name, play in STORIES.items()
        }
        yield lambda name: stories[name].result(300)
        for story in stories.values():
            story.cancel()
        list(pool.map(engine.remove_project, (app.project for app in apps.values())))


def seconds(event: Event) -> float:
    started, finished = (datetime.fromisoformat(event[key]) for key in ("started_at", "finished_at"))
    return (finished - started).total_seconds()


def test_a_finished_job_is_completed_and_the_app_is_up(tell: Tell) -> None:
    """Complaint row 1: a finished migration makes the stack "exited" (dockge#11; coolify#6591). Not here."""
    story = tell("jobs")

    assert (story.update["status"], story.update["error"]) == ("succeeded", "")
    judged = sorted((s["service"], s["verdict"], s["exit_code"]) for s in story.update["services"])
    assert judged == [
        ("migrate", "completed", 0),
        ("prepare", "completed", 0),
        ("report", "completed", 0),
        ("web", "running", None),
        ("web", "running", None),
    ]
    assert "<span>Up</span>" in story.page
    assert "Degraded" not in story.page


def test_a_job_that_fails_in_up_fails_the_deploy_and_its_last_lines_say_why(tell: Tell) -> None:
    story = tell("failed job")

    assert (story.update["status"], story.update["step"]) == ("failed", "up")
    assert "exit 3" in story.update["error"]
    migrate = story.service("migrate")
    assert (migrate["verdict"], migrate["reason"]) == ("failed", "exited with 3")
    assert migrate["log"][-2:] == ["job starts", "job ends with 3"]


def test_a_first_version_that_never_ran_well_has_nothing_to_go_back_to(tell: Tell) -> None:
    story = tell("failed job")

    assert [event["action"] for event in story.events] == ["deploy", "deploy"]
    assert "no earlier deploy of the app succeeded" in story.update["error"]


def test_a_crash_loop_that_starts_clean_for_five_seconds_is_unstable_and_goes_back(tell: Tell) -> None:
    """Complaint row 13: a wrong status (arcane#574, #741), false success (arcane#1943). Not here."""
    story = tell("clean for 5 s")

    assert (story.update["status"], story.update["step"]) == ("unstable", "verify")
    assert "web: exited with 7, restarted " in story.update["error"]
    web = story.service("web")
    assert (web["verdict"], web["restarts"] > 0) == ("unstable", True)
    assert web["log"][:2] == ["job starts", "job ends with 7"]
    assert seconds(story.update) >= 5
    went_back(story)


def test_a_healthcheck_that_turns_bad_after_ten_seconds_is_unstable(tell: Tell) -> None:
    """Complaint row 13: a wrong status (arcane#574, #741), false success (arcane#1943). Not here."""
    story = tell("sick after 10 s")

    assert (story.update["status"], story.update["step"]) == ("unstable", "verify")
    assert "web: health: unhealthy" in story.update["error"]
    web = story.service("web")
    assert (web["state"], web["health"], web["verdict"]) == ("running", "unhealthy", "unstable")
    assert web["log"] == ["cache lost"]
    assert seconds(story.update) >= 10
    assert len(story.events) == 2, "it goes back only where that is set"


def test_a_service_that_runs_out_of_memory_is_named_and_goes_back(tell: Tell) -> None:
    story = tell("out of memory")

    assert story.update["status"] == "unstable"
    assert "web: exited with 137 (out of memory)" in story.update["error"]
    web = story.service("web")
    assert (web["verdict"], web["oom"], web["log"]) == ("failed", True, ["eating", "Killed"])
    went_back(story)


def test_a_job_that_exits_with_3_fails_the_deploy_and_goes_back(tell: Tell) -> None:
    story = tell("ends with 3")

    assert (story.update["status"], story.update["step"]) == ("failed", "verify")
    assert "import: exited with 3" in story.update["error"]
    assert sorted(story.service("import")["log"]) == ["red \\x07bell", "using ••••••••"]
    assert SECRET not in json.dumps(story.events, default=str)
    went_back(story)


def test_a_crash_loop_is_unstable_and_named(tell: Tell) -> None:
    """Complaint row 13: a wrong status (arcane#574, #741), false success (arcane#1943). Not here."""
    story = tell("crashing")

    assert (story.update["status"], story.update["step"]) == ("unstable", "verify")
    assert "web: exited with 7, restarted " in story.update["error"]
    assert story.service("web")["restarts"] > 0


def test_a_service_that_never_gets_healthy_is_unstable(tell: Tell) -> None:
    story = tell("never healthy")

    assert story.update["status"] == "unstable"
    assert "health: starting" in story.update["error"]


def test_no_container_at_all_is_no_success(tell: Tell) -> None:
    """Complaint row 13: a wrong status (arcane#574, #741), false success (arcane#1943). Not here."""
    story = tell("nothing")

    assert (story.update["status"], story.update["step"]) == ("unstable", "verify")
    assert "No container is asked for, so nothing of the app runs." in story.update["error"]


def went_back(story: Story) -> None:
    """Assert that the update of `story` was followed by a rollback that brought back what ran before."""
    rollback, first = story.rollback, story.events[0]
    assert (rollback["cause_id"], rollback["action"]) == (story.update["id"], "rollback")
    assert (rollback["status"], rollback["error"]) == ("succeeded", "")
    assert rollback["requested_by"] == "automatic rollback"
    assert rollback["version_id"] == first["version_id"]
    assert rollback["images"]["web"]["id"] == first["images"]["web"]["id"]
    assert f"Automatic rollback: event {rollback['id']} goes back to version 1." in story.update["error"]
    assert story.app.journal.current_version(story.app.slug) == 1
    assert len(story.events) == 3


def test_a_command_without_a_worker_also_runs_the_rollback_that_follows(
    make_app: Callable[..., AppOnPanel], panel_template: Path, registry: Registry, tmp_path: Path
) -> None:
    panel = PanelProcess(tmp_path / "panel", panel_template)
    app = make_app(panel)
    app.sign_in(registry)
    names = {"web": registry.ref("web"), "job": registry.ref("job")}
    app.deploy_by_command(GOOD.format(**names))
    panel.manage("shell", "-c", SWITCHED_ON, check=True)

    done = panel.manage("app", "deploy", app.slug, "--file", app.file(ENDS_WITH_7.format(**names)), "--json")

    events = app.journal.events(app.slug)
    assert [(event["action"], event["status"]) for event in events] == [
        ("deploy", "succeeded"),
        ("deploy", "unstable"),
        ("rollback", "succeeded"),
    ]
    assert done.returncode == 1
    assert json.loads(done.stdout)["id"] == events[1]["id"]
    assert f"because of event {events[1]['id']}." in done.stderr
    listed = json.loads(panel.manage("app", "events", app.slug, "--json", check=True).stdout)
    assert [event["cause"] for event in listed] == [events[1]["id"], None, None]


ENDS_WITH_7 = "services: {{web: {{image: {job}, environment: {{EXIT_CODE: '7'}}}}}}"
SWITCHED_ON = "from apps.applications.models import App; App.objects.update(auto_rollback=True)"
