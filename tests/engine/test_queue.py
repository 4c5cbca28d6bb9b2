"""Many deploys at once on a real engine."""

from datetime import datetime
from typing import Any

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.journal import Journal
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until


def test_ten_apps_at_once_never_run_more_than_three_and_all_succeed(
    make_app: MakeApp, shared_panel: PanelProcess, registry: Registry
) -> None:
    apps = [make_app(shared_panel, f"ten-{n}") for n in range(10)]
    apps[0].sign_in(registry)
    script = "\n".join(
        [
            "from apps.accounts.actor import Actor",
            "from apps.applications.content import Content",
            "from apps.deployer.requests import submit_deploy",
            f"content = Content.read('services: {{web: {{image: \"{registry.ref('web')}\"}}}}')",
            *(f"submit_deploy('{app.slug}', content, Actor('lab', 'command line'))" for app in apps),
        ]
    )
    shared_panel.manage("shell", "-c", script, check=True)
    slugs = {app.slug for app in apps}

    def events() -> list[dict[str, Any]]:
        return [event for event in Journal(shared_panel).events() if event["slug"] in slugs]

    wait_until(
        lambda: len(done := events()) == 10 and all(e["finished_at"] for e in done),
        lambda: f"all ten end: {[(e['status'], e['step']) for e in events()]}",
        timeout=180,
    )

    assert [e["status"] for e in events()] == ["succeeded"] * 10
    spans = [(when(e["started_at"]), when(e["finished_at"])) for e in events()]
    assert [start for start, _end in spans] == sorted(start for start, _end in spans)
    together = [sum(s <= start < e for s, e in spans) for start, _end in spans]
    assert max(together) == 3
    for app in apps:
        assert app.running_images() == [registry.ref("web")]


def test_two_deploys_of_one_app_run_one_after_the_other_and_the_last_one_stays(
    app: AppOnPanel, registry: Registry
) -> None:
    app.sign_in(registry)
    texts = [f"services: {{web: {{image: {registry.ref('web', tag)}}}}}\n" for tag in ("1", "2")]
    for text in texts:
        app.queue(text)
    app.journal.wait_for_end(app.slug)

    first, second = app.journal.events(app.slug)
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    assert when(first["finished_at"]) <= when(second["started_at"])
    assert app.files == {"docker-compose.yml": texts[1]}
    assert app.running_images() == [registry.ref("web", "2")]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)
