"""Tells the open WebSockets when a session ends, or when what somebody may see changes.

They look again at once then. What changes rows without Django's signals (SQL, `QuerySet.update`) they see
at their next regular look.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models.signals import m2m_changed, post_delete, post_save

from apps.accounts.models import Grant, Token, User
from apps.accounts.sign_in.session_store import SessionStore
from apps.applications.models import App
from apps.deployments.live import access_changed

# What signing in writes to the person's row.
_SAYS_NOTHING = {"last_login"}


def connect() -> None:
    """Announce from now on what changes about sessions, tokens, people, teams, grants and protection."""
    for signal in (post_save, post_delete):
        signal.connect(_person_changed, sender=User, dispatch_uid="access")
        signal.connect(_grant_changed, sender=Grant, dispatch_uid="access")
        signal.connect(_grant_changed, sender=Token, dispatch_uid="access")
    post_save.connect(_app_changed, sender=App, dispatch_uid="access")
    post_delete.connect(_team_changed, sender=Group, dispatch_uid="access")
    m2m_changed.connect(_team_changed, sender=User.groups.through, dispatch_uid="access")
    post_delete.connect(_session_ended, sender=Session, dispatch_uid="access")


def _person_changed(instance: User, update_fields: frozenset[str] | None = None, **_: Any) -> None:
    if update_fields is None or not update_fields <= _SAYS_NOTHING:
        access_changed(instance.pk)


def _grant_changed(instance: Grant | Token, **_: Any) -> None:
    access_changed(instance.user_id)


def _team_changed(**_: Any) -> None:
    access_changed(None)


def _app_changed(update_fields: frozenset[str] | None = None, **_: Any) -> None:
    # Open consoles end where an app becomes a protected one.
    if update_fields is not None and "protected" in update_fields:
        access_changed(None)


def _session_ended(instance: Session, **_: Any) -> None:
    user_id = SessionStore().decode(instance.session_data).get(SESSION_KEY)
    if user_id is not None:
        access_changed(int(user_id))
