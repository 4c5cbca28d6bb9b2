"""The people who use the panel, and the roles that they and their teams have."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from apps.accounts.policy import Rights, Scope

from django.utils.translation import gettext_lazy

from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead

__all__ = ["AuditCheckpoint", "AuditEntry", "AuditHead", "Role", "Token", "User"]


class Role(models.TextChoices):
    """What somebody may do, with one app or with all of them; each role includes the ones before it."""

    VIEWER = "viewer", gettext_lazy("Viewer")
    OPERATOR = "operator", gettext_lazy("Operator")
    DEPLOYER = "deployer", gettext_lazy("Deployer")
    OWNER = "owner", gettext_lazy("Owner")
    ADMINISTRATOR = "administrator", gettext_lazy("Administrator")


class User(AbstractUser):
    """A person who signs in. Without a role or a grant they see nothing; a superuser is an administrator."""

    role = models.CharField(
        gettext_lazy("role for all apps"),
        max_length=20,
        choices=Role,
        blank=True,
        default="",
        help_text=gettext_lazy(
            "Viewer: see everything but secrets. Operator: lifecycle actions, redeploy and "
            "rollback. Deployer: new content too. Owner: settings, environment values, "
            "access, removal too. Administrator: everything. Without one, only what teams and "
            "grants on single apps give."
        ),
    )

    is_machine = models.BooleanField(
        gettext_lazy("a machine"),
        default=False,
        help_text=gettext_lazy("It signs in with tokens only and never has a password."),
    )

    # The token by which they are here, None for a session or the command line.
    token: "Token | None" = None
    # What a token narrows this sign-in to; None where the person is here themselves.
    scope: "Scope | None" = None
    # What the policy has read for this object; see there.
    known_rights: "Rights | None" = None

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.is_machine and self.has_usable_password():
            self.set_unusable_password()
        super().save(*args, **kwargs)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.known_rights = None
        super().refresh_from_db(*args, **kwargs)


class Token(models.Model):
    """A token of an account: for which permissions on which apps, and until when. Its text is not kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    start = models.CharField(max_length=16, help_text=gettext_lazy("How its text begins, to recognise it."))
    digest = models.CharField(max_length=64, unique=True, help_text=gettext_lazy("SHA-256 of its text."))
    permissions = models.JSONField(default=list)
    apps = models.JSONField(
        null=True, blank=True, help_text=gettext_lazy("Keys of the apps; empty: all of them.")
    )
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=64, blank=True, default="")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        db_table = "tokens"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it was not revoked and has not expired."""
        return self.revoked_at is None and timezone.now() < self.expires_at


class Grant(models.Model):
    """A role of a person on one app, or of a team on one app or on all of them."""

    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="grants",
        verbose_name=gettext_lazy("person"),
    )
    team = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    # By name: apps lie above the people, who are known before there is any app.
    app = models.ForeignKey(
        "applications.App",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grants",
        help_text=gettext_lazy("Empty: all apps."),
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
    role = models.CharField(
        gettext_lazy("role for all apps"), max_length=20, choices=Role, blank=True, default=""
    )
    team = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "invitations"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
