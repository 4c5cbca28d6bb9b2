"""Whose right a command uses: a token's where SIMPLEDEPLOY_TOKEN is set, else that of who runs it."""

from typing import Any, Literal, TypeVar

from django.db.models import F, Model, QuerySet

from apps.accounts import policy, tokens
from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.applications.models import App
from apps.core.errors import NotAllowed, NotFound
from apps.deployments.models import DeployEvent

_AnyModel = TypeVar("_AnyModel", bound=Model)
# What a subcommand is about: the app or the event that it names, any app at all, or the panel as a whole.
On = Literal["app", "event", "any app", "panel"]


def acting() -> Actor:
    """Return who asks. Raises InvalidToken."""
    return tokens.from_settings() or Actor.from_command_line()


def shown_to(by: Actor, objects: QuerySet[_AnyModel]) -> QuerySet[_AnyModel]:
    """Return those of `objects` that `by` may see; whoever acts without an account sees all."""
    return objects if by.user is None else policy.visible(by.user, objects)


def require(needs: Permission | None, on: On, options: dict[str, Any]) -> None:
    """Hold a token to the policy; without one, whoever may run commands may do everything.

    Raises InvalidToken, NotAllowed, and NotFound where the token may not even see what is named.
    """
    by = tokens.from_settings()
    if by is None:
        return
    assert by.user is not None, "a token stands for an account"
    if needs is None:
        raise NotAllowed("A token cannot be used for this command.")
    match on:
        case "app":
            policy.require(by.user, needs, _app(by.user, options["slug"], needs))
        case "event":
            events = policy.visible(by.user, DeployEvent.objects.select_related("app"))
            event = events.filter(pk=options["event"]).first()
            if event is None:
                raise NotFound(f"There is no event {options['event']}.")
            policy.require(by.user, needs, event.app)
        case "any app":
            policy.require_somewhere(by.user, needs)
        case "panel":
            policy.require(by.user, needs)


def _app(user: User, slug: str, needs: Permission) -> App | None:
    """Return the app named `slug`, or the last one that was; None where a deploy makes it."""
    app = App.objects.filter(slug=slug).order_by(F("removed_at").desc(nulls_first=True)).first()
    makes_it = needs == Permission.DEPLOY and (app is None or app.removed_at is not None)
    if makes_it and policy.allows(user, needs):
        return None
    if app is None or not policy.allows(user, Permission.VIEW, app):
        raise NotFound(f"There is no app named {slug[:100]}.")
    return app
