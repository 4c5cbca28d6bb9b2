"""The steps that only an adoption has, and the way back from each of them.

From the stop of the old containers on, `arguments["old"]` of the event holds which they were, what ran,
under which names and restart policies: whatever happens then, `give_back` finds what it needs there, in
another process too.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from apps.applications.models import App
from apps.core.database import patient
from apps.deployer import compose
from apps.deployer.adopt import old_containers
from apps.deployer.adopt.old_containers import network_users, networks_of
from apps.deployer.app_folder import AppFolder, FolderProblem
from apps.deployer.compose import Project
from apps.deployer.containers import Container, list_containers
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.host_policy import require_allowed
from apps.deployer.run import Run, StepFailed
from apps.deployer.runner.interface import CancelToken, CommandRunner, collect
from apps.deployments import claims
from apps.deployments.models import DeployEvent

logger = logging.getLogger(__name__)

# When an adoption ends in these steps, what it took over is given back.
GIVES_BACK = frozenset({"hand_over", "up", "verify"})

_RUNS = frozenset({"running", "restarting", "paused"})
_CANNOT_RESTART = frozenset({"removing", "dead"})
_TIMEOUT = 180.0  # seconds for one command on the way back
# Seconds that an engine which is away is waited for, and between two attempts.
_PATIENCE, _PATIENCE_AT_THE_END, _PAUSE = 60.0, 10.0, 1.0


def write(run: Run) -> None:
    """Put the Compose file and the environment into the app's folder; what happens was planned already."""
    assert run.content is not None
    run.folder.write(run.content)


def pull(run: Run) -> None:
    """Pull the images that are not on the engine; those that ran so far are used as they are."""
    run.command(compose.pull_missing(run.project))
    patient(require_allowed)(run)


def hand_over(run: Run) -> None:
    """Stop the old containers and free the names that the new ones claim."""
    arguments = run.event.arguments
    found = list_containers(run.runner, arguments["project"], run.cancel)
    if sorted(c.id for c in found) != sorted(arguments["containers"]):
        raise StepFailed(
            f"The containers of {arguments['project']} are others than when the plan was shown. "
            "Look at the new plan, and take it over again if you agree."
        )
    if list_containers(run.runner, run.project.name, run.cancel):
        # The way back takes away whatever is there by the app's name.
        raise StepFailed(f"There are containers of {run.project.name} already, which are none of the app's.")
    claimed = set(arguments["names"])
    old: list[dict[str, Any]] = [
        {
            "id": c.id,
            "name": c.name,
            "ran": c.state in _RUNS,
            "aside": f"{c.name}-{c.id[:12]}" if c.name in claimed else "",
            "restart": _restarts(c),
        }
        for c in found
    ]
    claims.advance(run.event, arguments={**arguments, "old": old})
    # An engine that restarts starts what restarts "always", though it was stopped: beside the new ones.
    if restarting := [one["id"] for one in old if one["restart"]]:
        run.command(old_containers.set_restart("no", restarting), cwd=Path("/"))
    running = [one["id"] for one in old if one["ran"]]
    if running:
        run.command(old_containers.stop(running), cwd=Path("/"))
    for one in old:
        if one["aside"]:
            run.command(old_containers.rename(one["id"], one["aside"]), cwd=Path("/"))


def _restarts(container: Container) -> str:
    """Return its restart policy in the words of `docker update`; "" where it never restarts."""
    if container.restart_policy == "no" or container.state in _CANNOT_RESTART:
        return ""
    tries = f":{container.restart_tries}" if container.restart_tries else ""
    return container.restart_policy + tries


def retire(run: Run) -> None:
    """Remove the old containers, and the networks that nothing uses any more; never a volume."""
    left = clear_away(run.event, run.runner, run.log.say)
    if left:
        raise StepFailed(f"The app runs. Of the old containers these are left: {', '.join(left)}.")


def clear_away(
    event: DeployEvent, runner: CommandRunner, say: Callable[[str], object], cancel: CancelToken | None = None
) -> list[str]:
    """Remove what `retire` does, as far as it is still there; return the names of containers that stay.

    Raises EngineUnreachable, on `cancel` too.
    """
    project = event.arguments["project"]
    ids = {one["id"] for one in event.arguments["old"]}

    def standing() -> dict[str, str]:
        return {c.id: c.name for c in list_containers(runner, project, cancel) if c.id in ids}

    act = partial(collect, runner, cwd=Path("/"), timeout=_TIMEOUT, cancel=cancel)
    if there := standing():
        act(old_containers.remove(sorted(there)))
    users = network_users(runner, cancel)
    for network in networks_of(runner, project, cancel):
        if network in users:
            say(f"The network {network} stays: {', '.join(sorted(users[network].values()))} is in it")
            continue
        answer = act(old_containers.remove_network(network))
        say(f"Network {network} removed" if answer.ok else f"The network {network} could not be removed")
    return sorted(standing().values())


