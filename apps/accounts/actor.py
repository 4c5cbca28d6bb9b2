"""Who asks for something, as it is written into the records."""

import getpass
from dataclasses import dataclass

from django.http import HttpRequest

from apps.accounts.models import User


@dataclass(frozen=True)
class Actor:
    """A person or a program, where the request came from, and the account where there is one."""

    name: str
    origin: str
    user: User | None = None

    @classmethod
    def from_request(cls, request: HttpRequest) -> "Actor":
        """Return the signed-in person behind `request`."""
        assert isinstance(request.user, User), "views ask the policy before they act"
        return cls(
            request.user.get_username(), f"web {request.META.get('REMOTE_ADDR', '')}".strip(), request.user
        )

    @classmethod
    def from_command_line(cls) -> "Actor":
        """Return the operating system's user who runs this command."""
        return cls(getpass.getuser(), "command line")
