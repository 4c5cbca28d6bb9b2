"""Who may ask what of the host: administrators everything, others what was allowed to them or to the app."""

import os

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Role, User
from apps.accounts.policy import Permission
from apps.applications.host_rules.rules import EVERYTHING, PATH_RULES, HostRights, HostRule
from apps.applications.models import PROJECT_PREFIX, App, HostAllowance
from apps.core.errors import Conflict, DomainError, NotFound

# Administrators may everything already, and viewers deploy nothing.
ROLES = (Role.OPERATOR, Role.DEPLOYER, Role.OWNER)


class InvalidAllowance(DomainError):
    """An exception that cannot be made so."""


class AlreadyAllowed(Conflict):
    """An exception that is there already."""


def host_rules_of(by: Actor, slug: str) -> HostRights:
    """Return what `by` may ask of the host for the app `slug`, which need not exist.

    Who runs commands on the machine may ask for everything: they have it already.
    """
    if by.is_on_the_machine:
        return EVERYTHING
    app = App.objects.live().filter(slug=slug).first() if slug else None
    return host_rules_for(by.user, app, slug)


def host_rules_for(user: User | None, app: App | None, slug: str = "") -> HostRights:
    """Return what `user` may ask of the host for `app` (None: for a new one, named `slug`)."""
    if user is not None and policy.allows(user, Permission.MANAGE_HOST_RULES):
        return EVERYTHING
    neighbours = _neighbours(app.slug if app else slug)
    if user is None or not user.is_active:
        return HostRights(neighbours=neighbours)
    asked = Q(role__in=policy.roles_on(user, app)) | Q(team__in=user.groups.values("pk"))
    if app is not None:
        asked |= Q(app=app)
    pairs = HostAllowance.objects.filter(asked).values_list("rule", "subject")
    return HostRights(allowed=frozenset(pairs), neighbours=neighbours)


def allowances_of(app: App | None) -> QuerySet[HostAllowance]:
    """Return the exceptions that were made for `app`; without one, those for roles and teams."""
    return HostAllowance.objects.filter(app=app).select_related("team")


def allow(to: App | Group | str, rule: str, by: Actor, *, reason: str, subject: str = "") -> HostAllowance:
    """Let `to` (an app, a team, or a role) ask for what `rule` is about, or just for its `subject`.

    Raises InvalidAllowance and AlreadyAllowed.
    """
    reason, subject = " ".join(reason.split()), subject.strip()
    if rule not in HostRule.values:
        raise InvalidAllowance(gettext("%(rule)r is nothing that the policy knows.") % {"rule": rule[:50]})
    if not reason or len(reason) > 500:
        raise InvalidAllowance(
            gettext("Say in at most 500 characters why it is needed; whoever reads this later asks.")
        )
    if len(subject) > 500 or not subject.isprintable():
        raise InvalidAllowance(gettext("What it is narrowed to is a line of at most 500 characters."))
    if rule in PATH_RULES and subject.startswith("/"):
        if os.path.normpath(subject) != subject.rstrip("/"):
            raise InvalidAllowance(
                gettext("%(subject)s is no plain absolute path: write it without `.`, `..` and `//`.")
                % {"subject": subject}
            )
        subject = subject.rstrip("/")
    if isinstance(to, str) and to not in ROLES:
        raise InvalidAllowance(
            gettext("An exception for a role is for one of %(roles)s.") % {"roles": ", ".join(ROLES)}
        )
    key = "role" if isinstance(to, str) else "app" if isinstance(to, App) else "team"
    with transaction.atomic():
        made, is_new = HostAllowance.objects.get_or_create(
            **{key: to}, rule=rule, subject=subject, defaults={"reason": reason, "allowed_by": by.name[:150]}
        )
        if not is_new:
            raise AlreadyAllowed(
                gettext("That is allowed already: %(made)s. Nothing was changed.") % {"made": made}
            )
        slug = to.slug if isinstance(to, App) else ""
        record(by, AuditAction.HOST_RULE_ALLOWED, _words(made), app_slug=slug, after=_described(made))
    return made


def withdraw(app: App | None, pk: int, by: Actor) -> HostAllowance:
    """Take the exception `pk` back, which was made for `app` (None: for a role or a team). Raises NotFound.

    What runs goes on; the next deploy is checked without it.
    """
    with transaction.atomic():
        found = allowances_of(app).select_for_update(of=("self",)).filter(pk=pk).first()
        if found is None:
            raise NotFound(gettext("There is no exception %(number)s here.") % {"number": pk})
        before = _described(found)
        HostAllowance.objects.filter(pk=found.pk).delete()
        slug = app.slug if app else ""
        record(by, AuditAction.HOST_RULE_WITHDRAWN, _words(found), app_slug=slug, before=before)
    return found


def _words(allowance: HostAllowance) -> str:
    if allowance.app is not None:
        return f"app {allowance.app.slug}"
    return f"team {allowance.team}" if allowance.team else f"role {allowance.role}"


def _described(allowance: HostAllowance) -> dict[str, object]:
    return {"rule": allowance.rule, "subject": allowance.subject, "reason": allowance.reason}


def _neighbours(slug: str) -> frozenset[str]:
    """Return the projects of other apps whose resources may be named like those of the app `slug`."""
    if not slug:
        return frozenset()
    others = App.objects.live().filter(slug__startswith=f"{slug}_").values_list("slug", flat=True)
    return frozenset(PROJECT_PREFIX + other for other in others)
