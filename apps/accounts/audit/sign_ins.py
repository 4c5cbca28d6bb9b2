"""Entries about signing in and out, written when Django and django-allauth say so."""

from collections.abc import Mapping
from typing import Any

from allauth.account import signals as allauth_signals
from django.contrib.auth import signals
from django.http import HttpRequest

from apps.accounts.actor import Actor
from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.recording import record
from apps.accounts.models import User

# Of a name that nobody has the beginning is kept, and no more: people type passwords into the wrong field.
_SHOWN_OF_UNKNOWN = 2


def connect() -> None:
    """Write an entry for each sign-in, failed ones too, each sign-out and each new password of one's own."""
    signals.user_logged_in.connect(_signed_in, dispatch_uid="audit")
    signals.user_logged_out.connect(_signed_out, dispatch_uid="audit")
    signals.user_login_failed.connect(_failed, dispatch_uid="audit")
    for signal in (
        allauth_signals.password_changed,
        allauth_signals.password_set,
        allauth_signals.password_reset,
    ):
        signal.connect(_password_changed, dispatch_uid="audit")


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    record(Actor.person(request, user), AuditAction.SIGNED_IN, f"person {user}")


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    # Also sent where nobody was signed in.
    if user is not None:
        record(Actor.person(request, user), AuditAction.SIGNED_OUT, f"person {user}")


def _failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    tried = _tried(str(credentials.get("username") or credentials.get("email") or ""))
    by = Actor(tried, "unknown") if request is None else Actor.stranger(request, tried)
    record(by, AuditAction.SIGN_IN_FAILED, f"person {tried}", outcome="refused")


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    record(Actor.person(request, user), AuditAction.PASSWORD_CHANGED, f"person {user}")


def _tried(name: str) -> str:
    """Return `name` where somebody is called so, else its beginning and length."""
    known = User.objects.filter(username__iexact=name[:150]).values_list("username", flat=True).first()
    if known is not None:
        return known
    shown = min(_SHOWN_OF_UNKNOWN, len(name) // 4)
    return f"{name[:shown]}… ({len(name)} characters)"
