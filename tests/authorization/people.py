"""Everybody who comes to an address: each role, had for all apps, on one app, or by a team."""

from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.test import Client

from apps.accounts.models import Grant, Role, User
from apps.applications.models import App
from tests.accounts.people import make_person

ORDER = ["", *Role.values]


@dataclass(frozen=True)
class Visitor:
    """Somebody with a role for all apps and another one on their own app; "" is none."""

    name: str
    everywhere: str = ""
    on_own: str = ""
    by_team: bool = False
    signed_in: bool = True

    def has(self, least: str, *, own: bool) -> bool:
        """Tell whether they have the role `least` or a greater one on their own app, or on a foreign one."""
        held = [self.everywhere, self.on_own] if own else [self.everywhere]
        return max(ORDER.index(role) for role in held) >= ORDER.index(least)

    def come(self, client: Client, own_app: App) -> User | None:
        """Make their account with its roles and sign it in at `client`."""
        if not self.signed_in:
            client.logout()
            return None
        user = make_person(self.name, self.everywhere)
        if self.on_own:
            subject: dict[str, User | Group] = {"user": user}
            if self.by_team:
                team = Group.objects.create(name=f"team of {self.name}")
                user.groups.add(team)
                subject = {"team": team}
            Grant.objects.create(**subject, app=own_app, role=self.on_own, given_by="root")
        client.force_login(user)
        return user


VISITORS = (
    Visitor("stranger", signed_in=False),
    Visitor("nobody"),
    *(Visitor(f"{role}-of-all", everywhere=role) for role in Role.values),
    *(Visitor(f"{role}-of-own", on_own=role) for role in Role.values[:-1]),
    *(Visitor(f"{role}-by-team", on_own=role, by_team=True) for role in (Role.VIEWER, Role.OWNER)),
    Visitor("viewer-who-owns", everywhere=Role.VIEWER, on_own=Role.OWNER),
)
