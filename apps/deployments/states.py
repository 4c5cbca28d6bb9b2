"""The states of an event, its actions, and which state may follow which."""

from django.db import models
from django.utils.translation import gettext_lazy


class Status(models.TextChoices):
    QUEUED = "queued", gettext_lazy("Queued")
    RUNNING = "running", gettext_lazy("Running")
    SUCCEEDED = "succeeded", gettext_lazy("Succeeded")
    UNSTABLE = "unstable", gettext_lazy("Unstable")
    FAILED = "failed", gettext_lazy("Failed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    INTERRUPTED = "interrupted", gettext_lazy("Interrupted")


class Action(models.TextChoices):
    DEPLOY = "deploy", gettext_lazy("Deploy")
    ROLLBACK = "rollback", gettext_lazy("Roll back")
    STOP = "stop", gettext_lazy("Stop")
    START = "start", gettext_lazy("Start")
    RESTART = "restart", gettext_lazy("Restart")
    PULL = "pull", gettext_lazy("Pull")
    SCALE = "scale", gettext_lazy("Scale")
    REMOVE = "remove", gettext_lazy("Remove")
    ADOPT = "adopt", gettext_lazy("Adopt")
    PRUNE = "prune", gettext_lazy("Prune")


class Approval(models.TextChoices):
    """How an event stands to the four eyes that a protected app asks for."""

    NONE = "none", gettext_lazy("Not needed")
    AWAITED = "awaited", gettext_lazy("Awaited")
    GIVEN = "given", gettext_lazy("Given")
    REFUSED = "refused", gettext_lazy("Refused")
    LAPSED = "lapsed", gettext_lazy("Lapsed")  # the event was cancelled or expired before anybody decided
    OVERRIDDEN = "overridden", gettext_lazy("Overridden")  # an emergency, on the machine's command line


# They give an app a new current version.
CHANGING = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.ADOPT})

# A prune is claimed like any other event and then waits, in this step, until nothing else runs.
WAIT_STEP = "wait"

# Of a protected app, these wait for another person: they decide what runs, or end it. A scale adds containers
# of whatever image the name means by now. Stop, start, restart and pull run what was approved already, and
# must be at hand at once when something goes wrong. An app that is adopted is new, and protected later.
NEEDING_APPROVAL = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.SCALE, Action.REMOVE})

# An event that waits for approval is queued and in this step.
APPROVAL_STEP = "approval"

ACTIVE = frozenset({Status.QUEUED, Status.RUNNING})
TERMINAL = frozenset(Status) - ACTIVE

# queued -> running -> one of the terminal states; a queued event can only be cancelled besides.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: TERMINAL,
}

# In these steps a deploy has touched no container yet: when it ends here, all is put back as it was.
BEFORE_UP = frozenset({"", APPROVAL_STEP, "version", "write", "credentials", "pull", "compare"})
