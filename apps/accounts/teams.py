"""Teams (Django's groups): their people, and the role that all of these have for all apps."""

from collections.abc import Iterable

from django.contrib.auth.models import Group

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Grant, Role, User
from apps.accounts.people import keeping_an_administrator


def role_for_all(team: Group) -> str:
    """Return the role of `team` for all apps, "" where it has none."""
    grant = Grant.objects.filter(team=team, app=None).first()
    return grant.role if grant else ""


def save_team(team: Group, name: str, role: str, members: Iterable[User], by: Actor) -> None:
    """Store `team`, a new one too, with its `name`, `members`, and `role` for all apps ("": none).

    Raises LastAdministrator where it would leave nobody to manage the panel; nothing is changed then.
    """
    is_new = team.pk is None
    with keeping_an_administrator():
        # The name as it is stored: a form has set the new one on the object already.
        before = None if is_new else _described(Group.objects.get(pk=team.pk))
        team.name = name
        team.save()
        team.user_set.set(members)
        _set_role_for_all(team, role, by)
        after = _described(team)
        if is_new:
            record(by, AuditAction.TEAM_ADDED, f"team {team}", after=after)
        elif before != after:
            record(by, AuditAction.TEAM_CHANGED, f"team {team}", before=before, after=after)


def remove_team(team: Group, by: Actor) -> None:
    """Delete `team` with all that it was given. Raises LastAdministrator."""
    with keeping_an_administrator():
        apps = team.grants.exclude(app=None).values_list("app__slug", flat=True)
        before = _described(team) | {"apps": list(apps)}
        team.delete()
        record(by, AuditAction.TEAM_REMOVED, f"team {before['name']}", before=before)


def _set_role_for_all(team: Group, role: str, by: Actor) -> None:
    if role_for_all(team) == role:
        return
    if not role:
        Grant.objects.filter(team=team, app=None).delete()
        return
    Grant.objects.update_or_create(
        team=team, app=None, user=None, defaults={"role": Role(role), "given_by": by.name}
    )


def _described(team: Group) -> dict[str, object]:
    members = team.user_set.order_by("username").values_list("username", flat=True)
    return {"name": team.name, "role": role_for_all(team), "members": list(members)}
