"""Apps and the immutable versions of their Compose files."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.models import Role
from apps.applications.host_rules.rules import HostRule
from apps.core.errors import Conflict
from apps.core.fields import EncryptedTextField

PROJECT_PREFIX = "simpledeploy-"


def default_calm_seconds() -> int:
    """Return the seconds of calm that a new app is given."""
    return int(settings.SIMPLEDEPLOY_CALM_SECONDS)


class AppQuerySet(models.QuerySet["App"]):
    def live(self) -> "AppQuerySet":
        """Return the apps that were not removed."""
        return self.filter(removed_at__isnull=True)


class App(models.Model):
    """One Compose project under management. A removed one stays for the audit; its slug is free again."""

    # How the policy finds the app of an object of this model.
    app_lookup = "pk"

    slug = models.CharField(max_length=50)
    name = models.CharField(max_length=100)
    current_version = models.ForeignKey(
        "ComposeVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verify_timeout = models.PositiveIntegerField(
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=gettext_lazy(
            "Seconds that the services get to reach the state their Compose file asks for."
        ),
    )
    calm_seconds = models.PositiveIntegerField(
        default=default_calm_seconds,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=gettext_lazy(
            "Seconds that all services must stand well, without a restart, before a deploy counts."
        ),
    )
    auto_rollback = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "Go back to the last version that ran well when an update fails after it was started."
        ),
    )
    protected = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "Deploys, rollbacks, scaling and removal wait until another person has approved them."
        ),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = AppQuerySet.as_manager()

    class Meta:
        db_table = "apps"
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug"], condition=Q(removed_at__isnull=True), name="one_live_app_per_slug"
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def project(self) -> str:
        """The name that Compose knows the app by."""
        return PROJECT_PREFIX + self.slug


class AppTag(models.Model):
    """A word by which people find apps that belong together."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=30)

    class Meta:
        db_table = "app_tags"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["app", "name"], name="one_tag_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ImmutableVersion(Conflict):
    """An attempt to change or delete a stored version."""


class ComposeVersionQuerySet(models.QuerySet["ComposeVersion"]):
    def update(self, **kwargs: Any) -> int:
        raise ImmutableVersion(gettext("A stored version does not change."))

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ImmutableVersion(gettext("A stored version stays."))


class ComposeVersion(models.Model):
    """One content of an app's Compose file and environment; never changed once stored."""

    app = models.ForeignKey(App, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    yaml = models.TextField()
    environment = EncryptedTextField(help_text=gettext_lazy("Text of the app's .env file, encrypted."))
    sha256 = models.CharField(max_length=64)
    note = models.CharField(max_length=500, blank=True, default="")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(
        max_length=150, help_text=gettext_lazy("Who made it, as known at that time.")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ComposeVersionQuerySet.as_manager()

    class Meta:
        db_table = "compose_versions"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["app", "sha256"], name="one_version_per_content"),
            models.UniqueConstraint(fields=["app", "number"], name="one_version_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.app.slug} version {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise ImmutableVersion(gettext("A stored version does not change."))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableVersion(gettext("A stored version stays."))


class HostAllowance(models.Model):
    """Leave for a role, a team or an app to ask one thing of the host; see `host_rules`."""

    rule = models.CharField(gettext_lazy("what"), max_length=20, choices=HostRule)
    subject = models.CharField(
        gettext_lazy("only"),
        max_length=500,
        blank=True,
        default="",
        help_text=gettext_lazy(
            "Just this: a path and what lies below it, a capability, the name of a network "
            "... Empty: all that the rule is about."
        ),
    )
    role = models.CharField(
        max_length=20,
        choices=Role,
        blank=True,
        default="",
        help_text=gettext_lazy("Who has this role, on the apps where they have it."),
    )
    team = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="host_allowances"
    )
    app = models.ForeignKey(
        App, null=True, blank=True, on_delete=models.PROTECT, related_name="host_allowances"
    )
    reason = models.CharField(
        max_length=500, help_text=gettext_lazy("Why it is needed, for those who read this later.")
    )
    allowed_by = models.CharField(max_length=150)
    allowed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "host_allowances"
        ordering = ["rule", "subject", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=(~Q(role="") & Q(team=None, app=None))
                | Q(role="", team__isnull=False, app=None)
                | Q(role="", team=None, app__isnull=False),
                name="host_allowance_for_a_role_a_team_or_an_app",
            ),
            models.UniqueConstraint(
                fields=["rule", "subject", "role"],
                condition=~Q(role=""),
                name="one_host_allowance_for_a_role",
            ),
            models.UniqueConstraint(
                fields=["rule", "subject", "team"],
                condition=Q(team__isnull=False),
                name="one_host_allowance_for_a_team",
            ),
            models.UniqueConstraint(
                fields=["rule", "subject", "app"],
                condition=Q(app__isnull=False),
                name="one_host_allowance_for_an_app",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.subject}" if self.subject else self.get_rule_display()


class AppTemplate(models.Model):
    """A starting point for new apps that somebody saved from an app; it holds no value of an environment."""

    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True, default="")
    yaml = models.TextField()
    variables = models.JSONField(
        default=list, help_text=gettext_lazy("What it asks for; see gallery/variables.py.")
    )
    team = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="app_templates",
        help_text=gettext_lazy("Whose it is; none: everybody's who makes apps."),
    )
    made_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_by = models.CharField(max_length=150, help_text=gettext_lazy("Who saved it, as known at that time."))
    made_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "app_templates"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
