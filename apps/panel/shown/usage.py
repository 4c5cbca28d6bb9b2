"""The frames of `/ws/apps/<slug>/stats/`: what the services of an app use."""

import json
from collections import defaultdict
from typing import Any

from apps.deployer.state.app_state import AppState, ServiceState
from apps.deployer.state.readings import Reading, Round
from apps.deployer.state.states import app_states
from apps.deployer.state.usage import running_usage

# Of more services than these a frame tells only what they use together.
MAX_SERVICES = 500
# Apps whose frames are kept for their other viewers.
_KEPT = 200

_frames: dict[str, tuple[AppState, Round | None, str]] = {}


def usage_frame(slug: str) -> str:
    """Return the frame about the app `slug` as it is now; made once for all its viewers."""
    stream = running_usage()
    state, measured = app_states([slug])[slug], stream.last if stream else None
    kept = _frames.get(slug)
    if kept is not None and kept[0] is state and kept[1] is measured:
        return kept[2]
    frame = json.dumps({"type": "usage", **usage(state, measured)}, separators=(",", ":"))
    if len(_frames) >= _KEPT:
        _frames.clear()
    _frames[slug] = state, measured, frame
    return frame


def usage(state: AppState, measured: Round | None) -> dict[str, Any]:
    """Return what an app with this `state` uses, service by service and together.

    `key` tells whether a page shows the same containers. `services` and `total` are None where nothing is
    measured: there is no round, or none that has any of what runs (yet, or from an engine that stalls).
    """
    known: defaultdict[str, list[tuple[ServiceState, Reading]]] = defaultdict(list)
    # One that is between two runs is told to use nothing.
    running = [container for container in state.services if container.state == "running"]
    for container in running:
        if measured and (reading := measured.by_id.get(container.id)) is not None:
            known[container.service].append((container, reading))
    if measured is None or (running and not known):
        return {"key": state.services_key, "services": None, "total": None}
    names = sorted(known)[:MAX_SERVICES]
    everything = [one for found in known.values() for one in found]
    return {
        "key": state.services_key,
        "services": {name: _sum(known[name], measured) for name in names},
        "total": _sum(everything, measured) if everything else None,
    }


def _sum(found: list[tuple[ServiceState, Reading]], measured: Round) -> dict[str, Any]:
    """Return what containers use together: percent of one processor, and bytes.

    A limit of theirs is told where each of them has one (`…_limit`); else what the machine has (`…_of`).
    """
    memory_limits = [container.memory_limit for container, _ in found]
    cpu_limits = [container.cpu_limit for container, _ in found]
    return {
        # Less would make another frame each second of what stands still.
        "cpu": round(sum(reading.cpu for _, reading in found), 1),
        "cpu_limit": round(sum(cpu_limits) * 100, 1) if all(cpu_limits) else None,
        "cpu_of": measured.processors * 100,
        "memory": sum(reading.memory for _, reading in found),
        "memory_limit": sum(memory_limits) if all(memory_limits) else None,
        "memory_of": measured.memory,
    }
