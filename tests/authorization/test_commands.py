"""Every subcommand × a token of everybody × their own and a foreign app, and without a token: everything."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from apps.accounts import tokens
from apps.accounts.models import Role
from apps.core.errors import NotAllowed, NotFound
from apps.deployer.cli import acting
from apps.deployer.cli.command import Subcommand
from apps.deployer.management.commands import app, engine, registry
from tests.accounts.tokens import make_token
from tests.authorization.people import VISITORS, Visitor
from tests.authorization.routes import COMMANDS, On, Route
from tests.authorization.test_pages import HIDDEN, REFUSED, THROUGH
from tests.authorization.things import Things, own_and_foreign

pytestmark = pytest.mark.django_db

# No token is for what only a person does who shows who they are.
NEVER = {"registry add", "registry check", "registry list", "registry remove"}


def subcommands() -> Iterator[tuple[str, Subcommand]]:
    for name, command in (("app", app), ("engine", engine), ("registry", registry)):
        for sub in command.Command.subcommands:
            yield f"{name} {sub.name}", sub


def answered(sub: Subcommand, options: dict[str, Any]) -> str:
    try:
        acting.require(sub.needs, sub.on, options)
    except NotFound:
        return HIDDEN
    except NotAllowed:
        return REFUSED
    return THROUGH


def expected(name: str, route: Route, visitor: Visitor, *, own: bool) -> str:
    if name in NEVER:
        return REFUSED
    if route.on in (On.PANEL, On.ANY_APP):
        return THROUGH if visitor.has(route.role, own=route.on == On.ANY_APP) else REFUSED
    if not visitor.has(Role.VIEWER, own=own):
        return HIDDEN
    # The second pair of eyes is a person's.
    return THROUGH if visitor.has(route.role, own=own) and name != "app refuse" else REFUSED


def options(things: Things) -> dict[str, Any]:
    return {"slug": things.app.slug, "event": things.event.pk}


def test_the_table_knows_every_subcommand() -> None:
    assert [name for name, _sub in subcommands()] == list(COMMANDS)


def test_every_subcommand_lets_through_whom_the_table_names(client: Client, settings: Settings) -> None:
    both = own_and_foreign()
    for visitor in VISITORS:
        with transaction.atomic():
            user = visitor.come(client, both[0].app)
            if user is not None:
                _token, settings.SIMPLEDEPLOY_TOKEN = make_token(user, permissions=tokens.PERMISSIONS)
                for name, sub in subcommands():
                    for own in (True, False):
                        said = answered(sub, options(both[0 if own else 1]))
                        wanted = expected(name, COMMANDS[name], visitor, own=own)
                        assert said == wanted, f"{visitor.name}: {name}, own: {own}"
            transaction.set_rollback(True)


def test_whoever_runs_commands_on_the_machine_may_everything() -> None:
    foreign = own_and_foreign()[1]
    assert all(answered(sub, options(foreign)) == THROUGH for _name, sub in subcommands())
