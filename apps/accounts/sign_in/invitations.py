"""Invitations: an administrator makes a link, and whoever opens it makes one account by it.

What stands in the table can still be used: a link that is used or withdrawn leaves it, and the audit keeps
what became of it.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Invitation, User
from apps.accounts.people import add_person, recorded_teams
from apps.accounts.policy import Permission
from apps.core.errors import Conflict, DomainError, NotFound
from apps.core.secret import Secret

MOST_DAYS: Final = 30


class NameTaken(Conflict):
    """A name that somebody else took in the same moment."""


class InvalidInvitation(DomainError):
    """A code that lets nobody in: unknown, used, withdrawn or too old."""


def open_invitations() -> QuerySet[Invitation]:
    """Return the invitations that have not run out, newest first."""
    return Invitation.objects.filter(expires_at__gt=timezone.now()).select_related("team", "invited_by")


def invite(role: str, team: Group | None, days: int, by: Actor) -> tuple[Invitation, Secret]:
    """Return a new invitation for `days` days, and its code, which nothing keeps.

    Whoever uses it gets `role` for all apps ("": none) and becomes a member of `team`.
    """
    assert by.user is not None, "an administrator invites, by a page"
    code = Secret(secrets.token_urlsafe(32))
    expires_at = timezone.now() + timedelta(days=days)
    with transaction.atomic():
        Invitation.objects.filter(expires_at__lte=timezone.now()).delete()
        invitation = Invitation.objects.create(
            code_hash=_hash(code.reveal()), role=role, team=team, invited_by=by.user, expires_at=expires_at
        )
        record(by, AuditAction.INVITED, str(invitation), after=_described(invitation))
    return invitation, code


def is_code(code: str) -> bool:
    """Tell whether `code` is that of an invitation that can be used."""
    invitation = open_invitations().filter(code_hash=_hash(code)).first()
    return invitation is not None and _may_still_invite(invitation.invited_by)


def join(code: str, user: User, by: Actor) -> User:
    """Store the account `user` (with name and password set) by the invitation with `code`, and return it.

    Raises InvalidInvitation and NameTaken. Of several who use one link at the same time one gets in.
    """
    try:
        return _join(code, user, by)
    except IntegrityError:
        raise NameTaken(
            gettext("Somebody else is called %(user)s already. Choose another name.") % {"user": user}
        ) from None


def _join(code: str, user: User, by: Actor) -> User:
    with transaction.atomic():
        rows = Invitation.objects.select_for_update(of=("self",)).select_related("team", "invited_by")
        invitation = rows.filter(code_hash=_hash(code), expires_at__gt=timezone.now()).first()
        if invitation is None or not _may_still_invite(invitation.invited_by):
            raise InvalidInvitation(
                gettext("This invitation was used, withdrawn, or has run out. Ask for another one.")
            )
        name = str(invitation)
        invitation.delete()
        user.role = invitation.role
        add_person(user, by)
        if invitation.team is not None:
            with recorded_teams(user, by):
                user.groups.add(invitation.team)
        record(by, AuditAction.INVITATION_USED, name, after={"person": user.get_username()})
    return user


def withdraw(pk: int, by: Actor) -> None:
    """Make invitation `pk` useless. Raises NotFound."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().filter(pk=pk).first()
        if invitation is None:
            raise NotFound(
                gettext("There is no invitation %(number)s; it may have been used already.") % {"number": pk}
            )
        name, before = str(invitation), _described(invitation)
        invitation.delete()
        record(by, AuditAction.INVITATION_WITHDRAWN, name, before=before)


def _may_still_invite(user: User) -> bool:
    # A link ends with the power of whoever made it.
    return policy.allows(user, Permission.MANAGE_PEOPLE)


def _hash(code: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(code.strip().encode()).hexdigest()


def _described(invitation: Invitation) -> dict[str, object]:
    return {
        "role": invitation.role,
        "team": invitation.team.name if invitation.team else "",
        "expires_at": invitation.expires_at.isoformat(timespec="seconds"),
    }
