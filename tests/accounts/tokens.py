"""Tokens for tests."""

from collections.abc import Collection, Iterable

from apps.accounts import tokens
from apps.accounts.actor import Actor
from apps.accounts.models import Token, User


def make_token(
    user: User,
    *,
    name: str = "script",
    permissions: Iterable[str] = tokens.PERMISSIONS,
    apps: Collection[int] | None = None,
) -> tuple[Token, str]:
    """Return a token of `user` that may be used for everything a token can, and its text."""
    by = Actor(user.username, "test", user)
    return tokens.make(user, name, by, permissions=permissions, apps=apps)


def bearer(text: str) -> dict[str, str]:
    """Return the headers that show the token `text`."""
    return {"Authorization": f"Bearer {text}"}
