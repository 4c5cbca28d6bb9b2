"""The people who use the panel, and the roles that they and their teams have."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from apps.accounts.policy import Rights, Scope

from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead

__all__ = ["AuditCheckpoint", "AuditEntry", "AuditHead", "Role", "User"]


class Role(models.TextChoices):
    """What somebody may do, with one app or with all of them; each role includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    DEPLOYER = "deployer", "Deployer"
    OWNER = "owner", "Owner"
    ADMINISTRATOR = "administrator", "Administrator"


class User(AbstractUser):
    """A person who signs in. Without a role or a grant they see nothing; a superuser is an administrator."""

    role = models.CharField(
        "role for all apps",
        max_length=20,
        choices=Role,
        blank=True,
        default="",
        help_text="Viewer: see everything but secrets. Operator: lifecycle actions, redeploy and rollback. "
        "Deployer: new content too. Owner: settings, environment values, access, removal too. "
        "Administrator: everything. Without one, only what teams and grants on single apps give.",
    )

    # What a token narrows this sign-in to; None where the person is here themselves.
    scope: "Scope | None" = None
    # What the policy has read for this object; see there.
    known_rights: "Rights | None" = None

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.known_rights = None
        super().refresh_from_db(*args, **kwargs)


class Grant(models.Model):
    """A role of a person on one app, or of a team on one app or on all of them."""

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="grants", verbose_name="person"
    )
    team = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    # By name: apps lie above the people, who are known before there is any app.
    app = models.ForeignKey(
        "applications.App",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grants",
        help_text="Empty: all apps.",
    )
    role = models.CharField(max_length=20, choices=Role)
    given_by = models.CharField(max_length=150)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "grants"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                # The role of a person for all apps stands in their account.
                condition=Q(user=None, team__isnull=False)
                | Q(team=None, user__isnull=False, app__isnull=False),
                name="grant_to_a_person_on_an_app_or_to_a_team",
            ),
            models.CheckConstraint(
                condition=~Q(role=Role.ADMINISTRATOR) | Q(app=None), name="grant_of_an_administrator_for_all"
            ),
            models.UniqueConstraint(
                fields=["user", "app"], condition=Q(team=None), name="one_grant_per_person_and_app"
            ),
            models.UniqueConstraint(
                fields=["team", "app"], condition=Q(user=None), name="one_grant_per_team_and_app"
            ),
            models.UniqueConstraint(
                fields=["team"], condition=Q(user=None, app=None), name="one_grant_per_team_for_all_apps"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} is {self.get_role_display().lower()}"

    @property
    def subject(self) -> User | Group:
        """Whose role it is."""
        subject = self.user or self.team
        assert subject is not None, "a constraint of the table"
        return subject


class Invitation(models.Model):
    """A one-time link by which somebody makes their own account; of its code only the hash is kept."""

    code_hash = models.CharField(max_length=64, unique=True)
    role = models.CharField("role for all apps", max_length=20, choices=Role, blank=True, default="")
    team = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "invitations"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
