"""Two apps with everything that an address can name: one's own, and a foreign one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import Grant, Invitation, Role, User
from apps.applications.host_rules.rules import HostRule
from apps.applications.models import App, AppTemplate, ComposeVersion, HostAllowance
from apps.deployments.models import DeployEvent, DeployLog
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.panel.admin_records import make_chunk, make_credential
from tests.panel.pages import YAML, make_deployed_app, make_version


@dataclass(frozen=True)
class Things:
    """An app and what belongs to it; registry, person and team belong to the panel as a whole."""

    app: App
    event: DeployEvent
    chunk: DeployLog
    version: ComposeVersion
    grant: Grant
    allowance: HostAllowance
    role_allowance: HostAllowance
    registry: RegistryCredential
    person: User
    team: Group
    invitation: Invitation
    template: AppTemplate

    @classmethod
    def make(cls, slug: str, registry: RegistryCredential, person: User, team: Group) -> "Things":
        app = make_deployed_app(slug)
        event = app.events.get()
        version = make_version(app, YAML + f"# {slug} 2\n")
        grant = Grant.objects.create(user=person, app=app, role=Role.VIEWER, given_by="root")
        allowed = {"rule": HostRule.DEVICES, "reason": "GPU", "allowed_by": "root"}
        allowance = HostAllowance.objects.create(app=app, **allowed)
        role_allowance = HostAllowance.objects.create(role=Role.OWNER, subject=f"/dev/{slug}", **allowed)
        invitation = Invitation.objects.create(
            code_hash=slug, invited_by=person, expires_at=timezone.now() + timedelta(days=1)
        )
        return cls(
            app,
            event,
            make_chunk(event),
            version,
            grant,
            allowance,
            role_allowance,
            registry,
            person,
            team,
            invitation,
            AppTemplate.objects.create(name=slug, yaml=YAML, made_by="root"),
        )

    def address(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the parts of an address that hold these names, as Django's `reverse` takes them."""
        parts: dict[str, tuple[str, Any]] = {
            "slug": ("slug", self.app.slug),
            "action": ("action", "restart"),
            "version": ("number", self.version.number),
            "grant": ("pk", self.grant.pk),
            "allowance": ("pk", self.allowance.pk),
            "role_allowance": ("pk", self.role_allowance.pk),
            "event": ("pk", self.event.pk),
            "project": ("name", "beside"),
            "invitation": ("pk", self.invitation.pk),
            "key": ("key", "redis"),
            "template": ("pk", self.template.pk),
            "registry": ("pk", self.registry.pk),
            "app_label": ("app_label", "applications"),
            "person": ("id", self.person.pk),
            "language": ("language", "de"),
        }
        return dict(parts[name] for name in names)

    def in_admin(self, model: str) -> Any:
        """Return the object of `model` ("<app label>_<model>")."""
        return {
            "applications_app": self.app,
            "applications_composeversion": self.version,
            "deployments_deployevent": self.event,
            "deployments_deploylog": self.chunk,
            "accounts_auditentry": AuditEntry.objects.get(number=1),
            "registries_registrycredential": self.registry,
            "accounts_user": self.person,
            "auth_group": self.team,
        }[model]


def own_and_foreign() -> tuple[Things, Things]:
    """Return the things of the visitor's own app and those of another."""
    registry, person = make_credential(), make_person("somebody-else", Role.ADMINISTRATOR)
    team = Group.objects.create(name="some-team")
    return Things.make("own", registry, person, team), Things.make("foreign", registry, person, team)
