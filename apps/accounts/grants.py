"""Roles of people and teams on single apps: who has one, giving and taking."""

from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Grant, Role, User
from apps.core.errors import DomainError, NotFound

ON_AN_APP = (Role.VIEWER, Role.OPERATOR, Role.DEPLOYER, Role.OWNER)


class InvalidGrant(DomainError):
    """A role that cannot be given so."""


def grants_on(app: Any) -> QuerySet[Grant]:
    """Return the grants that name `app`, people first."""
    return app.grants.select_related("user", "team").order_by("team__name", "user__username")


def give(app: Any, to: User | Group, role: str, by: Actor) -> Grant:
    """Give `to` the `role` on `app` in place of the one that they had there, and return the grant.

    Raises InvalidGrant where it is no role for a single app, or `to` cannot sign in.
    """
    if role not in ON_AN_APP:
        raise InvalidGrant(
            gettext("A role on an app is one of %(roles)s, not %(role)r.")
            % {"roles": ", ".join(ON_AN_APP), "role": role[:50]}
        )
    if isinstance(to, User) and not to.is_active:
        raise InvalidGrant(gettext("%(to)s is disabled and can be given nothing.") % {"to": to})
    subject = {"user": to} if isinstance(to, User) else {"team": to}
    with transaction.atomic():
        old = app.grants.select_for_update().filter(**subject).first()
        grant, _is_new = app.grants.update_or_create(**subject, defaults={"role": role, "given_by": by.name})
        record(
            by,
            AuditAction.GRANT_GIVEN,
            _words(grant),
            app_slug=app.slug,
            before={"role": old.role} if old else None,
            after={"role": role},
        )
    return grant


def take(app: Any, pk: int, by: Actor) -> Grant:
    """Take the grant `pk` on `app` away and return it as it was. Raises NotFound."""
    with transaction.atomic():
        grant = (
            app.grants.select_for_update(of=("self",)).select_related("user", "team").filter(pk=pk).first()
        )
        if grant is None:
            raise NotFound(gettext("%(slug)s has no grant %(number)s.") % {"slug": app.slug, "number": pk})
        before = {"role": grant.role}
        # The caller still tells whose it was.
        Grant.objects.filter(pk=grant.pk).delete()
        record(by, AuditAction.GRANT_TAKEN, _words(grant), app_slug=app.slug, before=before)
    return grant


def people_with_all_apps() -> QuerySet[User]:
    """Return the active people whose own role holds for all apps."""
    with_role = Q(is_superuser=True) | ~Q(role="")
    return User.objects.filter(with_role, is_active=True).order_by("username")


def teams_with_all_apps() -> QuerySet[Grant]:
    """Return what teams were given for all apps."""
    return Grant.objects.filter(app=None).select_related("team").order_by("team__name")


def _words(grant: Grant) -> str:
    return f"{'person' if grant.user else 'team'} {grant.subject}"
