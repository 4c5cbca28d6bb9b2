"""The steps of an event as its page shows them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from django.utils.translation import gettext_lazy as _

from apps.deployer.steps import steps_of
from apps.deployments.models import DeployEvent
from apps.deployments.states import APPROVAL_STEP, Approval, Status

_LAST = 9  # events that tell what is usual

# What a step does, for people; the names are the ones that events record.
_LABELS = {
    APPROVAL_STEP: _("Wait for approval"),
    "compare": _("Compare with what was approved"),
    "version": _("Check the version"),
    "write": _("Write the files"),
    "credentials": _("Prepare registry credentials"),
    "pull": _("Pull the images"),
    "up": _("Start the containers"),
    "verify": _("Verify the services"),
    "record": _("Record the outcome"),
    "stop": _("Stop the containers"),
    "start": _("Start the containers"),
    "restart": _("Restart the containers"),
    "scale": _("Change the number of containers"),
    "hand_over": _("Stop the old containers"),
    "retire": _("Remove the old containers"),
    "down": _("Remove containers and network"),
    "wait": _("Wait until nothing else runs"),
    "look": _("See what nothing needs now"),
    "prune": _("Remove it"),
    "measure": _("Measure what was freed"),
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
    usual: timedelta | None = None


@dataclass(frozen=True)
class Usual:
    """How long an event of this kind usually takes: the median of the last ones that succeeded."""

    whole: timedelta | None = None
    steps: dict[str, timedelta] = field(default_factory=dict)


def step_label(name: str) -> str:
    """Say what the step `name` does."""
    return str(_LABELS.get(name, name.replace("_", " ").capitalize()))


def timeline(event: DeployEvent, usual: Usual) -> list[TimelineStep]:
    """Return the steps of `event` in their order, each with what it usually takes."""
    walked = {step["name"]: step for step in event.steps}
    names = [step.__name__ for step in steps_of(event)]
    if event.approval not in (Approval.NONE, Approval.OVERRIDDEN):
        names.insert(0, APPROVAL_STEP)
    return [
        _step(event, name, walked.get(name), usual.steps.get(name))
        for name in [*names, *(name for name in walked if name not in names)]
    ]


def _step(
    event: DeployEvent, name: str, recorded: dict[str, str | int | None] | None, usual: timedelta | None
) -> TimelineStep:
    label = step_label(name)
    if recorded is None:
        state = "left out" if event.is_terminal else "waiting"
        return TimelineStep(name, label, state, usual=usual)
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
        usual=usual,
    )


def usual_times(event: DeployEvent) -> Usual:
    """Return how long `event` and its steps usually take; nothing for one that has ended."""
    if event.is_terminal:
        return Usual()
    before = DeployEvent.objects.filter(
        app=event.app_id, action=event.action, status=Status.SUCCEEDED, pk__lt=event.pk
    ).order_by("-pk")
    lengths: defaultdict[str, list[timedelta]] = defaultdict(list)
    whole = []
    for steps, started_at, finished_at in before.values_list("steps", "started_at", "finished_at")[:_LAST]:
        if started_at and finished_at:
            whole.append(finished_at - started_at)
        for step in steps:
            started, finished = _moment(step.get("started_at")), _moment(step.get("finished_at"))
            if started and finished:
                lengths[step["name"]].append(finished - started)
    steps_usual = {name: _median(several) for name, several in lengths.items()}
    return Usual(_median(whole) if whole else None, steps_usual)


def _median(lengths: list[timedelta]) -> timedelta:
    return timedelta(seconds=median(length.total_seconds() for length in lengths))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
