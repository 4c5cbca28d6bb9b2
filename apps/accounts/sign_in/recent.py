"""Whether somebody has shown only just now who they are, as dangerous actions ask for."""

import time
from typing import Any, Final

from allauth.account.signals import authentication_step_completed
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

# Seconds for which a sign-in, or the password or second factor given again, counts.
RECENT_SECONDS: Final = 15 * 60
_KEY = "shown_at"


def is_recent(request: HttpRequest) -> bool:
    """Tell whether the person behind `request` signed in, or confirmed who they are, a short time ago."""
    return is_recent_in(request.session)


def is_recent_in(session: Any) -> bool:
    """Tell whether whoever has `session` signed in, or confirmed who they are, a short time ago."""
    shown_at = session.get(_KEY)
    return isinstance(shown_at, float) and 0 <= time.time() - shown_at < RECENT_SECONDS


def connect() -> None:
    """Note in their session when people sign in and when they confirm who they are."""
    user_logged_in.connect(_signed_in, dispatch_uid="recent")
    authentication_step_completed.connect(_step_completed, dispatch_uid="recent")


def _signed_in(request: HttpRequest, **_: Any) -> None:
    request.session[_KEY] = time.time()


def _step_completed(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:
    # The steps of a sign-in come before it: a password without its second factor shows nothing yet.
    if reauthenticated:
        request.session[_KEY] = time.time()
