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

VIEWER, OPERATOR, DEPLOYER, OWNER, ADMINISTRATOR = Role

ROUTES: dict[str, Route] = {
    "account_login": Route(On.NOTHING, methods=FORM),
    "set_language": Route(On.NOTHING, methods=DO, sent={"language": "de"}),
    "texts": Route(On.NOTHING, names=("language",)),
    "account": Route(On.SELF),
    "account_reauthenticate": Route(On.SELF, methods=FORM),
    "account_change_password": Route(On.SELF, methods=FORM),
    "mfa_authenticate": Route(On.SELF, methods=FORM),
    "mfa_reauthenticate": Route(On.SELF, methods=FORM),
    "mfa_reauthenticate_webauthn": Route(On.SELF, methods=FORM),
    "mfa_index": Route(On.SELF),
    "mfa_activate_totp": Route(On.SELF, methods=FORM),
    "mfa_add_webauthn": Route(On.SELF, methods=FORM),
    "mfa_generate_recovery_codes": Route(On.SELF, methods=FORM),
    "invitations": Route(On.PANEL, ADMINISTRATOR, FORM),
    "invitation-withdraw": Route(On.PANEL, ADMINISTRATOR, DO, ("invitation",)),
    "account-sessions": Route(On.SELF, methods=FORM, sent={"end": "others"}),
    "tokens": Route(On.SELF, methods=FORM),
    "token-machine": Route(On.PANEL, ADMINISTRATOR, DO, sent={"machine": "robot"}),
    "healthz": Route(On.NOTHING),
    "apps": Route(On.SELF),
    "events": Route(On.SELF),
    "events-export": Route(On.SELF),
    "app-new": Route(On.PANEL, DEPLOYER, FORM),
    "app-new-check": Route(On.PANEL, DEPLOYER, DO),
    "app": Route(On.APP, VIEWER, READ, ("slug",)),
    "app-row": Route(On.APP, VIEWER, READ, ("slug",)),
    "app-edit": Route(On.APP, DEPLOYER, FORM, ("slug",)),
    "app-edit-check": Route(On.APP, DEPLOYER, DO, ("slug",)),
    "app-edit-news": Route(On.APP, DEPLOYER, READ, ("slug",)),
    "app-settings": Route(On.APP, OWNER, FORM, ("slug",)),
    "app-environment": Route(On.APP, OWNER, FORM, ("slug",)),
    "app-access": Route(On.APP, OWNER, FORM, ("slug",)),
    "app-access-take": Route(On.APP, OWNER, DO, ("slug", "grant")),
    "app-host-rules": Route(On.APP, ADMINISTRATOR, FORM, ("slug",)),
    "app-host-rule": Route(On.APP, ADMINISTRATOR, DO, ("slug", "allowance")),
    "host-rules": Route(On.PANEL, ADMINISTRATOR, FORM),
    "host-rule": Route(On.PANEL, ADMINISTRATOR, DO, ("role_allowance",)),
    "app-remove": Route(On.APP, OWNER, FORM, ("slug",)),
    "app-redeploy": Route(On.APP, OPERATOR, FORM, ("slug",)),
    "app-scale": Route(On.APP, OPERATOR, DO, ("slug",), {"service": "web", "number": "2"}),
    "app-logs": Route(On.APP, VIEWER, READ, ("slug",)),
    "app-logs-download": Route(On.APP, VIEWER, READ, ("slug",)),
    "app-console": Route(On.APP, OWNER, READ, ("slug",)),
    "app-action": Route(On.APP, OPERATOR, DO, ("slug", "action")),
    "app-versions": Route(On.APP, VIEWER, READ, ("slug",)),
    "version": Route(On.APP, VIEWER, READ, ("slug", "version")),
    "version-file": Route(On.APP, VIEWER, READ, ("slug", "version")),
    "version-rollback": Route(On.APP, OPERATOR, FORM, ("slug", "version")),
    "event": Route(On.APP, VIEWER, READ, ("event",)),
    "event-status": Route(On.APP, VIEWER, READ, ("event",)),
    "event-pull": Route(On.APP, VIEWER, READ, ("event",)),
    "event-retry": Route(On.APP, OPERATOR, FORM, ("event",)),
    "event-cancel": Route(On.APP, OPERATOR, DO, ("event",)),
    "event-approval": Route(On.APP, OWNER, FORM, ("event",)),
    "event-refuse": Route(On.APP, OWNER, DO, ("event",), {"note": "no"}),
    "event-log": Route(On.APP, VIEWER, READ, ("event",)),
    "settings": Route(On.PANEL, ADMINISTRATOR),
    "settings-disk": Route(On.PANEL, ADMINISTRATOR),
    "settings-check": Route(On.PANEL, ADMINISTRATOR),
    "templates": Route(On.PANEL, DEPLOYER),
    "template": Route(On.PANEL, DEPLOYER, FORM, ("key",)),
    "template-own": Route(On.PANEL, DEPLOYER, FORM, ("template",)),
    "template-edit": Route(On.PANEL, OWNER, FORM, ("template",)),
    "template-remove": Route(On.PANEL, OWNER, FORM, ("template",)),
    "template-save": Route(On.PANEL, DEPLOYER, FORM, ("slug",)),
    "engine-prune": Route(On.PANEL, ADMINISTRATOR, FORM),
    "projects": Route(On.PANEL, ADMINISTRATOR),
    "project-adopt": Route(On.PANEL, ADMINISTRATOR, FORM, ("project",)),
    "registries": Route(On.PANEL, ADMINISTRATOR),
    "registry-add": Route(On.PANEL, ADMINISTRATOR, FORM),
    "registry-change": Route(On.PANEL, ADMINISTRATOR, FORM, ("registry",)),
    "registry-remove": Route(On.PANEL, ADMINISTRATOR, FORM, ("registry",)),
    "registry-check": Route(On.PANEL, ADMINISTRATOR, DO, ("registry",)),
}

