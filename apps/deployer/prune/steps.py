"""The steps of a prune: wait for the others, look again, remove, measure."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.deployer.prune import commands
from apps.deployer.prune.inventory import shown_size, take_inventory, used_bytes
from apps.deployer.prune.requests import find_prunable
from apps.deployer.prune.selection import Item, Kind
from apps.deployer.run import Run, RunCancelled, StepFailed
from apps.deployer.runner.interface import collect
from apps.deployments import claims
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status

_LOOK_EVERY = 0.2  # seconds between looks whether the others have ended

NOUNS = {
    Kind.CONTAINERS: "container",
    Kind.NETWORKS: "network",
    Kind.IMAGES: "image",
    Kind.BUILD_CACHE: "the",
}


def wait(run: Run) -> None:
    """Wait until nothing else runs; what was queued later waits for the end of this event."""
    if claims.begin_alone(run.event, look.__name__):
        return
    run.log.say("Waiting until nothing else runs")
    while not claims.begin_alone(run.event, look.__name__):
        if run.cancel.wait(_LOOK_EVERY):
            raise RunCancelled


def look(run: Run) -> None:
    """Find out what of the things that were asked for nothing needs now."""
    found = find_prunable(run.runner, run.cancel)
    asked: dict[Any, Any] = run.event.arguments
    run.prunable = found.narrowed(asked)
    spared = sum(len(asked.get(kind, ())) for kind in Kind if kind != Kind.BUILD_CACHE) - len(run.prunable)
    if spared:
        run.log.say(f"{spared} of what was chosen stays: it is gone, or something needs it by now")
    if Kind.BUILD_CACHE in asked:
        run.prunable += (Item(Kind.BUILD_CACHE, "", "build cache", "it is not in use", found.build_cache),)
    before = used_bytes(run.runner, run.cancel)
    # Whatever is recorded was not removed yet.
    plan = {"things": [{**item.as_dict(), "removed": False, "error": ""} for item in run.prunable]}
    claims.advance(run.event, plan={**plan, "before": before, "freed": None})


def prune(run: Run) -> None:
    """Remove the things one by one; what cannot be removed is told, and the others go on."""
    outcomes: list[dict[str, Any]] = run.event.plan["things"]
    try:
        for item, outcome in zip(run.prunable, outcomes, strict=True):
            outcome["error"] = run.redactor.redact(_remove(run, item))
            outcome["removed"] = not outcome["error"]
            said = outcome["error"] or f"removed, as {item.why}"
            run.log.say(f"{NOUNS[item.kind].capitalize()} {item.name}: {said}")
    finally:
        claims.advance(run.event, plan=run.event.plan)


def _remove(run: Run, item: Item) -> str:
    """Remove `item`; return why it is still there in the engine's words, an empty text where it is gone."""
    if run.cancel.cancelled:
        raise RunCancelled
    if item.kind == Kind.BUILD_CACHE:
        asked_at = datetime.fromisoformat(run.event.arguments[Kind.BUILD_CACHE])
        argv = commands.prune_build_cache(max(1, int((timezone.now() - asked_at).total_seconds())))
    else:
        argv = commands.remove(item)
    answer = collect(run.runner, argv, cancel=run.cancel, timeout=settings.SIMPLEDEPLOY_STEP_TIMEOUT)
    if answer.ok:
        return ""
    if run.cancel.cancelled:
        raise RunCancelled
    return " ".join(answer.stderr.split())[-300:] or f"the command ended with exit code {answer.exit_code}"


def measure(run: Run) -> None:
    """Find out what was freed. Raises StepFailed, status unstable, where something could not be removed."""
    plan: dict[str, Any] = dict(run.event.plan)
    failed = [outcome for outcome in plan["things"] if outcome["error"]]
    if failed:
        # Somebody else may have removed it at the same moment.
        there = take_inventory(run.runner, run.cancel)
        ids = {image.id for image in there.images}
        ids |= {container.id for container in there.containers} | {network.id for network in there.networks}
        for outcome in failed:
            if outcome["id"] and outcome["id"] not in ids:
                outcome |= {"removed": True, "error": ""}
        failed = [outcome for outcome in failed if outcome["error"]]
    after = used_bytes(run.runner, run.cancel)
    if plan["before"] is not None and after is not None:
        plan["freed"] = max(0, plan["before"] - after)
    claims.advance(run.event, plan=plan)
    run.log.say(f"Freed: {shown_size(plan['freed'])}")
    if failed:
        names = ", ".join(f"{NOUNS[Kind(one['kind'])]} {one['name']} ({one['error']})" for one in failed)
        raise StepFailed(f"Not removed: {names}.", status=Status.UNSTABLE)


def removed_so_far(event: DeployEvent) -> str:
    """Return a sentence about what the prune `event`, which did not succeed, has removed."""
    count = sum(1 for one in event.plan.get("things", ()) if one["removed"])
    if not count:
        return "Nothing was removed."
    return f"{count} thing{'s were' if count > 1 else ' was'} removed."
