"""The one place that decides what a person may do: pages, fragments, WebSockets and the admin ask here."""

from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from apps.accounts.models import Role
from apps.core.errors import NotAllowed

_AnyModel = TypeVar("_AnyModel", bound=Model)


class Permission(StrEnum):
    """An ability that a role gives."""

    VIEW = "view"  # state, versions without secrets, events and their logs
    OPERATE = "operate"  # stop, start, restart, pull, scale, rollback, cancel
    DEPLOY = "deploy"  # new apps, new content
    REMOVE = "remove"  # take an app down, with its volumes when asked
    ADOPT = "adopt"  # see the files of projects beside the panel's, and take such a project over
    PRUNE = "prune"  # free the engine of what nothing needs
    MANAGE_REGISTRIES = "manage_registries"
    MANAGE_PEOPLE = "manage_people"


_VIEWER = frozenset({Permission.VIEW})
_OPERATOR = _VIEWER | {Permission.OPERATE}
_DEPLOYER = _OPERATOR | {Permission.DEPLOY}

_GIVEN_BY: dict[str, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.DEPLOYER: _DEPLOYER,
    Role.ADMINISTRATOR: frozenset(Permission),
}


def allows(user: Any, permission: Permission, app: object | None = None) -> bool:
    """Tell whether `user` (a User or AnonymousUser) has `permission`, on `app` where one is given.

    Roles hold for all apps as yet; callers already name the app, so that grants per app change this
    module alone.
    """
    if not user.is_authenticated or not user.is_active:
        return False
    role = Role.ADMINISTRATOR if user.is_superuser else user.role
    return permission in _GIVEN_BY.get(role, frozenset())


def require(user: Any, permission: Permission, app: object | None = None) -> None:
    """Raise NotAllowed unless `user` has `permission` (on `app`)."""
    if not allows(user, permission, app):
        raise NotAllowed("Your role does not allow this. Ask an administrator of the panel.")


def visible(user: Any, objects: QuerySet[_AnyModel]) -> QuerySet[_AnyModel]:
    """Return those of `objects` (apps, or what belongs to apps) that `user` may see."""
    return objects if allows(user, Permission.VIEW) else objects.none()
