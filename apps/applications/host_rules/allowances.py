"""Who may ask what of the host: administrators everything, others what was allowed to them or to the app."""

from django.db.models import Q

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.applications.host_rules.rules import EVERYTHING, HostRights
from apps.applications.models import PROJECT_PREFIX, App, HostAllowance


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


def _neighbours(slug: str) -> frozenset[str]:
    """Return the projects of other apps whose resources may be named like those of the app `slug`."""
    if not slug:
        return frozenset()
    others = App.objects.live().filter(slug__startswith=f"{slug}_").values_list("slug", flat=True)
    return frozenset(PROJECT_PREFIX + other for other in others)
