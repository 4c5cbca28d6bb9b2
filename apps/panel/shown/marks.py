"""How states look: an icon, a word and a kind of colour for each."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from apps.deployer.verdict.verdict import Verdict
from apps.deployments.states import Action, Status


@dataclass(frozen=True)
class Mark:
    """Kinds are the classes of panel.css: good, warning, bad, busy, quiet."""

    kind: str
    icon: str
    word: Any  # of str, or that in the reader's language
    css: str = ""


_EVENTS = {
    Status.QUEUED: Mark("busy", "clock", gettext_lazy("Queued")),
    Status.RUNNING: Mark("busy", "loader-2", gettext_lazy("Running"), "icon-spin"),
    Status.SUCCEEDED: Mark("good", "circle-check", gettext_lazy("Succeeded")),
    Status.UNSTABLE: Mark("warning", "alert-triangle", gettext_lazy("Unstable")),
    Status.FAILED: Mark("bad", "circle-x", gettext_lazy("Failed")),
    Status.CANCELLED: Mark("quiet", "ban", gettext_lazy("Cancelled")),
    Status.INTERRUPTED: Mark("bad", "plug-connected-x", gettext_lazy("Interrupted")),
}

_APPS = {
    "up": Mark("good", "circle-check", gettext_lazy("Up")),
    "degraded": Mark("warning", "alert-triangle", gettext_lazy("Degraded")),
    "completed": Mark("good", "checks", gettext_lazy("Completed")),
    "stopped": Mark("quiet", "player-stop", gettext_lazy("Stopped")),
    "partial": Mark("quiet", "player-stop", gettext_lazy("Partly stopped")),
    "drifted": Mark("warning", "git-compare", gettext_lazy("Drifted")),
    "deploying": Mark("busy", "loader-2", gettext_lazy("Deploying"), "icon-spin"),
    "absent": Mark("quiet", "circle-dashed", gettext_lazy("Not running")),
    "unreachable": Mark("bad", "plug-connected-x", gettext_lazy("Engine not reachable")),
}

_CONTAINERS = {
    "running": Mark("good", "circle-check", gettext_lazy("Running")),
    "created": Mark("quiet", "circle-dashed", gettext_lazy("Created")),
    "restarting": Mark("warning", "refresh", gettext_lazy("Restarting")),
    "paused": Mark("quiet", "player-pause", gettext_lazy("Paused")),
    "removing": Mark("quiet", "trash", gettext_lazy("Going away")),
    "stopped": Mark("quiet", "player-stop", gettext_lazy("Stopped")),
    "dead": Mark("bad", "circle-x", gettext_lazy("Dead")),
    "absent": Mark("quiet", "circle-dashed", gettext_lazy("No container")),
    "missing": Mark("quiet", "circle-dashed", gettext_lazy("No container")),
}

_STEPS = {
    "waiting": Mark("quiet", "circle-dashed", gettext_lazy("Not begun:")),
    "running": Mark("busy", "loader-2", gettext_lazy("Running:"), "icon-spin"),
    "done": Mark("good", "circle-check", gettext_lazy("Done:")),
    "failed": Mark("bad", "circle-x", gettext_lazy("Failed:")),
    "cancelled": Mark("quiet", "ban", gettext_lazy("Cancelled here:")),
    "left out": Mark("quiet", "circle-dashed", gettext_lazy("Not reached:")),
}

_CHANGES = {
    "create": Mark("good", "plus", gettext_lazy("Create")),
    "recreate": Mark("warning", "refresh", gettext_lazy("Recreate")),
    "scale": Mark("busy", "adjustments", gettext_lazy("Scale")),
    "start": Mark("busy", "player-play", gettext_lazy("Start")),
    "keep": Mark("quiet", "check", gettext_lazy("Keep")),
    "remove": Mark("bad", "trash", gettext_lazy("Remove")),
    "stays unused": Mark("quiet", "circle-dashed", gettext_lazy("Stays, unused")),
    "missing": Mark("bad", "circle-x", gettext_lazy("Missing")),
    "pull": Mark("busy", "download", gettext_lazy("Pull")),
    "check": Mark("quiet", "download", gettext_lazy("Pull if newer")),
    "here": Mark("quiet", "check", gettext_lazy("Use as it is")),
    "build": Mark("busy", "stack-2", gettext_lazy("Build")),
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
    "info": Mark("info", "info-circle", gettext_lazy("Note")),
    "success": Mark("success", "circle-check", gettext_lazy("Done")),
    "warning": Mark("warning", "alert-triangle", gettext_lazy("Warning")),
    "error": Mark("danger", "circle-x", gettext_lazy("Error")),
}


def _unknown(word: str) -> Mark:
    return Mark("quiet", "help-circle", word.capitalize() or gettext("Unknown"))


def event_mark(status: str) -> Mark:
    """Return the mark of an event's status."""
    return _EVENTS[Status(status)]


def app_mark(state: str) -> Mark:
    """Return the mark of an app's state as the engine tells it."""
    return _APPS.get(state) or _unknown(state)


def group_marks() -> dict[str, Mark]:
    """Return the marks of what states of apps are counted as."""
    return {
        "running": Mark("good", "circle-check", gettext("Running")),
        "troubled": Mark("warning", "alert-triangle", gettext("Troubled")),
        "stopped": Mark("quiet", "player-stop", gettext("Stopped")),
        "deploying": Mark("busy", "loader-2", gettext("Deploying")),
    }


def service_mark(state: str, health: str = "", exit_code: int | None = None) -> Mark:
    """Return the mark of a container from its state, its health and its exit code."""
    if state == "running" and health == "starting":
        return Mark("busy", "loader-2", gettext_lazy("Running, not healthy yet"), "icon-spin")
    if state == "running" and health == "unhealthy":
        return Mark("bad", "alert-triangle", gettext_lazy("Running, unhealthy"))
    if state == "running" and health == "healthy":
        return Mark("good", "circle-check", gettext_lazy("Running, healthy"))
    if state == "exited":
        if exit_code == 0:
            return Mark("quiet", "checks", gettext_lazy("Ended, exit code 0"))
        return Mark(
            "bad",
            "circle-x",
            gettext("Ended")
            if exit_code is None
            else gettext("Ended, exit code %(code)s") % {"code": exit_code},
        )
    return _CONTAINERS.get(state) or _unknown(state)


def verdict_mark(verdict: str, state: str, health: str = "", exit_code: int | None = None) -> Mark:
    """Return the mark of a service in an event: how it was judged, where its state does not say that."""
    if verdict == Verdict.COMPLETED:
        return Mark("good", "checks", gettext_lazy("Completed"))
    if verdict == Verdict.UNSTABLE and state == "running" and health != "unhealthy":
        return Mark("warning", "alert-triangle", gettext_lazy("Running, not stable"))
    return service_mark(state, health, exit_code)


def change_mark(change: str) -> Mark:
    """Return the mark of what a plan says of a service, network, volume or image."""
    return _CHANGES.get(change) or _unknown(change)


def step_mark(state: str) -> Mark:
    """Return the mark of one step of an event (the states of `timeline.TimelineStep`)."""
    return _STEPS[state]
