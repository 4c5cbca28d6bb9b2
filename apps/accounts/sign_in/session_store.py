"""Sessions in the database, encrypted with the panel's keys.

Beside who is signed in they hold what may not lie there in plain: the key of an authenticator app that is
being set up, what a provider of accounts answers.
"""

from typing import Any

from django.contrib.sessions.backends import db

from apps.core.secret import Secret, UndecryptableError


class SessionStore(db.SessionStore):
    """Django's sessions; one that no configured key opens is one that has ended."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        return Secret(super().encode(session_dict)).token()

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        token = session_data.decode() if isinstance(session_data, bytes) else session_data
        try:
            return super().decode(Secret.from_token(token).reveal())
        except UndecryptableError:
            return {}
