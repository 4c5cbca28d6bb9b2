"""How states look: an icon, a word and a kind of colour for each."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.deployer.verdict.verdict import Verdict
from apps.deployments.states import Action, Status


@dataclass(frozen=True)
class Mark:
    """Kinds are the classes of panel.css: good, warning, bad, busy, quiet."""

    kind: str
    icon: str
    word: str
    css: str = ""


_EVENTS = {
    Status.QUEUED: Mark("busy", "clock", "Queued"),
    Status.RUNNING: Mark("busy", "loader-2", "Running", "icon-spin"),
    Status.SUCCEEDED: Mark("good", "circle-check", "Succeeded"),
    Status.UNSTABLE: Mark("warning", "alert-triangle", "Unstable"),
    Status.FAILED: Mark("bad", "circle-x", "Failed"),
    Status.CANCELLED: Mark("quiet", "ban", "Cancelled"),
    Status.INTERRUPTED: Mark("bad", "plug-connected-x", "Interrupted"),
}

_APPS = {
    "up": Mark("good", "circle-check", "Up"),
    "degraded": Mark("warning", "alert-triangle", "Degraded"),
    "completed": Mark("good", "checks", "Completed"),
    "stopped": Mark("quiet", "player-stop", "Stopped"),
    "partial": Mark("quiet", "player-stop", "Partly stopped"),
    "drifted": Mark("warning", "git-compare", "Drifted"),
    "deploying": Mark("busy", "loader-2", "Deploying", "icon-spin"),
    "absent": Mark("quiet", "circle-dashed", "Not running"),
    "unreachable": Mark("bad", "plug-connected-x", "Engine not reachable"),
}

_CONTAINERS = {
    "running": Mark("good", "circle-check", "Running"),
    "created": Mark("quiet", "circle-dashed", "Created"),
    "restarting": Mark("warning", "refresh", "Restarting"),
    "paused": Mark("quiet", "player-pause", "Paused"),
    "removing": Mark("quiet", "trash", "Going away"),
    "stopped": Mark("quiet", "player-stop", "Stopped"),
    "dead": Mark("bad", "circle-x", "Dead"),
    "absent": Mark("quiet", "circle-dashed", "No container"),
    "missing": Mark("quiet", "circle-dashed", "No container"),
}

_STEPS = {
    "waiting": Mark("quiet", "circle-dashed", "Not begun:"),
    "running": Mark("busy", "loader-2", "Running:", "icon-spin"),
    "done": Mark("good", "circle-check", "Done:"),
    "failed": Mark("bad", "circle-x", "Failed:"),
    "cancelled": Mark("quiet", "ban", "Cancelled here:"),
    "left out": Mark("quiet", "circle-dashed", "Not reached:"),
}

_CHANGES = {
    "create": Mark("good", "plus", "Create"),
    "recreate": Mark("warning", "refresh", "Recreate"),
    "scale": Mark("busy", "adjustments", "Scale"),
    "start": Mark("busy", "player-play", "Start"),
    "keep": Mark("quiet", "check", "Keep"),
    "remove": Mark("bad", "trash", "Remove"),
    "stays unused": Mark("quiet", "circle-dashed", "Stays, unused"),
    "missing": Mark("bad", "circle-x", "Missing"),
    "pull": Mark("busy", "download", "Pull"),
    "check": Mark("quiet", "download", "Pull if newer"),
    "here": Mark("quiet", "check", "Use as it is"),
    "build": Mark("busy", "stack-2", "Build"),
}

ACTION_ICONS: dict[str, str] = {
    Action.DEPLOY: "rocket",
    Action.ROLLBACK: "arrow-back-up",
    Action.STOP: "player-stop",
    Action.START: "player-play",
    Action.RESTART: "refresh",
    Action.PULL: "download",
    Action.SCALE: "adjustments",
    Action.REMOVE: "trash",
    Action.ADOPT: "stack-2",
    Action.PRUNE: "filter",
}

MESSAGE_MARKS = {
    "info": Mark("info", "info-circle", "Note"),
    "success": Mark("success", "circle-check", "Done"),
    "warning": Mark("warning", "alert-triangle", "Warning"),
    "error": Mark("danger", "circle-x", "Error"),
}


def _unknown(word: str) -> Mark:
    return Mark("quiet", "help-circle", word.capitalize() or "Unknown")


def event_mark(status: str) -> Mark:
    """Return the mark of an event's status."""
    return _EVENTS[Status(status)]


def app_mark(state: str) -> Mark:
    """Return the mark of an app's state as the engine tells it."""
    return _APPS.get(state) or _unknown(state)


def group_marks() -> dict[str, Mark]:
    """Return the marks of what states of apps are counted as."""
    return {
        "running": Mark("good", "circle-check", _("Running")),
        "troubled": Mark("warning", "alert-triangle", _("Troubled")),
        "stopped": Mark("quiet", "player-stop", _("Stopped")),
        "deploying": Mark("busy", "loader-2", _("Deploying")),
    }


def service_mark(state: str, health: str = "", exit_code: int | None = None) -> Mark:
    """Return the mark of a container from its state, its health and its exit code."""
    if state == "running" and health == "starting":
        return Mark("busy", "loader-2", "Running, not healthy yet", "icon-spin")
    if state == "running" and health == "unhealthy":
        return Mark("bad", "alert-triangle", "Running, unhealthy")
    if state == "running" and health == "healthy":
        return Mark("good", "circle-check", "Running, healthy")
    if state == "exited":
        if exit_code == 0:
            return Mark("quiet", "checks", "Ended, exit code 0")
        return Mark("bad", "circle-x", "Ended" if exit_code is None else f"Ended, exit code {exit_code}")
    return _CONTAINERS.get(state) or _unknown(state)


def verdict_mark(verdict: str, state: str, health: str = "", exit_code: int | None = None) -> Mark:
    """Return the mark of a service in an event: how it was judged, where its state does not say that."""
    if verdict == Verdict.COMPLETED:
        return Mark("good", "checks", "Completed")
    if verdict == Verdict.UNSTABLE and state == "running" and health != "unhealthy":
        return Mark("warning", "alert-triangle", "Running, not stable")
    return service_mark(state, health, exit_code)


def change_mark(change: str) -> Mark:
    """Return the mark of what a plan says of a service, network, volume or image."""
    return _CHANGES.get(change) or _unknown(change)


def step_mark(state: str) -> Mark:
    """Return the mark of one step of an event (the states of `timeline.TimelineStep`)."""
    return _STEPS[state]
