"""Who signs in by the provider of accounts: which role and teams their groups give, at each sign-in anew."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, gettext_lazy

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Role, User
from apps.accounts.people import (
    LastAdministrator,
    add_person,
    change_person,
    keeping_an_administrator,
    recorded_teams,
)
from apps.accounts.policy import Permission
from apps.core.errors import Conflict, NotAllowed

logger = logging.getLogger(__name__)


class NothingForThem(NotAllowed):
    """Somebody whom the provider knows and whom no group gives anything here."""


class NameNotFree(Conflict):
    """A name of the provider's that cannot be that of a new account."""


@dataclass(frozen=True)
class Rights:
    """What groups give: a role for all apps ("": none), and the teams of the same names."""

    role: str
    teams: frozenset[Group]


def rights_of(groups: list[str]) -> Rights:
    """Return what the provider's `groups` give, by SIMPLEDEPLOY_OIDC_ROLES the greatest role of all."""
    mapped: Mapping[str, str] = settings.SIMPLEDEPLOY_OIDC_ROLES
    given = {mapped[group] for group in groups if group in mapped}
    role = next((role for role in reversed(Role.values) if role in given), "")
    return Rights(role, frozenset(Group.objects.filter(name__in=groups)))


def admit(claims: Mapping[str, Any], user: User | None, by: Actor, link: Callable[[User], None]) -> User:
    """Return the account of whom `claims` tell, with what their groups give now.

    `user` is the account that is linked to them; where there is none it is made, and `link` called with it.
    An account of the panel's own is never linked, whatever name or address it has. Raises NameNotFree and
    NothingForThem; who loses everything has lost it when that is raised.
    """
    rights = rights_of(claims["groups"])
    if user is None:
        return _add(claims, rights, by, link)
    _follow(user, rights, by)
    if not policy.allows_somewhere(User.objects.get(pk=user.pk), Permission.VIEW):
        raise NothingForThem(_NOTHING)
    return user


_NOTHING = gettext_lazy(
    "None of your groups gives you anything on this panel. Ask an administrator of the panel."
)


def _add(claims: Mapping[str, Any], rights: Rights, by: Actor, link: Callable[[User], None]) -> User:
    if not rights.role and not rights.teams:
        raise NothingForThem(_NOTHING)
    name = str(claims.get("preferred_username", ""))
    user = User(
        username=name,
        role=rights.role,
        first_name=str(claims.get("given_name", ""))[:150],
        last_name=str(claims.get("family_name", ""))[:150],
    )
    user.set_unusable_password()
    taken = NameNotFree(
        gettext(
            "Your name at the provider, %(name)r, cannot be used here: somebody else has it, "
            "or it is no name for an account. Ask an administrator of the panel."
        )
        % {"name": name[:150]}
    )
    try:
        user.clean_fields()
        if User.objects.filter(username__iexact=name).exists():
            raise taken
        with transaction.atomic():
            add_person(user, by)
            with recorded_teams(user, by):
                user.groups.set(rights.teams)
            link(user)
    except (ValidationError, IntegrityError):
        raise taken from None
    return user


def _follow(user: User, rights: Rights, by: Actor) -> None:
    before = (user.role, user.is_superuser)
    user.role = rights.role
    user.is_superuser = user.is_superuser and rights.role == Role.ADMINISTRATOR
    try:
        with keeping_an_administrator():
            change_person(user, ("role", "is_superuser"), by)
            with recorded_teams(user, by):
                user.groups.set(rights.teams)
    except LastAdministrator:
        user.role, user.is_superuser = before
        logger.warning("%s keeps what they may do: nobody else is an administrator.", user)
        record(
            by,
            AuditAction.PERSON_CHANGED,
            f"person {user}",
            after={"role": rights.role},
            outcome="refused: the last administrator",
        )
    user.known_rights = None
