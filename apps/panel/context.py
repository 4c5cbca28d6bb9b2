"""What every page shows of the panel itself."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.models import Role
from apps.accounts.policy import Permission, allows_somewhere


@dataclass(frozen=True)
class NavigationItem:
    label: Any
    address: str
    keys: str
    current: bool


class Panel:
    """The navigation and the role of the person who asks; worked out only where a template uses it."""

    # Label, keys of its shortcut, URL name, what it needs, and the addresses that count as being there.
    _PAGES = (
        (gettext_lazy("Apps"), "g a", "apps", Permission.VIEW, ("/apps/", "/templates/")),
        (gettext_lazy("Events"), "g e", "events", Permission.VIEW, ("/events/",)),
        (
            gettext_lazy("Settings"),
            "g s",
            "settings",
            Permission.VIEW_MACHINE,
            ("/settings/", "/registries/", "/engine/"),
        ),
        (gettext_lazy("Invitations"), "g i", "invitations", Permission.MANAGE_PEOPLE, ("/invitations/",)),
        (gettext_lazy("Admin"), "g d", "admin:index", Permission.VIEW, ()),
    )

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def navigation(self) -> list[NavigationItem]:
        items = []
        for label, keys, name, permission, prefixes in self._PAGES:
            if not allows_somewhere(self._request.user, permission):
                continue
            address = reverse(name)
            here = self._request.path == address or self._request.path.startswith(prefixes)
            items.append(NavigationItem(label, address, keys, here))
        return items

    @cached_property
    def role(self) -> str:
        user: Any = self._request.user
        if not user.is_authenticated:
            return ""
        role = Role.ADMINISTRATOR if user.is_superuser else user.role
        if role:
            return str(Role(role).label)
        return (
            gettext("Roles on single apps")
            if allows_somewhere(user, Permission.VIEW)
            else gettext("No role yet")
        )


def panel(request: HttpRequest) -> dict[str, Any]:
    """Return the context that `base.html` needs."""
    return {"panel": Panel(request)}
