"""Who can manage the panel, and the rule that there is always somebody who can."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.audit.changes import only_changed, stored, values
from apps.accounts.models import Grant, Role, User
from apps.core.errors import Conflict

# What the audit tells of an account that comes or goes.
_AUDITED = ("username", "role", "is_active", "email")


class LastAdministrator(Conflict):
    """An attempt to take away the only person who can manage the panel."""


class HasHistory(Conflict):
    """An attempt to remove a person whose changes are on record."""


def administrators() -> QuerySet[User]:
    """Return the people who may manage the panel now, as the policy sees it."""
    teams = Grant.objects.filter(app=None, role=Role.ADMINISTRATOR).values("team")
    by_team = User.objects.filter(groups__in=teams).values("pk")
    own = Q(role=Role.ADMINISTRATOR) | Q(is_superuser=True)
    return User.objects.filter(own | Q(pk__in=by_team), is_active=True, is_machine=False)


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
            gettext("%(user)s is the last administrator; nothing was changed. Make somebody else one first.")
            % {"user": user}
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
                gettext(
                    "Nobody could manage the panel any more; nothing was changed. Make somebody else "
                    "an administrator first."
                )
            )


def add_person(user: User, by: Actor) -> None:
    """Store the new account `user`, whose password is set."""
    with transaction.atomic():
        user.save(force_insert=True)
        record(by, AuditAction.PERSON_ADDED, f"person {user}", after=values(user, _AUDITED))


def change_person(user: User, changed: Collection[str], by: Actor) -> None:
    """Store the fields of the account `user` that `changed` names, and nothing else of it."""
    with transaction.atomic():
        before, after = only_changed(stored(user, changed), values(user, changed))
        if after:
            user.save(update_fields=list(after))
            record(by, AuditAction.PERSON_CHANGED, f"person {user}", before=before, after=after)


@contextmanager
def recorded_teams(user: User, by: Actor) -> Iterator[None]:
    """Run a change of the teams that `user` is in, in a transaction with the entry about it."""
    with transaction.atomic():
        before = _teams(user)
        yield
        after = _teams(user)
        if before != after:
            record(
                by,
                AuditAction.PERSON_CHANGED,
                f"person {user}",
                before={"teams": before},
                after={"teams": after},
            )


@contextmanager
def recorded_password(user: User, by: Actor) -> Iterator[None]:
    """Run what may set another password of `user`, in a transaction with the entry about it."""
    with transaction.atomic():
        before = _password(user)
        yield
        if _password(user) != before:
            record(by, AuditAction.PASSWORD_CHANGED, f"person {user}")


def remove_person(user: User, by: Actor) -> None:
    """Delete the account of `user`. What they asked for keeps their name.

    Raises LastAdministrator, and HasHistory where changes that they made in the admin would lose their
    record (it goes with the account).
    """
    with transaction.atomic():
        require_another_administrator(user)
        if has_history(user):
            raise HasHistory(
                gettext(
                    "%(user)s has made changes that are on record; the account was not removed. Make "
                    "it inactive instead: nobody can sign in with it then."
                )
                % {"user": user}
            )
        before = values(user, _AUDITED) | {"teams": _teams(user)}
        user.delete()
        record(by, AuditAction.PERSON_REMOVED, f"person {user}", before=before)


def has_history(user: User) -> bool:
    """Tell whether the admin's record of changes names `user`."""
    return LogEntry.objects.filter(user_id=user.pk).exists()


def _teams(user: User) -> list[str]:
    return list(user.groups.order_by("name").values_list("name", flat=True))


def _password(user: User) -> str:
    """Return the stored hash of the password."""
    return User.objects.values_list("password", flat=True).get(pk=user.pk)
