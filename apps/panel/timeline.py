"""The steps of an event as its page shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.deployer.steps import steps_of
from apps.deployments.models import DeployEvent
from apps.deployments.states import APPROVAL_STEP, Approval, Status

# What a step does, for people; the names are the ones that events record.
_LABELS = {
    APPROVAL_STEP: "Wait for approval",
    "compare": "Compare with what was approved",
    "version": "Check the version",
    "write": "Write the files",
    "credentials": "Prepare registry credentials",
    "pull": "Pull the images",
    "up": "Start the containers",
    "verify": "Verify the services",
    "record": "Record the outcome",
    "stop": "Stop the containers",
    "start": "Start the containers",
    "restart": "Restart the containers",
    "scale": "Change the number of containers",
    "hand_over": "Stop the old containers",
    "retire": "Remove the old containers",
    "down": "Remove containers and network",
    "wait": "Wait until nothing else runs",
    "look": "See what nothing needs now",
    "prune": "Remove it",
    "measure": "Measure what was freed",
}


@dataclass(frozen=True)
class TimelineStep:
    """One step that an event went, goes or will go; `state` is waiting, running, done, failed or left out."""

    name: str
    label: str
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    last_time: timedelta | None = None


def step_label(name: str) -> str:
    """Return what the step `name` does, for people."""
    return _LABELS.get(name, name.capitalize())


def timeline(event: DeployEvent) -> list[TimelineStep]:
    """Return the steps of `event` in their order, each with what it took last time."""
    walked = {step["name"]: step for step in event.steps}
    before = _last_times(event)
    names = [step.__name__ for step in steps_of(event)]
    if event.approval not in (Approval.NONE, Approval.OVERRIDDEN):
        names.insert(0, APPROVAL_STEP)
    return [
        _step(event, name, walked.get(name), before.get(name))
        for name in [*names, *(name for name in walked if name not in names)]
    ]


def _step(
    event: DeployEvent, name: str, recorded: dict[str, str | int | None] | None, last_time: timedelta | None
) -> TimelineStep:
    label = step_label(name)
    if recorded is None:
        state = "left out" if event.is_terminal else "waiting"
        return TimelineStep(name, label, state, last_time=last_time)
    finished = _moment(recorded.get("finished_at"))
    exit_code = recorded.get("exit_code")
    ended_here = event.is_terminal and event.step == name and event.status != Status.SUCCEEDED
    if ended_here and event.status == Status.CANCELLED:
        state = "cancelled"
    elif ended_here or exit_code not in (0, None):
        state = "failed"
    elif finished is None:
        state = "running"
    else:
        state = "done"
    return TimelineStep(
        name,
        label,
        state,
        started_at=_moment(recorded.get("started_at")),
        finished_at=finished or (event.finished_at if event.is_terminal else None),
        exit_code=int(exit_code) if exit_code is not None else None,
        last_time=last_time,
    )


def _last_times(event: DeployEvent) -> dict[str, timedelta]:
    """Return how long each step took in the last success of the same action on the same app."""
    if event.is_terminal:
        return {}
    steps = (
        DeployEvent.objects.filter(
            app=event.app_id, action=event.action, status=Status.SUCCEEDED, pk__lt=event.pk
        )
        .order_by("-pk")
        .values_list("steps", flat=True)
        .first()
    )
    took = {}
    for step in steps or []:
        started, finished = _moment(step.get("started_at")), _moment(step.get("finished_at"))
        if started and finished:
            took[step["name"]] = finished - started
    return took


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