# Least roles to see, add, change and delete in the admin; None: nobody.
ADMIN: dict[str, tuple[On, str, str | None, str | None, str | None]] = {
    "applications_app": (On.APP, VIEWER, None, OWNER, None),
    "applications_composeversion": (On.APP, VIEWER, None, None, None),
    "deployments_deployevent": (On.APP, VIEWER, None, None, None),
    "deployments_deploylog": (On.APP, VIEWER, None, None, None),
    "accounts_user": (On.PANEL, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "auth_group": (On.PANEL, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "accounts_auditentry": (On.PANEL, ADMINISTRATOR, None, None, None),
    "registries_registrycredential": (On.PANEL, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
}

# Pages of the admin beside those of its models, by the role on any app that they need.
ADMIN_PAGES: dict[str, Route] = {
    "admin:index": Route(On.ANY_APP, VIEWER),
    "admin:password_change": Route(On.ANY_APP, VIEWER),
    "admin:password_change_done": Route(On.ANY_APP, VIEWER),
    "admin:jsi18n": Route(On.ANY_APP, VIEWER),
    "admin:app_list": Route(On.ANY_APP, VIEWER, names=("app_label",)),
    "admin:deployments_deployevent_export": Route(On.ANY_APP, VIEWER),
    "admin:accounts_auditentry_export": Route(On.PANEL, ADMINISTRATOR),
    "admin:auth_user_password_change": Route(On.PANEL, ADMINISTRATOR, names=("person",)),
}


# What a subcommand is about and the least role of whoever uses it by a token.
COMMANDS: dict[str, Route] = {
    "app deploy": Route(On.APP, DEPLOYER),
    "app check": Route(On.ANY_APP, DEPLOYER),
    "app plan": Route(On.APP, DEPLOYER),
    "app rollback": Route(On.APP, OPERATOR),
    "app retry": Route(On.APP, OPERATOR),
    "app adopt": Route(On.PANEL, ADMINISTRATOR),
    "app stop": Route(On.APP, OPERATOR),
    "app start": Route(On.APP, OPERATOR),
    "app restart": Route(On.APP, OPERATOR),
    "app pull": Route(On.APP, OPERATOR),
    "app scale": Route(On.APP, OPERATOR),
    "app remove": Route(On.APP, OWNER),
    "app cancel": Route(On.APP, OPERATOR),
    "app list": Route(On.ANY_APP, VIEWER),
    "app tag": Route(On.APP, OWNER),
    "app refuse": Route(On.APP, OWNER),
    "app drift": Route(On.APP, VIEWER),
    "app templates": Route(On.PANEL, DEPLOYER),
    "app versions": Route(On.APP, VIEWER),
    "app events": Route(On.APP, VIEWER),
    "app logs": Route(On.APP, VIEWER),
    "engine prune": Route(On.PANEL, ADMINISTRATOR),
    "engine projects": Route(On.PANEL, ADMINISTRATOR),
    "engine cancel": Route(On.PANEL, ADMINISTRATOR),
    "registry add": Route(On.PANEL, ADMINISTRATOR),
    "registry check": Route(On.PANEL, ADMINISTRATOR),
    "registry list": Route(On.PANEL, ADMINISTRATOR),
    "registry remove": Route(On.PANEL, ADMINISTRATOR),
}

# What a WebSocket's address is about, and the least role of whom it serves.
SOCKETS: dict[str, Route] = {
    "ws/events/<int:event_id>/": Route(On.APP, VIEWER),
    "ws/apps/": Route(On.ANY_APP, VIEWER),
    "ws/apps/<slug:slug>/stats/": Route(On.APP, VIEWER),
    "ws/apps/<slug:slug>/logs/": Route(On.APP, VIEWER),
    "ws/apps/<slug:slug>/console/": Route(On.APP, OWNER),
    "": Route(On.NOTHING),  # any other address: nobody is let in
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
