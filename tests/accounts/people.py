"""People for tests."""

from apps.accounts.actor import Actor
from apps.accounts.models import Role, User

PASSWORD = "correct horse battery staple"
BY = Actor("alice", "test")
ROLES = ("", *Role.values)


def make_person(username: str, role: str = "", **fields: object) -> User:
    """Return a stored account that signs in with PASSWORD."""
    user = User(username=username, role=role, **fields)
    user.set_password(PASSWORD)
    user.save()
    return user
