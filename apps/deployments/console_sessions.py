"""The consoles that people have, or had, in running containers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from apps.applications.models import App


class ConsoleEnd(models.TextChoices):
    """Why a console ended."""

    PAGE_CLOSED = "page_closed", "The page was closed"
    SHELL_ENDED = "shell_ended", "The shell ended"
    CONTAINER_STOPPED = "container_stopped", "The container stopped"
    RIGHT_TAKEN = "right_taken", "The right to it was taken away"
    SIGNED_OUT = "signed_out", "The person was signed out"
    IDLE = "idle", "Nothing was typed for too long"
    TIME_OVER = "time_over", "It was open for the longest time"
    TOO_FAST = "too_fast", "More was sent than the shell took"
    PANEL_STOPPED = "panel_stopped", "The panel was stopped"
    PANEL_DIED = "panel_died", "The panel ended unexpectedly"
    FAILED = "failed", "The shell could not be started"


class ConsoleSession(models.Model):
    """A shell of one person in one container, from its start until nothing of it is left.

        open --> ended (the person is told, and the audit) --> cleared (nothing of it runs in the container)

    What is not cleared is tried again: the container may be paused, the engine away, the panel dead.
    """

    app = models.ForeignKey(App, on_delete=models.PROTECT, related_name="console_sessions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    person = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True, default="")
    service = models.CharField(max_length=255)
    container = models.CharField(max_length=64, help_text=gettext_lazy("The id of the container."))
    container_name = models.CharField(max_length=255)
    # In the environment of all that the shell starts.
    marker = models.CharField(max_length=32, unique=True)
    owner = models.CharField(
        max_length=200, help_text=gettext_lazy("The process of the panel that holds it.")
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=20, choices=ConsoleEnd, blank=True, default="")
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "console_sessions"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["app"], condition=Q(cleared_at=None), name="console_sessions_not_cleared")
        ]

    def __str__(self) -> str:
        return f"console {self.pk} of {self.person} in {self.container_name}"
