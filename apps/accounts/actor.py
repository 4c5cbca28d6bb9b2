"""Who asks for something, as it is written into the records."""

import getpass
from dataclasses import dataclass

from django.http import HttpRequest

from apps.accounts.models import User

COMMAND_LINE = "command line"  # the origin of what is asked for by a command on the machine


@dataclass(frozen=True)
class Actor:
    """A person or a program, where the request came from, and the account where there is one.

    For the audit also the address, the user agent and the name of the token that was used ("" for none).
    """

    name: str
    origin: str
    user: User | None = None
    address: str = ""
    agent: str = ""
    token: str = ""

    @classmethod
    def from_request(cls, request: HttpRequest) -> "Actor":
        """Return the signed-in person behind `request`."""
        assert isinstance(request.user, User), "views ask the policy before they act"
        return cls.person(request, request.user)

    @classmethod
    def person(cls, request: HttpRequest, user: User) -> "Actor":
        """Return `user`, who is behind `request` whatever that itself knows of them yet."""
        return cls._behind(request, user.get_username(), user)

    @classmethod
    def stranger(cls, request: HttpRequest, name: str) -> "Actor":
        """Return who is behind `request` without being signed in, under the `name` that they gave."""
        return cls._behind(request, name, None)

    @classmethod
    def from_command_line(cls) -> "Actor":
        """Return the operating system's user who runs this command."""
        return cls(getpass.getuser(), COMMAND_LINE)

    @property
    def is_on_the_machine(self) -> bool:
        """Whether a command on the machine asks: whoever can run one can do everything without the panel."""
        return self.user is None and self.origin == COMMAND_LINE

    @classmethod
    def _behind(cls, request: HttpRequest, name: str, user: User | None) -> "Actor":
        address = request.META.get("REMOTE_ADDR", "")
        return cls(
            name,
            f"web {address}".strip(),
            user,
            address=address,
            agent=request.META.get("HTTP_USER_AGENT", ""),
            token=user.token.name if user and user.token else "",
        )
