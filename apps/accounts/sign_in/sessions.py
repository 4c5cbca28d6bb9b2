"""The sessions of a person: which there are, and ending them."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models.signals import post_save
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import User
from apps.core.errors import NotFound


def connect() -> None:
    """End the sessions of whoever is disabled, so that enabling them again revives none."""
    post_save.connect(_person_saved, sender=User, dispatch_uid="sessions")


def _person_saved(instance: User, **_: Any) -> None:
    if not instance.is_active:
        for session in UserSession.objects.filter(user=instance):
            session.end()


def sessions_of(user: User) -> list[UserSession]:
    """Return the sessions in which `user` is signed in now, newest first; forgets those that have ended."""
    sessions: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(sessions, key=lambda session: session.created_at, reverse=True)


def end_session(user: User, pk: int, by: Actor) -> None:
    """End session `pk` of `user`, and with it the WebSockets that it opened. Raises NotFound."""
    session = UserSession.objects.filter(user=user, pk=pk).first()
    if session is None:
        raise NotFound(gettext("You have no session %(number)s; it may have ended already.") % {"number": pk})
    _end([session], user, by)


def end_other_sessions(user: User, kept_key: str | None, by: Actor) -> int:
    """End all sessions of `user` but the one with `kept_key`; return how many."""
    others = list(UserSession.objects.filter(user=user).exclude(session_key=kept_key or ""))
    _end(others, user, by)
    return len(others)


def _end(sessions: list[UserSession], user: User, by: Actor) -> None:
    with transaction.atomic():
        for session in sessions:
            session.end()
        for session in sessions:
            record(by, AuditAction.SESSION_ENDED, f"session of {user} from {session.ip}")
