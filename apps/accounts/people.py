"""Who can manage the panel, and the rule that there is always somebody who can."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.models import Grant, Role, User
from apps.core.errors import Conflict


class LastAdministrator(Conflict):
    """An attempt to take away the only person who can manage the panel."""


class HasHistory(Conflict):
    """An attempt to remove a person whose changes are on record."""


def administrators() -> QuerySet[User]:
    """Return the people who may manage the panel now, as the policy sees it."""
    teams = Grant.objects.filter(app=None, role=Role.ADMINISTRATOR).values("team")
    by_team = User.objects.filter(groups__in=teams).values("pk")
    own = Q(role=Role.ADMINISTRATOR) | Q(is_superuser=True)
    return User.objects.filter(own | Q(pk__in=by_team), is_active=True)


def is_last_administrator(user: User) -> bool:
    """Tell whether `user` is the only one who can manage the panel."""
    return set(administrators().values_list("pk", flat=True)) == {user.pk}


def require_another_administrator(user: User) -> None:
    """Raise LastAdministrator where nobody but `user` can manage the panel.

    To be called inside the transaction that demotes, disables or removes `user`: the rows stay locked
    until it ends, so that two administrators cannot take each other away at the same time.
    """
    # All of them are locked, in one order: with only the others locked, two such transactions would
    # wait for each other.
    present = administrators().select_for_update().order_by("pk").values_list("pk", flat=True)
    if set(present) <= {user.pk}:
        raise LastAdministrator(
            f"{user} is the last administrator; nothing was changed. Make somebody else one first."
        )


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """Run a change of teams in a transaction; raise LastAdministrator where it would leave no administrator.

    The administrators' rows stay locked until it ends, so that two such changes cannot pass each other.
    """
    with transaction.atomic():
        list(administrators().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        yield
        if not administrators().exists():
            raise LastAdministrator(
                "Nobody could manage the panel any more; nothing was changed. "
                "Make somebody else an administrator first."
            )


def remove_person(user: User) -> None:
    """Delete the account of `user`, inside a transaction. What they asked for keeps their name.

    Raises LastAdministrator, and HasHistory where changes that they made in the admin would lose their
    record (it goes with the account).
    """
    require_another_administrator(user)
    if has_history(user):
        raise HasHistory(
            f"{user} has made changes that are on record; the account was not removed. "
            "Make it inactive instead: nobody can sign in with it then."
        )
    user.delete()


def has_history(user: User) -> bool:
    """Tell whether the admin's record of changes names `user`."""
    return LogEntry.objects.filter(user_id=user.pk).exists()
