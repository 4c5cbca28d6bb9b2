"""For each action of the audit a way that people have to it, which writes its entry; and what entries hold.

A new action without a line in WAYS fails here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client, TestCase
from django.utils import timezone

from apps.accounts import setup
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Invitation, Role, Token, User
from apps.applications.models import AppTemplate, HostAllowance
from apps.deployer.console.console import Console, Place
from apps.deployer.runner.mock_runner import MockRunner
from apps.deployer.runner.terminal import Terminal
from apps.deployer.state import feed
from apps.deployments import claims, queue
from apps.deployments.states import Action, Status
from apps.registries.models import RegistryCredential
from tests.accounts.people import PASSWORD, make_person
from tests.panel.admin_records import make_chunk, make_credential
from tests.panel.fake_engine import FakeEngine
from tests.panel.fake_feed import Feed, container
from tests.panel.pages import YAML, make_app, make_deployed_app, make_version
from tests.panel.second_factors import KEY, code, give_app

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "planted-new-password-77"
REGISTRY_PASSWORD = "planted-registry-password-77"
ENVIRONMENT_VALUE = "planted-environment-value-77"
SECRETS = (KEY, PASSWORD, NEW_PASSWORD, REGISTRY_PASSWORD, ENVIRONMENT_VALUE)


@dataclass
class Stage:
    """An administrator who is signed in, and what they act on."""

    client: Client
    ada: User

    def post(self, address: str, **fields: object) -> None:
        """Send a form that must be accepted."""
        response = self.client.post(address, fields)
        assert response.status_code == 302, response.content.decode()[-3000:]


def claim(stage: Stage) -> None:
    User.objects.all().delete()
    code = setup.setup_code()
    stage.client.logout()
    stage.post("/setup/", code=code, username="first", password1=NEW_PASSWORD, password2=NEW_PASSWORD)


def sign_in(stage: Stage) -> None:
    stage.client.logout()
    stage.post("/login/", username="ada", password=PASSWORD)


def fail_to_sign_in(stage: Stage) -> None:
    Client().post("/login/", {"username": "ada", "password": NEW_PASSWORD})


def be_refused(stage: Stage) -> None:
    viewer = Client()
    viewer.force_login(make_person("vera", Role.VIEWER))
    assert viewer.get("/registries/").status_code == 403


def add_person(stage: Stage) -> None:
    stage.post(
        "/admin/accounts/user/add/",
        username="bob",
        role=Role.VIEWER,
        password1=NEW_PASSWORD,
        password2=NEW_PASSWORD,
    )


def change_person(stage: Stage) -> None:
    bob = make_person("bob", Role.VIEWER)
    stage.post(f"/admin/accounts/user/{bob.pk}/change/", username="bob", role=Role.OPERATOR, is_active="on")


def remove_person(stage: Stage) -> None:
    bob = make_person("bob", Role.VIEWER)
    stage.post(f"/admin/accounts/user/{bob.pk}/delete/", post="yes")


def change_own_password(stage: Stage) -> None:
    stage.post("/account/password/", oldpassword=PASSWORD, password1=NEW_PASSWORD, password2=NEW_PASSWORD)


def give_role(stage: Stage) -> None:
    make_app()
    bob = make_person("bob")
    stage.post("/apps/shop/access/", to=f"person {bob.pk}", role=Role.OWNER)


def take_role(stage: Stage) -> None:
    give_role(stage)
    grant = User.objects.get(username="bob").grants.get()
    stage.post(f"/apps/shop/access/{grant.pk}/take/")


def allow_host_rule(stage: Stage) -> None:
    make_app()
    stage.post("/apps/shop/host-rules/", rule="devices", subject="/dev/dri", reason="It draws.")


def withdraw_host_rule(stage: Stage) -> None:
    allow_host_rule(stage)
    stage.post(f"/apps/shop/host-rules/{HostAllowance.objects.get().pk}/withdraw/")


def add_template(stage: Stage) -> None:
    make_version(make_app(), YAML, f"KEY={ENVIRONMENT_VALUE}")
    rows = {"variables-TOTAL_FORMS": 0, "variables-INITIAL_FORMS": 0}
    stage.post("/apps/shop/template/", name="Ours", compose=YAML, **rows)


def change_template(stage: Stage) -> None:
    add_template(stage)
    rows = {"variables-TOTAL_FORMS": 0, "variables-INITIAL_FORMS": 0}
    address = f"/templates/own/{AppTemplate.objects.get().pk}/edit/"
    stage.post(address, name="Better", compose=YAML, **rows)


def remove_template(stage: Stage) -> None:
    add_template(stage)
    stage.post(f"/templates/own/{AppTemplate.objects.get().pk}/remove/")


def add_team(stage: Stage) -> None:
    stage.post("/admin/auth/group/add/", name="ops", role="")


def change_team(stage: Stage) -> None:
    add_team(stage)
    team = Group.objects.get()
    stage.post(f"/admin/auth/group/{team.pk}/change/", name="ops", role=Role.OPERATOR)


def remove_team(stage: Stage) -> None:
    add_team(stage)
    stage.post(f"/admin/auth/group/{Group.objects.get().pk}/delete/", post="yes")


def add_registry(stage: Stage) -> None:
    stage.post("/registries/add/", host="ghcr.io", username="robot", password=REGISTRY_PASSWORD)


def change_registry(stage: Stage) -> None:
    add_registry(stage)
    stage.post(
        f"/registries/{RegistryCredential.objects.get().pk}/", host="ghcr.io", username="other", password=""
    )


def remove_registry(stage: Stage) -> None:
    credential = make_credential()
    stage.post(f"/registries/{credential.pk}/remove/")


def deploy_new_app(stage: Stage) -> None:
    stage.post(
        "/apps/new/",
        slug="blog",
        name="",
        compose=YAML,
        environment=f"KEY={ENVIRONMENT_VALUE}",
        note="",
        deploy="now",
    )


def change_app(stage: Stage) -> None:
    make_app()
    stage.post("/apps/shop/settings/", name="Our shop", verify_timeout=60, calm_seconds=5)


def stop_app(stage: Stage) -> None:
    make_deployed_app()
    stage.post("/apps/shop/stop/")


def cancel_event(stage: Stage) -> None:
    stop_app(stage)
    event = queue.DeployEvent.objects.queued().get()
    stage.post(f"/events/{event.pk}/cancel/")


def ask_for_approval(stage: Stage) -> int:
    """Let somebody ask for the removal of a protected app; return the number of the event."""
    app = make_app(protected=True)
    deb = make_person("deb", Role.DEPLOYER)
    return queue.enqueue(app, Action.REMOVE, Actor("deb", "web 192.0.2.1", deb)).pk


def approve_event(stage: Stage) -> None:
    address = f"/events/{ask_for_approval(stage)}/approval/"
    found = re.search(r'name="reviewed" value="([0-9a-f]{64})"', stage.client.get(address).content.decode())
    assert found
    stage.post(address, reviewed=found[1])


def refuse_event(stage: Stage) -> None:
    stage.post(f"/events/{ask_for_approval(stage)}/refuse/", note="Not on a Friday")


def override_approval(stage: Stage) -> None:
    app, root = make_app(protected=True), Actor("root", "command line")
    queue.enqueue(app, Action.STOP, root, without_approval="shop is down")
    queue.enqueue(app, Action.REMOVE, root, without_approval="shop is down")


def end_event(stage: Stage) -> None:
    stop_app(stage)
    event = claims.claim_next("worker")
    assert event is not None
    claims.finish(event, Status.FAILED, error="The step failed.")


def command(name: str, *arguments: str) -> None:
    call_command(name, *arguments, stdout=StringIO(), stderr=StringIO())


def prune_audit(stage: Stage) -> None:
    in_a_year = timezone.now() + timedelta(days=365)
    with mock.patch("django.utils.timezone.now", return_value=in_a_year):
        command("prune_audit", "--older-than", "30")


def prune_logs(stage: Stage) -> None:
    event = make_deployed_app().events.get()
    make_chunk(event)
    in_a_year = timezone.now() + timedelta(days=365)
    with mock.patch("django.utils.timezone.now", return_value=in_a_year):
        command("prune_logs", "--older-than", "30")


def end_other_sessions(stage: Stage) -> None:
    Client().post("/login/", {"username": "ada", "password": PASSWORD})
    sign_in(stage)
    stage.post("/account/sessions/", end="others")


def set_up_app(stage: Stage) -> None:
    key = stage.client.get("/account/second-factor/app/").context["form"].secret
    with TestCase.captureOnCommitCallbacks(execute=True):
        stage.post("/account/second-factor/app/", code=code(key))


def remove_app(stage: Stage) -> None:
    give_app(stage.ada)
    stage.post("/account/second-factor/app/remove/")


def renew_codes(stage: Stage) -> None:
    give_app(stage.ada)
    with TestCase.captureOnCommitCallbacks(execute=True):
        stage.post("/account/second-factor/codes/new/")


def make_invitation(stage: Stage) -> str:
    page = stage.client.post("/invitations/", {"role": Role.VIEWER, "team": "", "days": "3"})
    return str(page.context["link"].partition("#")[2])


def use_invitation(stage: Stage) -> None:
    code = make_invitation(stage)
    stage.client.logout()
    stage.post("/join/", code=code, username="bob", password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert not AuditEntry.objects.filter(after__contains=code).exists()


def withdraw_invitation(stage: Stage) -> None:
    make_invitation(stage)
    stage.post(f"/invitations/{Invitation.objects.get().pk}/withdraw/")


def reveal_environment(stage: Stage) -> None:
    make_version(make_app(), YAML, f"KEY={ENVIRONMENT_VALUE}")
    page = stage.client.post("/apps/shop/environment/", {"version": "2", "all": ""})
    assert ENVIRONMENT_VALUE in page.content.decode()


def make_token(stage: Stage) -> None:
    fields = {"name": "script", "user": stage.ada.pk, "permissions": ["view"], "days": 1}
    assert stage.client.post("/account/tokens/", fields).status_code == 200


def revoke_token(stage: Stage) -> None:
    make_token(stage)
    stage.post(f"/account/tokens/{Token.objects.get().pk}/revoke/")


def show_wrong_token(stage: Stage) -> None:
    stage.client.get("/", headers={"Authorization": f"Bearer {ENVIRONMENT_VALUE}"})


def hold_console(stage: Stage) -> None:
    with mock.patch.object(feed, "_running", Feed(container())):
        by = Actor("ada", "web", stage.ada)
        Console(MockRunner(), make_app(), Place("web"), by, Terminal(lambda _: None), lambda _: None).hold()


WAYS: dict[AuditAction, Callable[[Stage], object]] = {
    AuditAction.PANEL_CLAIMED: claim,
    AuditAction.SIGNED_IN: sign_in,
    AuditAction.SIGN_IN_FAILED: fail_to_sign_in,
    AuditAction.SIGNED_OUT: lambda stage: stage.post("/logout/"),
    AuditAction.REFUSED: be_refused,
    AuditAction.PERSON_ADDED: add_person,
    AuditAction.PERSON_CHANGED: change_person,
    AuditAction.PERSON_REMOVED: remove_person,
    AuditAction.PASSWORD_CHANGED: change_own_password,
    AuditAction.GRANT_GIVEN: give_role,
    AuditAction.GRANT_TAKEN: take_role,
    AuditAction.HOST_RULE_ALLOWED: allow_host_rule,
    AuditAction.HOST_RULE_WITHDRAWN: withdraw_host_rule,
    AuditAction.TEAM_ADDED: add_team,
    AuditAction.TEAM_CHANGED: change_team,
    AuditAction.TEAM_REMOVED: remove_team,
    AuditAction.REGISTRY_ADDED: add_registry,
    AuditAction.REGISTRY_CHANGED: change_registry,
    AuditAction.REGISTRY_REMOVED: remove_registry,
    AuditAction.APP_ADDED: deploy_new_app,
    AuditAction.APP_CHANGED: change_app,
    AuditAction.VERSION_ADDED: deploy_new_app,
    AuditAction.TEMPLATE_ADDED: add_template,
    AuditAction.TEMPLATE_CHANGED: change_template,
    AuditAction.TEMPLATE_REMOVED: remove_template,
    AuditAction.EVENT_REQUESTED: stop_app,
    AuditAction.EVENT_CANCEL_REQUESTED: cancel_event,
    AuditAction.EVENT_APPROVED: approve_event,
    AuditAction.EVENT_REFUSED: refuse_event,
    AuditAction.APPROVAL_OVERRIDDEN: override_approval,
    AuditAction.EVENT_ENDED: end_event,
    AuditAction.SESSION_ENDED: end_other_sessions,
    AuditAction.INVITED: make_invitation,
    AuditAction.INVITATION_USED: use_invitation,
    AuditAction.INVITATION_WITHDRAWN: withdraw_invitation,
    AuditAction.FACTOR_ADDED: set_up_app,
    AuditAction.FACTOR_REMOVED: remove_app,
    AuditAction.CODES_RENEWED: renew_codes,
    AuditAction.CONSOLE_OPENED: hold_console,
    AuditAction.CONSOLE_CLOSED: hold_console,
    AuditAction.TOKEN_MADE: make_token,
    AuditAction.TOKEN_REVOKED: revoke_token,
    AuditAction.TOKEN_REFUSED: show_wrong_token,
    AuditAction.SECRET_REVEALED: reveal_environment,
    AuditAction.KEYS_ROTATED: lambda stage: command("rotate_keys"),
    AuditAction.LOGS_PRUNED: prune_logs,
    AuditAction.AUDIT_EXPORTED: lambda stage: command("export_audit"),
    AuditAction.AUDIT_PRUNED: prune_audit,
}


@pytest.fixture
def stage(client: Client, fake_engine: FakeEngine) -> Stage:
    ada = make_person("ada", Role.ADMINISTRATOR)
    client.force_login(ada)
    return Stage(client, ada)


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_is_written_on_its_way_and_holds_no_secret(action: AuditAction, stage: Stage) -> None:
    WAYS[action](stage)

    assert AuditEntry.objects.filter(action=action).exists()
    for entry in AuditEntry.objects.all():
        held = str(entry.record())
        assert not [secret for secret in SECRETS if secret in held], held
