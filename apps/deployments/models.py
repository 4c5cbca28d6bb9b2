"""Events (who did what to which app, and how it ended), their log, and the workers that run them."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from apps.applications.models import App, ComposeVersion
from apps.core.errors import Conflict
from apps.deployments.console_sessions import ConsoleSession as ConsoleSession
from apps.deployments.states import ACTIVE, BEFORE_UP, CHANGING, TERMINAL, Action, Approval, Status

_OF_SERVICES = Q(arguments__has_key="services") | Q(action=Action.SCALE)
# Services that a line about an event names.
_NAMED = 3
_REACHED_UP = Q(status=Status.SUCCEEDED) | ~Q(step__in=BEFORE_UP)


class ClosedEvent(Conflict):
    """An attempt to change an event that has ended, or to delete one."""


class DeployEventQuerySet(models.QuerySet["DeployEvent"]):
    """Verbs of the queue; every change of an event's state is one of these conditional updates."""

    def active(self) -> "DeployEventQuerySet":
        """Return the events that are queued or running."""
        return self.filter(status__in=ACTIVE)

    def coming(self) -> "DeployEventQuerySet":
        """Return the events that run or will by themselves: not those that wait for approval."""
        return self.active().exclude(approval=Approval.AWAITED)

    def queued(self) -> "DeployEventQuerySet":
        """Return the events with a place in the queue, first come first: not those that wait for approval."""
        return self.filter(status=Status.QUEUED).exclude(approval=Approval.AWAITED).order_by("pk")

    def awaiting_approval(self) -> "DeployEventQuerySet":
        """Return the events that another person has yet to approve, first come first."""
        return self.filter(status=Status.QUEUED, approval=Approval.AWAITED).order_by("pk")

    def running(self) -> "DeployEventQuerySet":
        """Return the events that a worker runs now."""
        return self.filter(status=Status.RUNNING)

    def that_shape(self) -> "DeployEventQuerySet":
        """Return the events that set which containers an app has: deploys, rollbacks and scales."""
        deployed = Q(action__in=CHANGING, started_at__isnull=False) & _REACHED_UP
        scaled = Q(action=Action.SCALE, status__in=(Status.SUCCEEDED, Status.UNSTABLE))
        return self.filter(deployed | scaled)

    def that_shaped(self, app: App) -> "DeployEvent | None":
        """Return the last event that set which containers `app` has now."""
        return self.that_shape().filter(app=app, version=app.current_version).first()

    def that_moved(self) -> "DeployEventQuerySet":
        """Return the ended events that started or stopped containers."""
        actions = (*CHANGING, Action.START, Action.RESTART, Action.STOP, Action.SCALE)
        ended = self.filter(status__in=TERMINAL, started_at__isnull=False)
        return ended.filter(_REACHED_UP, action__in=actions)

    def of_services(self) -> "DeployEventQuerySet":
        """Return the events that are about some services of an app, not about all of it."""
        return self.filter(_OF_SERVICES)

    def of_whole_apps(self) -> "DeployEventQuerySet":
        """Return the others."""
        return self.exclude(_OF_SERVICES)

    def that_ran_well(self) -> "DeployEventQuerySet":
        """Return the events that brought a version up as it was meant to be, the last one first."""
        actions = (Action.DEPLOY, Action.ROLLBACK, Action.ADOPT)
        return self.filter(action__in=actions, status=Status.SUCCEEDED).order_by("-pk")

    def update(self, **kwargs: Any) -> int:
        """Change those of these events that have not ended yet; return how many that were."""
        return super(DeployEventQuerySet, self.filter(status__in=ACTIVE)).update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ClosedEvent(gettext("Events are history; they are not deleted."))


