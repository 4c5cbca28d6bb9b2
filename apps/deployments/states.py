"""The states of an event, its actions, and which state may follow which."""

from django.db import models


class Status(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    UNSTABLE = "unstable", "Unstable"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    INTERRUPTED = "interrupted", "Interrupted"


class Action(models.TextChoices):
    DEPLOY = "deploy", "Deploy"
    ROLLBACK = "rollback", "Roll back"
    STOP = "stop", "Stop"
    START = "start", "Start"
    RESTART = "restart", "Restart"
    PULL = "pull", "Pull"
    SCALE = "scale", "Scale"
    REMOVE = "remove", "Remove"
    ADOPT = "adopt", "Adopt"
    PRUNE = "prune", "Prune"


# They give an app a new current version.
CHANGING = frozenset({Action.DEPLOY, Action.ROLLBACK, Action.ADOPT})

# A prune is claimed like any other event and then waits, in this step, until nothing else runs.
WAIT_STEP = "wait"

ACTIVE = frozenset({Status.QUEUED, Status.RUNNING})
TERMINAL = frozenset(Status) - ACTIVE

# queued -> running -> one of the terminal states; a queued event can only be cancelled besides.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: TERMINAL,
}

# In these steps a deploy has touched no container yet: when it ends here, all is put back as it was.
BEFORE_UP = frozenset({"", "version", "write", "credentials", "pull"})
