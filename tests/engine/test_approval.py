"""Four eyes on a real engine: what waits, what runs, and what is refused when it is no longer the same."""

import re

import pytest

from tests.engine.conftest import AppOnPanel, MakeApp
from tests.lab.http import Client
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry


@pytest.fixture(scope="module")
def olga(shared_panel: PanelProcess) -> Client:
    """Another person, who owns all apps."""
    shared_panel.add_person("olga", "owner")
    return shared_panel.client("olga")


def compose_file(image: str, label: str) -> str:
    return f"services:\n  web:\n    image: {image}\n    labels: {{step: {label}}}\n"


def reviewed(page: str) -> str:
    found = re.search(r'name="reviewed" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def test_a_protected_app_waits_for_another_person_and_runs_what_they_saw(
    make_app: MakeApp, shared_panel: PanelProcess, registry: Registry, olga: Client
) -> None:
    app, other = make_app(shared_panel, "eyes"), make_app(shared_panel, "open")
    image = registry.push("web")
    app.sign_in(registry)
    assert app.deploy(compose_file(image, "one"))["status"] == "succeeded"
    app.settle(protected="on")

    app.queue(compose_file(image, "two"))
    event = app.journal.last(app.slug)
    review = f"/events/{event['id']}/approval/"
    assert (event["status"], event["step"], event["approval"]) == ("queued", "approval", "awaited")
    assert event["plan"]["summary"] == "recreate web (labels)"
    # It holds nobody back.
    assert other.deploy(compose_file(image, "one"))["status"] == "succeeded"
    assert app.journal.last(app.slug)["status"] == "queued"

    own = app.client.post(review, {"reviewed": "a" * 64})
    assert (own.status, "another person has to approve it" in own.text) == (403, True)
    page = olga.get(review)
    assert page.status == 200, page.text
    assert "labels: step changed" in page.text

    # The plan changes under the eyes of the person who reads it.
    app.engine.run("rm", "--force", f"{app.project}-web-1")
    outdated = olga.post(review, {"reviewed": reviewed(page.text)})
    assert outdated.status == 409
    assert "What it would do is no longer what was shown. Nothing was approved." in outdated.text
    assert app.containers() == []
    olga.post(review, {"reviewed": reviewed(outdated.text), "note": "go"}, follow=False)

    done = app.journal.wait_for_end(app.slug)
    assert done["status"] == "succeeded", done["error"]
    assert (done["approval"], done["approval_by"], done["approval_note"]) == ("given", "olga", "go")
    assert done["plan"]["summary"] == "create web"
    steps = [step["name"] for step in done["steps"]]
    assert steps == [
        "approval",
        "version",
        "write",
        "credentials",
        "pull",
        "compare",
        "up",
        "verify",
        "record",
    ]
    assert [c["Config"]["Labels"]["step"] for c in app.containers()] == ["two"]


def test_an_image_that_moves_between_approval_and_pull_is_not_run(
    app: AppOnPanel, registry: Registry, olga: Client
) -> None:
    image = registry.push("moving", kind="web")
    app.sign_in(registry)
    assert app.deploy(compose_file(image, "one"))["status"] == "succeeded"
    app.settle(protected="on")
    (before,) = app.containers()
    # The registry has another image under the name by now, which the engine does not know yet.
    registry.push("moving", kind="slow")
    app.engine.run("tag", before["Image"], image)
    app.queue(compose_file(image, "two"))
    review = f"/events/{app.journal.last(app.slug)['id']}/approval/"

    olga.post(review, {"reviewed": reviewed(olga.get(review).text)}, follow=False)

    done = app.journal.wait_for_end(app.slug)
    assert (done["status"], done["step"], done["approval"]) == ("failed", "compare", "given")
    assert "This is no longer what was approved" in done["error"]
    assert "Nothing was changed: the app still has version 1." in done["error"]
    (after,) = app.containers()
    assert (after["Id"], after["Image"]) == (before["Id"], before["Image"])
    assert "step: one" in app.files["docker-compose.yml"]


def test_a_scale_and_a_removal_wait_too_and_a_stop_does_not(
    app: AppOnPanel, registry: Registry, olga: Client
) -> None:
    image = registry.push("web")
    app.sign_in(registry)
    assert app.deploy(compose_file(image, "one"))["status"] == "succeeded"
    app.settle(protected="on")

    def approve() -> None:
        review = f"/events/{app.journal.last(app.slug)['id']}/approval/"
        olga.post(review, {"reviewed": reviewed(olga.get(review).text)}, follow=False)

    app.post(f"/apps/{app.slug}/scale/", service="web", number="2")
    approve()
    scaled = app.journal.wait_for_end(app.slug)
    assert (scaled["status"], scaled["plan"]["summary"]) == ("succeeded", "scale web (1 → 2)"), scaled[
        "error"
    ]
    assert len(app.containers()) == 2
    assert app.act("stop")["status"] == "succeeded"

    app.post(f"/apps/{app.slug}/remove/", confirm=app.slug)
    approve()
    removed = app.journal.wait_for_end(app.slug)
    assert removed["status"] == "succeeded", removed["error"]
    assert app.containers() == []
