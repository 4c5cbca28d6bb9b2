"""The one place that decides what a person may do: pages, fragments, WebSockets, tokens and the admin."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.accounts.models import Grant, Role, User
from apps.core.errors import NotAllowed

_AnyModel = TypeVar("_AnyModel", bound=Model)


class Permission(StrEnum):
    """An ability that a role gives."""

    VIEW = "view"  # state, versions without secrets, events and their logs
    READ_LOGS = "read_logs"  # what the app's containers print
    OPERATE = "operate"  # stop, start, restart, pull, scale, redeploy, rollback, cancel
    DEPLOY = "deploy"  # new content; new apps, where it holds for all apps
    APPROVE = "approve"  # let another person's event on a protected app begin
    REVEAL = "reveal"  # see the values of an app's environment
    CONSOLE = "console"  # a shell in a running container, and with it every secret that the app has
    CONFIGURE = "configure"  # the settings of an app
    GRANT = "grant"  # roles of other people on an app
    REMOVE = "remove"  # take an app down, with its volumes when asked
    ADOPT = "adopt"  # see the files of projects beside the panel's, and take such a project over
    PRUNE = "prune"  # free the engine of what nothing needs
    MANAGE_TEMPLATES = "manage_templates"  # change and delete the templates of others, of all teams
    MANAGE_REGISTRIES = "manage_registries"
    MANAGE_HOST_RULES = "manage_host_rules"  # what Compose files may ask of the host
    MANAGE_PEOPLE = "manage_people"  # accounts, teams, invitations
    VIEW_AUDIT = "view_audit"
    VIEW_MACHINE = "view_machine"  # facts of the machine, the engine and the panel's own settings


# Logs of containers go with seeing the app, as in Kubernetes' role "view": whoever is asked why something
# does not work needs them. They are a permission of their own so that a token can have one without the other.
_VIEWER = frozenset({Permission.VIEW, Permission.READ_LOGS})
_OPERATOR = _VIEWER | {Permission.OPERATE}
_DEPLOYER = _OPERATOR | {Permission.DEPLOY}
_OWNER = _DEPLOYER | {
    Permission.APPROVE,
    Permission.REVEAL,
    Permission.CONSOLE,
    Permission.CONFIGURE,
    Permission.GRANT,
    Permission.MANAGE_TEMPLATES,
    Permission.REMOVE,
}

_GIVEN_BY: dict[str, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.DEPLOYER: _DEPLOYER,
    Role.OWNER: _OWNER,
    Role.ADMINISTRATOR: frozenset(Permission),
}


@dataclass(frozen=True)
class Scope:
    """What a token may be used for, of what its person may do; `apps` holds keys, None means all apps."""

    permissions: frozenset[Permission]
    apps: frozenset[int] | None = None

    def allows(self, permission: Permission, app: int | None = None) -> bool:
        """Tell whether `permission` is within it, on the app with key `app` or on the panel as a whole."""
        return permission in self.permissions and (self.apps is None or app in self.apps)


@dataclass(frozen=True)
class Rights:
    """What somebody may do: on every app and the panel as a whole, and beyond that on single apps."""

    everywhere: frozenset[Permission] = frozenset()
    by_app: Mapping[int, frozenset[Permission]] = field(default_factory=dict)
    roles: Mapping[int | None, frozenset[str]] = field(default_factory=dict)

    def allow(self, permission: Permission, app: int | None) -> bool:
        """Tell whether they include `permission`, on the app with key `app` or everywhere."""
        return permission in self.everywhere or (
            app is not None and permission in self.by_app.get(app, frozenset())
        )


_NONE = Rights()
_REFUSED = gettext_lazy("Your role does not allow this. Ask an administrator of the panel.")


def rights_of(user: Any) -> Rights:
    """Return what `user` (a User or AnonymousUser) may do, before any token narrows it.

    It is read once for each object, and so anew in each request.
    """
    if not user.is_authenticated or not user.is_active:
        return _NONE
    if user.known_rights is None:
        user.known_rights = _read_rights(user)
    known: Rights = user.known_rights
    return known


def _read_rights(user: User) -> Rights:
    everywhere = {Role.ADMINISTRATOR.value if user.is_superuser else user.role}
    if Role.ADMINISTRATOR in everywhere:
        return Rights(_GIVEN_BY[Role.ADMINISTRATOR], roles={None: frozenset(everywhere)})
    roles: dict[int | None, set[str]] = defaultdict(set, {None: everywhere - {""}})
    grants = Grant.objects.filter(Q(user=user) | Q(team__in=user.groups.values("pk")))
    for app, role in grants.values_list("app_id", "role"):
        roles[app].add(role)
    given = {app: _given_by(of_app) for app, of_app in roles.items()}
    return Rights(
        given.pop(None),
        {app: permissions for app, permissions in given.items() if app is not None},
        {app: frozenset(of_app) for app, of_app in roles.items()},
    )


def _given_by(roles: set[str]) -> frozenset[Permission]:
    return frozenset[Permission]().union(*(_GIVEN_BY.get(role, frozenset()) for role in roles))


def roles_on(user: Any, app: Any) -> frozenset[str]:
    """Return the roles that `user` has on `app` (None: for all apps), their own and their teams'."""
    roles = rights_of(user).roles
    everywhere = roles.get(None, frozenset())
    return everywhere if app is None else everywhere | roles.get(app.pk, frozenset())


