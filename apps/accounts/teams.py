"""Teams (Django's groups): the role that all their people have for all apps."""

from django.contrib.auth.models import Group

from apps.accounts.actor import Actor
from apps.accounts.models import Grant, Role
from apps.accounts.people import keeping_an_administrator


def role_for_all(team: Group) -> str:
    """Return the role of `team` for all apps, "" where it has none."""
    grant = Grant.objects.filter(team=team, app=None).first()
    return grant.role if grant else ""


def set_role_for_all(team: Group, role: str, by: Actor) -> None:
    """Give `team` the `role` for all apps, or with "" none.

    To be called within `keeping_an_administrator`.
    """
    if role_for_all(team) == role:
        return
    if not role:
        Grant.objects.filter(team=team, app=None).delete()
        return
    Grant.objects.update_or_create(
        team=team, app=None, user=None, defaults={"role": Role(role), "given_by": by.name}
    )


def remove_team(team: Group) -> None:
    """Delete `team` with all that it was given. Raises LastAdministrator."""
    with keeping_an_administrator():
        team.delete()
