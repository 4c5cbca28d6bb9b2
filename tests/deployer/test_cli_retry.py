"""`manage.py app retry`: what the page's button does, by the same rules."""

from typing import Any

import pytest

from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.applications.models import App
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.command_line import Manage, StandInWorker, manage, stand_in
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import YAML, make_app, make_deployed_app

__all__ = ["manage", "stand_in"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, stand_in: StandInWorker) -> FakeEngine:
    stand_in.live = True
    return FakeEngine.put_in_place(monkeypatch)


def failed(app: App, action: str = Action.DEPLOY, **columns: Any) -> DeployEvent:
    return make_event(
        app, **{"action": action, "status": Status.FAILED, "version": app.current_version} | columns
    )


def test_a_deploy_is_asked_for_again_just_as_it_was_planned(manage: Manage, engine: FakeEngine) -> None:
    app = make_app()
    pk = str(failed(app).pk)

    shown = manage("app", "retry", pk, "--plan")
    assert "create" in shown.out
    planned = shown.err.split()[-1]
    assert shown.err == f"To do just this: manage.py app retry {pk} --planned {planned}\n"
    assert manage("app", "retry", pk, "--plan", "--json").json["fingerprint"] == planned
    assert DeployEvent.objects.count() == 1

    engine.runs("shop", YAML.replace("nginx", "other"))
    refused = manage("app", "retry", pk, "--planned", planned, "--detach")
    assert (refused.code, "no longer what was shown" in refused.err) == (2, True)
    assert "recreate" in refused.out
    assert DeployEvent.objects.count() == 1

    engine.runs("shop", YAML)
    planned = manage("app", "retry", pk, "--plan", "--json").json["fingerprint"]
    done = manage("app", "retry", pk, "--planned", planned, "--detach", "--json").json
    assert (done["action"], done["version"], done["status"]) == ("deploy", 1, "queued")
    assert app.versions.count() == 1
    again = manage("app", "retry", pk, "--planned", planned, "--detach")
    assert (again.code, "Something else is queued" in again.err) == (2, True)


def test_a_rollback_keeps_its_choice_of_images(manage: Manage, engine: FakeEngine) -> None:
    app = make_app()
    nginx = {"image": "nginx:alpine", "id": "sha256:1", "digest": "nginx@sha256:2"}
    make_event(app, version=app.current_version, images={"web": nginx})
    engine.images = [nginx["digest"]]
    for images in ("same", "file"):
        event = failed(app, Action.ROLLBACK, arguments={"images": images})
        done = manage("app", "retry", str(event.pk), "--detach", "--json").json
        assert (done["action"], done["arguments"]["images"]) == ("rollback", images)


def test_what_has_no_plan_is_asked_for_at_once(manage: Manage) -> None:
    app = make_deployed_app()
    for action, arguments in (
        ("stop", {"services": ["web"]}),
        ("scale", {"scale": {"web": 2}}),
        ("pull", {}),
    ):
        pk = str(failed(app, action, arguments=arguments).pk)
        assert manage("app", "retry", pk, "--plan").code == 2
        done = manage("app", "retry", pk, "--detach", "--json").json
        assert (done["action"], done["arguments"]) == (action, arguments)
    assert "Pull has no plan" in manage("app", "retry", pk, "--plan").err


@pytest.mark.parametrize(
    "columns", [{"status": Status.SUCCEEDED}, {"action": "remove"}, {"action": "adopt"}], ids=str
)
def test_what_makes_no_sense_is_refused(manage: Manage, columns: dict[str, str]) -> None:
    event = failed(make_app(), **columns)
    done = manage("app", "retry", str(event.pk))
    assert (done.code, "cannot be asked for again" in done.err) == (2, True)
    assert manage("app", "retry", "999").err == "There is no event 999.\n"
    assert DeployEvent.objects.count() == 1


def test_of_a_protected_app_it_waits_unless_it_is_an_emergency(manage: Manage) -> None:
    event = failed(make_app(protected=True))
    told = manage("app", "retry", str(event.pk), "--detach", "--json").json
    assert (told["approval"], told["plan"]["summary"]) == ("awaited", "create web")
    reason = ("--without-approval", "shop is down", "--detach", "--json")
    told = manage("app", "retry", str(event.pk), *reason).json
    assert (told["approval"], told["approval_note"]) == ("overridden", "shop is down")
    assert AuditEntry.objects.filter(action=AuditAction.APPROVAL_OVERRIDDEN).exists()