def holders(permission: Permission, app: Any) -> QuerySet[User]:
    """Return the people who have `permission` on `app`, by name."""
    roles = [role for role, given in _GIVEN_BY.items() if permission in given]
    grants = Grant.objects.filter(Q(app=app) | Q(app=None), role__in=roles)
    everywhere = Q(role__in=roles) | Q(is_superuser=True)
    granted = Q(pk__in=grants.values("user")) | Q(groups__in=grants.values("team"))
    return User.objects.filter(everywhere | granted, is_active=True).order_by("username").distinct()


def allows(user: Any, permission: Permission, app: Any = None) -> bool:
    """Tell whether `user` (a User or AnonymousUser) has `permission` on `app`.

    Without an app: on every app and the panel as a whole.
    """
    key = None if app is None else app.pk
    return rights_of(user).allow(permission, key) and (
        user.scope is None or user.scope.allows(permission, key)
    )


def allows_somewhere(user: Any, permission: Permission) -> bool:
    """Tell whether `user` has `permission` on any app at all, be there one or not."""
    rights = rights_of(user)
    if user.is_authenticated and user.scope is not None:
        apps = rights.by_app.keys() if user.scope.apps is None else user.scope.apps
        return any(
            rights.allow(permission, app) and user.scope.allows(permission, app) for app in (None, *apps)
        )
    return permission in rights.everywhere or any(permission in given for given in rights.by_app.values())


def require(user: Any, permission: Permission, app: Any = None) -> None:
    """Raise NotAllowed unless `user` has `permission` on `app` (None: on the panel as a whole)."""
    if not allows(user, permission, app):
        raise NotAllowed(_REFUSED)


def require_somewhere(user: Any, permission: Permission) -> None:
    """Raise NotAllowed unless `user` has `permission` on any app at all."""
    if not allows_somewhere(user, permission):
        raise NotAllowed(_REFUSED)


def visible(
    user: Any, objects: QuerySet[_AnyModel], permission: Permission = Permission.VIEW
) -> QuerySet[_AnyModel]:
    """Return those of `objects` (apps, or what belongs to apps) that `user` may see (or has `permission` on).

    How a model leads to its app says its `app_lookup`, which is "app" where it has none. What belongs to
    no app is for those who may see all of them.
    """
    if allows(user, permission):
        return objects
    rights = rights_of(user)
    lookup = getattr(objects.model, "app_lookup", "app")
    scope = user.scope if user.is_authenticated else None
    if scope is None:
        keys = {app for app, given in rights.by_app.items() if permission in given}
    elif permission not in scope.permissions:
        keys = set()
    elif permission in rights.everywhere:
        keys = set(scope.apps or ())
    else:
        keys = {
            app
            for app, given in rights.by_app.items()
            if permission in given and scope.allows(permission, app)
        }
    return objects.filter(**{f"{lookup}__in": keys}) if keys else objects.none()