def give_back(event: DeployEvent, runner: CommandRunner, cancel: CancelToken | None = None) -> str:
    """Take away what the adoption `event` has made, and start what ran before; return a sentence on it.

    Each part is without effect where it is done already, so that it can be repeated after a crash.
    Raises EngineProblem where the engine does not answer, on `cancel` too.
    """
    assert event.app is not None
    project, folder = event.arguments["project"], AppFolder(event.slug)
    old: list[dict[str, Any]] = event.arguments.get("old", [])
    wrong = []
    if old:
        app_project = Project(event.app.project, folder.path)
        answer = collect(runner, compose.down(app_project), cwd=Path("/"), timeout=_TIMEOUT, cancel=cancel)
        new: list[str] = []
        if not answer.ok:
            wrong.append(f"the new containers of {event.app.project} could not be removed")
            found = list_containers(runner, event.app.project, cancel)
            new = [c.name for c in found if c.state in _RUNS]
        if new:
            wrong.append(f"the old ones are not started while these run: {', '.join(new)}")
        wrong += _old_ones_back(project, old, runner, cancel, start=not new)
    patient(App.objects.filter(pk=event.app.pk).update)(current_version=None)
    try:
        folder.remove()
    except FolderProblem as problem:
        wrong.append(str(problem).rstrip("."))
    if wrong:
        return f"{project} could not be given back as a whole: {'; '.join(wrong)}."
    if not old:
        return f"Nothing was changed: {project} runs as before."
    ran = sum(one["ran"] for one in old)
    return f"{project} was given back: {ran} of its {len(old)} containers run again, as before."


def _old_ones_back(
    project: str,
    old: Iterable[dict[str, Any]],
    runner: CommandRunner,
    cancel: CancelToken | None,
    *,
    start: bool,
) -> list[str]:
    """Rename the old containers back and, with `start`, let them restart and run as before.

    Returns what went wrong.
    """
    act = partial(collect, runner, cwd=Path("/"), timeout=_TIMEOUT, cancel=cancel)
    there = {c.id: c for c in list_containers(runner, project, cancel)}
    for one in old:
        if one["id"] in there and there[one["id"]].name != one["name"]:
            act(old_containers.rename(one["id"], one["name"]))
    for one in old:
        # What was handed over by a panel that left the policies alone has none.
        if start and one["id"] in there and one.get("restart"):
            act(old_containers.set_restart(one["restart"], [one["id"]]))
    found = list_containers(runner, project, cancel)
    stand = {c.id for c in found if c.state not in _RUNS}
    to_start = [one["id"] for one in old if one["ran"] and one["id"] in stand]
    # Twice: a container that shares the network of another starts only after that one.
    for _attempt in range(2 if start else 0):
        to_start = [id for id in to_start if not act(old_containers.start([id])).ok]
    after = {c.id: c for c in list_containers(runner, project, cancel)}
    return list(_faults(old, after, to_start))


def _faults(
    old: Iterable[dict[str, Any]], after: dict[str, Container], not_started: Collection[str]
) -> Iterable[str]:
    for one in old:
        container = after.get(one["id"])
        if container is None:
            yield f"{one['name']} is gone"
            continue
        if one.get("restart", "") not in ("", _restarts(container)):
            yield f"{one['name']} does not restart by itself ({_restart_by_hand(one)})"
        if container.name != one["name"]:
            yield f"{container.name} could not be called {one['name']} again"
        elif one["id"] in not_started or (
            one["ran"] and container.state not in _RUNS and not container.ended_well
        ):
            yield f"{one['name']} does not run (docker start {one['name']})"


def _restart_by_hand(one: dict[str, Any]) -> str:
    return f"docker update --restart={one['restart']} {one['name']}"


def given_back(event: DeployEvent, runner: CommandRunner, stopping: CancelToken) -> str:
    """Give back as `give_back` does, with patience for an engine that is away for a while.

    Where it stays away, or the panel is `stopping`, the sentence says how to do it by hand.
    """
    deadline = time.monotonic() + (_PATIENCE_AT_THE_END if stopping.cancelled else _PATIENCE)
    while True:
        try:
            return give_back(event, runner)
        except EngineProblem as problem:
            if time.monotonic() < deadline:
                time.sleep(_PAUSE)
                continue
            old = event.arguments.get("old", [])
            by_hand = [_restart_by_hand(one) for one in old if one.get("restart")]
            by_hand.append(" ".join(["docker start", *(one["name"] for one in old if one["ran"])]))
            return (
                f"{event.arguments['project']} could not be given back. {problem} Once it does, take the "
                f"new containers of {event.slug} away and run: {' && '.join(by_hand)}"
            )


def after_crash(event: DeployEvent, runner: CommandRunner, cancel: CancelToken) -> str:
    """Finish what a dead worker left of the adoption `event` from *hand_over* on; return a sentence on it.

    Until the new containers had stood well, the old ones come back; after that, they go.
    Raises EngineProblem where the engine does not answer, on `cancel` too.
    """
    if event.step in GIVES_BACK:
        return give_back(event, runner, cancel)
    left = clear_away(event, runner, logger.info, cancel)
    gone = f"still there: {', '.join(left)}" if left else "gone"
    return f"{event.slug} runs; the old containers of {event.arguments['project']} are {gone}."
