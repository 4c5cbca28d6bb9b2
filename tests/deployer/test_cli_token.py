"""`manage.py app` with SIMPLEDEPLOY_TOKEN: it may what the token may, and its name is on record."""

import pytest

from apps.accounts.actor import Actor
from apps.accounts.models import AuditEntry, Role, Token
from apps.accounts.policy import Permission
from apps.deployer.cli.command import SubcommandsCommand
from apps.deployer.management.commands import app, engine, registry
from apps.deployments.models import DeployEvent
from tests.accounts.people import make_person
from tests.accounts.tokens import make_token
from tests.deployer.command_line import Manage, make_app, manage

__all__ = ["manage"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def use(settings):
    """Use a token of a new person from here on: `use(role, permissions, apps)`."""

    def start(role: str, permissions=(Permission.VIEW,), apps=None) -> Token:
        token, text = make_token(make_person("olga", role), permissions=permissions, apps=apps)
        settings.SIMPLEDEPLOY_TOKEN = text
        return token

    return start


def test_what_it_does_is_done_by_the_token(manage: Manage, use, monkeypatch) -> None:
    monkeypatch.setattr("apps.deployer.requests.require_engine", lambda *_args: None)
    make_app("shop")
    use(Role.OPERATOR, [Permission.OPERATE, Permission.VIEW])
    done = manage("app", "restart", "shop", "--detach")
    assert done.code == 0, done.err
    assert DeployEvent.objects.get().requested_by == "olga"
    entry = AuditEntry.objects.get(action="event.requested")
    assert (entry.actor, entry.token, entry.origin) == ("olga", "script", "command line with a token")


@pytest.mark.parametrize(
    "words",
    [
        ["app", "stop", "shop"],
        ["app", "scale", "shop", "web=2"],
        ["app", "remove", "shop"],
        ["app", "rollback", "shop", "--to", "1"],
        ["app", "cancel", "shop"],
        ["app", "deploy", "shop", "--file", "/dev/null"],
        ["app", "plan", "shop", "--file", "/dev/null"],
        ["app", "check", "--file", "/dev/null"],
        ["app", "adopt", "blog", "--plan"],
        ["engine", "prune", "--preview"],
        ["engine", "projects"],
        ["engine", "cancel"],
        ["registry", "list"],
        ["registry", "remove", "ghcr.io"],
    ],
)
def test_what_it_may_not_is_refused(manage: Manage, use, words: list[str]) -> None:
    make_app("shop")
    use(Role.ADMINISTRATOR)
    done = manage(*words)
    assert done.code == 2
    assert "not allow" in done.err or "token cannot" in done.err
    assert not DeployEvent.objects.exists()


def test_it_sees_its_apps_alone(manage: Manage, use) -> None:
    (shop, _), (blog, _) = make_app("shop"), make_app("blog")
    event = DeployEvent.objects.create(app=blog, slug="blog", action="stop", requested_by="ada")
    use(Role.ADMINISTRATOR, apps=[shop.pk])
    assert [one["slug"] for one in manage("app", "list", "--json").json] == ["shop"]
    assert manage("app", "versions", "shop").code == 0
    for words in (["versions", "blog"], ["events", "blog"], ["drift", "blog"], ["logs", str(event.pk)]):
        done = manage("app", *words)
        assert done.code == 2
        assert "There is no" in done.err


def test_a_new_app_needs_deploy_on_all_apps(manage: Manage, use) -> None:
    shop, _version = make_app("shop")
    use(Role.DEPLOYER, [Permission.VIEW, Permission.DEPLOY], apps=[shop.pk])
    assert "There is no app named blog" in manage("app", "deploy", "blog", "--file", "/dev/null").err


def test_a_wrong_token_does_nothing(manage: Manage, settings) -> None:
    settings.SIMPLEDEPLOY_TOKEN = "sd_wrong"
    done = manage("app", "list")
    assert done.code == 2
    assert done.err.startswith("This token is not valid")
    assert "sd_wrong" not in done.err


def test_every_subcommand_says_what_a_token_needs_for_it_or_is_closed() -> None:
    closed = {
        sub.name
        for command in (app.Command, engine.Command, registry.Command)
        if issubclass(command, SubcommandsCommand)
        for sub in command.subcommands
        if sub.needs is None
    }
    assert closed == {sub.name for sub in registry.Command.subcommands}
    assert Actor.from_command_line().token == ""
