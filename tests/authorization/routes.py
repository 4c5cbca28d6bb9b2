"""What every address of the panel asks of whoever comes: the table that the authorization tests go by."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import Role


class On(StrEnum):
    """What a route is about."""

    NOTHING = "nothing"  # open to everybody, signed in or not
    SELF = "self"  # one's own account, or what each sees a part of: open to whoever is signed in
    ANY_APP = "any app"  # needs the role on at least one app
    PANEL = "panel"  # needs the role for all apps
    APP = "app"  # needs the role on the app that the address names


@dataclass(frozen=True)
class Route:
    """A route: what it is about, the least role that may use it, its methods, and what is in its address."""

    on: On
    role: str = ""
    methods: tuple[str, ...] = ("GET",)
    names: tuple[str, ...] = ()  # of the objects in the address: "slug", "version", "event" ...
    sent: dict[str, str] = field(default_factory=dict)  # by a POST


READ = ("GET",)
FORM = ("GET", "POST")
DO = ("POST",)

V, O, D, W, A = Role.VIEWER, Role.OPERATOR, Role.DEPLOYER, Role.OWNER, Role.ADMINISTRATOR

ROUTES: dict[str, Route] = {
    "login": Route(On.NOTHING, methods=FORM),
    "healthz": Route(On.NOTHING),
    "apps": Route(On.SELF),
    "events": Route(On.SELF),
    "app-new": Route(On.PANEL, D, FORM),
    "app": Route(On.APP, V, READ, ("slug",)),
    "app-row": Route(On.APP, V, READ, ("slug",)),
    "app-edit": Route(On.APP, D, FORM, ("slug",)),
    "app-settings": Route(On.APP, W, FORM, ("slug",)),
    "app-access": Route(On.APP, W, FORM, ("slug",)),
    "app-access-take": Route(On.APP, W, DO, ("slug", "grant")),
    "app-remove": Route(On.APP, W, FORM, ("slug",)),
    "app-redeploy": Route(On.APP, O, FORM, ("slug",)),
    "app-scale": Route(On.APP, O, DO, ("slug",), {"service": "web", "number": "2"}),
    "app-action": Route(On.APP, O, DO, ("slug", "action")),
    "app-versions": Route(On.APP, V, READ, ("slug",)),
    "version": Route(On.APP, V, READ, ("slug", "version")),
    "version-rollback": Route(On.APP, O, FORM, ("slug", "version")),
    "event": Route(On.APP, V, READ, ("event",)),
    "event-status": Route(On.APP, V, READ, ("event",)),
    "event-cancel": Route(On.APP, O, DO, ("event",)),
    "event-log": Route(On.APP, V, READ, ("event",)),
    "engine-prune": Route(On.PANEL, A, FORM),
    "projects": Route(On.PANEL, A),
    "project-adopt": Route(On.PANEL, A, FORM, ("project",)),
    "registries": Route(On.PANEL, A),
    "registry-add": Route(On.PANEL, A, FORM),
    "registry-change": Route(On.PANEL, A, FORM, ("registry",)),
    "registry-remove": Route(On.PANEL, A, FORM, ("registry",)),
    "registry-check": Route(On.PANEL, A, DO, ("registry",)),
}

# Least roles to see, add, change and delete in the admin; None: nobody.
ADMIN: dict[str, tuple[On, str, str | None, str | None, str | None]] = {
    "applications_app": (On.APP, V, None, W, None),
    "applications_composeversion": (On.APP, V, None, None, None),
    "deployments_deployevent": (On.APP, V, None, None, None),
    "deployments_deploylog": (On.APP, V, None, None, None),
    "accounts_user": (On.PANEL, A, A, A, A),
    "auth_group": (On.PANEL, A, A, A, A),
    "registries_registrycredential": (On.PANEL, A, A, A, A),
}

# Pages of the admin beside those of its models, by the role on any app that they need.
ADMIN_PAGES: dict[str, Route] = {
    "admin:index": Route(On.ANY_APP, V),
    "admin:password_change": Route(On.ANY_APP, V),
    "admin:password_change_done": Route(On.ANY_APP, V),
    "admin:jsi18n": Route(On.ANY_APP, V),
    "admin:app_list": Route(On.ANY_APP, V, names=("app_label",)),
    "admin:deployments_deployevent_export": Route(On.ANY_APP, V),
    "admin:auth_user_password_change": Route(On.PANEL, A, names=("person",)),
}


# What a WebSocket's address is about; each shows what it shows to whoever may see it.
SOCKETS: dict[str, On] = {
    "ws/events/<int:event_id>/": On.APP,
    "ws/apps/": On.ANY_APP,
    "": On.NOTHING,  # any other address: nobody is let in
}


def patterns() -> Iterator[tuple[str, URLPattern]]:
    """Return every address of the whole site with its name, "admin:..." below the admin."""
    yield from _below(get_resolver().url_patterns, "")


def _below(found: list[URLPattern | URLResolver], namespace: str) -> Iterator[tuple[str, URLPattern]]:
    for one in found:
        if isinstance(one, URLResolver):
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from _below(one.url_patterns, inner)
        else:
            yield f"{namespace}{one.name or str(one.pattern)}", one
