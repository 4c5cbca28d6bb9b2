"""The people who use the panel."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead

__all__ = ["AuditCheckpoint", "AuditEntry", "AuditHead", "Role", "User"]


class Role(models.TextChoices):
    """What somebody may do with every app; each role includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    DEPLOYER = "deployer", "Deployer"
    ADMINISTRATOR = "administrator", "Administrator"


class User(AbstractUser):
    """A person who signs in. Without a role they see nothing; a superuser is an administrator."""

    role = models.CharField(
        max_length=20,
        choices=Role,
        blank=True,
        default="",
        help_text="Viewer: see everything but secrets. Operator: lifecycle actions and rollback. "
        "Deployer: new content too. Administrator: everything.",
    )