class DeployEvent(models.Model):
    """One action on an app by somebody, from the request to the verdict.

        queued --> running --> succeeded | unstable | failed | cancelled | interrupted
        queued --> cancelled

    The database itself holds the rules of the queue: one running event per app, one per slot (slots are
    numbered from 0 to SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS - 1), and none that still waits for approval.
    """

    app = models.ForeignKey(
        App,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="events",
        help_text=gettext_lazy("None for what is done to the engine as a whole (prune)."),
    )
    slug = models.CharField(max_length=50, blank=True)
    action = models.CharField(max_length=10, choices=Action)
    version = models.ForeignKey(
        ComposeVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    arguments = models.JSONField(
        default=dict, blank=True, help_text='{"scale": {"web": 3}} or {"volumes": true}'
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    step = models.CharField(max_length=20, blank=True, default="")
    steps = models.JSONField(
        default=list,
        blank=True,
        help_text=gettext_lazy("[{name, started_at, finished_at, exit_code}] in the order they ran"),
    )
    exit_code = models.IntegerField(null=True, blank=True)
    error = models.TextField(
        blank=True, default="", help_text=gettext_lazy("Why it did not succeed, in a sentence.")
    )
    output_tail = models.TextField(blank=True, default="")
    expected = models.JSONField(
        default=list,
        blank=True,
        help_text=gettext_lazy("[{service, replicas, must_end, may_end}] that the Compose file asks for"),
    )
    images = models.JSONField(default=dict, blank=True, help_text="{service: {image, digest}}")
    config_hashes = models.JSONField(
        default=dict,
        blank=True,
        help_text=gettext_lazy("{service: hash of its configuration, as Compose wrote it on the containers}"),
    )
    host_rules = models.JSONField(
        null=True,
        blank=True,
        default=None,
        help_text=gettext_lazy("[[rule, subject]] of what the content asks of the host; empty: not known."),
    )
    plan = models.JSONField(
        default=dict, blank=True, help_text=gettext_lazy("What was to be changed, before it was.")
    )
    cause = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="consequences",
        help_text=gettext_lazy("The event whose end asked for this one (automatic rollback)."),
    )
    services = models.JSONField(
        default=list,
        blank=True,
        help_text="[{service, container, state, health, exit_code, restarts, verdict}]",
    )
    requested_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by = models.CharField(
        max_length=150, help_text=gettext_lazy("Who asked, as known at that time.")
    )
    requested_from = models.CharField(
        max_length=100, blank=True, default="", help_text=gettext_lazy("web 192.0.2.1, command line ...")
    )
    approval = models.CharField(max_length=10, choices=Approval, default=Approval.NONE)
    approval_sha256 = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text=gettext_lazy("Of the plan, content and images that were approved."),
    )
    approval_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approval_by = models.CharField(
        max_length=150, blank=True, default="", help_text=gettext_lazy("Who approved, refused, or overrode.")
    )
    approval_at = models.DateTimeField(null=True, blank=True)
    approval_note = models.CharField(max_length=500, blank=True, default="")
    cancel_requested_by = models.CharField(max_length=150, blank=True, default="")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True, default="")
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeployEventQuerySet.as_manager()

    class Meta:
        db_table = "deploy_events"
        ordering = ["-pk"]
        get_latest_by = "pk"
        indexes = [
            # With all that a strip of bars shows: a row itself may have some hundred KiB.
            models.Index(
                fields=["app", "-id", "status", "started_at", "finished_at"], name="events_of_an_app"
            ),
            models.Index(fields=["status", "id"]),
            models.Index(fields=["queued_at"]),
            models.Index(fields=["slug", "-id"]),
            models.Index(fields=["requested_by", "-id"]),
            models.Index(fields=["action", "-id"]),
            models.Index(
                fields=["approval"], condition=~Q(approval=Approval.NONE), name="events_with_approval"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["app"], condition=Q(status=Status.RUNNING), name="one_running_event_per_app"
            ),
            models.UniqueConstraint(
                fields=["slot"], condition=Q(status=Status.RUNNING), name="one_running_event_per_slot"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.RUNNING, approval=Approval.AWAITED),
                name="no_event_runs_before_its_approval",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.action} {self.slug}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise ClosedEvent(gettext("An event changes only by the queue's conditional updates."))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ClosedEvent(gettext("Events are history; they are not deleted."))

    @property
    def subject(self) -> str:
        """What the event is about, for people: the app's slug, or the engine."""
        return self.slug or "engine"

    @property
    def asked_services(self) -> list[str]:
        """The services that it is to stop, start, restart or scale; empty where it is about the whole app."""
        return list(self.arguments.get("services") or self.arguments.get("scale", ()))

    @property
    def concerns(self) -> str:
        """The services that it is about, for people: "web, db" or "web to 3"; empty for the whole app."""
        scale = self.arguments.get("scale", {})
        parts = [gettext("%(service)s to %(number)d") % {"service": s, "number": n} for s, n in scale.items()]
        parts += self.asked_services
        if len(parts) <= _NAMED:
            return ", ".join(parts)
        return gettext("%(names)s and %(count)d more") % {
            "names": ", ".join(parts[:_NAMED]),
            "count": len(parts) - _NAMED,
        }

    @property
    def action_label(self) -> str:
        """What `get_action_display` says, which hashes all translated choices anew for each row of a list."""
        return str(Action(self.action).label)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_coming(self) -> bool:
        """Whether it runs or will by itself."""
        return self.is_active and not self.awaits_approval

    @property
    def is_being_cancelled(self) -> bool:
        """Whether it runs and somebody has asked to end it."""
        return self.is_active and self.cancel_requested_at is not None

    @property
    def awaits_approval(self) -> bool:
        return self.status == Status.QUEUED and self.approval == Approval.AWAITED

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


class DeployLog(models.Model):
    """A run of consecutive output lines of one event; lines are numbered from 1."""

    app_lookup = "event__app"

    event = models.ForeignKey(DeployEvent, on_delete=models.PROTECT, related_name="log_chunks")
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    lines = models.JSONField(
        help_text=gettext_lazy("[[at (ISO 8601), stream, text], ...] for first_seq to last_seq")
    )

    class Meta:
        db_table = "deploy_logs"
        ordering = ["event", "first_seq"]
        constraints = [
            models.UniqueConstraint(fields=["event", "first_seq"], name="one_chunk_per_first_line"),
        ]
        indexes = [models.Index(fields=["event", "last_seq"])]

    def __str__(self) -> str:
        return f"event {self.event_id}, lines {self.first_seq} to {self.last_seq}"


class Worker(models.Model):
    """A process that claims events; its name says which process of which machine it is."""

    name = models.CharField(max_length=200, unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField()

    class Meta:
        db_table = "workers"

    def __str__(self) -> str:
        return self.name
