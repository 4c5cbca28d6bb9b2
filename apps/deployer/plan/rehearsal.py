"""Compose's own word on what `up` would do: `--dry-run`, read line by line."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.deployer import compose
from apps.deployer.compose import Project
from apps.deployer.plan.desired import active_services
from apps.deployer.refusals import warnings_in
from apps.deployer.runner.interface import CancelToken, CommandRunner, Outcome, collect
from apps.deployer.verdict.verdict import expectations

_TIMEOUT = 30.0
_MOST_CONTAINERS = 1000
_LINE = re.compile(
    r'DRY-RUN MODE -[ \t]+(?P<kind>Container|Network|Volume)[ \t]+"?(?P<name>[^\s"]+)"?'
    r"[ \t]+(?P<word>\w+)[ \t]*$",
    re.MULTILINE,
)
_ERROR = re.compile(r"^(?!.*DRY-RUN MODE|time=)(?P<words>\S.*)$", re.MULTILINE)
# What each word of the progress means; "Created" is also said of a container that exists and stands still.
_CONTAINER = {
    "Creating": "create",
    "Recreate": "recreate",
    "Recreated": "recreate",
    "Running": "keep",
    "Created": "start",
    "Restart": "start",
    "Stopping": "remove",
    "Removing": "remove",
    "Removed": "remove",
}


@dataclass(frozen=True)
class Rehearsal:
    """What the dry run said: an action for each container by name, what it would create, or why not."""

    containers: dict[str, str] = field(default_factory=dict)
    created: frozenset[str] = frozenset()  # networks and volumes
    failure: str = ""
    warnings: tuple[str, ...] = ()


def rehearse(
    runner: CommandRunner,
    project: Project,
    model: dict[str, Any],
    idle: Iterable[str],
    cancel: CancelToken | None = None,
) -> Rehearsal | None:
    """Return what `up` would do with the resolved `model`; None where Compose cannot rehearse it.

    `idle` are the services of profiles that are not active: Compose leaves their containers alone where
    it knows of them. The images must be on the engine, else the rehearsal would ask registries.
    """
    if not can_be_rehearsed(model):
        return None
    services = active_services(model)
    for name in idle:
        services[name] = {"image": "scratch", "profiles": ["not-active"]}
    stdin = json.dumps({**model, "services": services}).encode()
    answer = collect(
        runner, compose.rehearse(project), cwd=Path("/"), stdin=stdin, cancel=cancel, timeout=_TIMEOUT
    )
    if answer.outcome is not Outcome.EXITED:
        return None
    return read(answer.stdout + answer.stderr, answer.exit_code)


def can_be_rehearsed(model: dict[str, Any]) -> bool:
    """Tell whether a dry run gets to its end, and soon.

    It stops at a config or secret whose content it would copy, and plays each of a million containers.
    """
    if sum(one.replicas for one in expectations(model)) > _MOST_CONTAINERS:
        return False
    sources = [*(model.get("configs") or {}).values(), *(model.get("secrets") or {}).values()]
    return not any("content" in source or "environment" in source for source in sources)


def read(output: str, exit_code: int) -> Rehearsal:
    """Return what the `output` of a dry run says."""
    containers: dict[str, str] = {}
    created = set()
    for match in _LINE.finditer(output):
        name, word = match["name"], match["word"]
        if match["kind"] != "Container":
            if word in ("Creating", "Created"):
                created.add(name)
        elif word in _CONTAINER:
            containers.setdefault(name, _CONTAINER[word])
    failure = ""
    if exit_code:
        words = [match["words"].strip() for match in _ERROR.finditer(output)]
        failure = words[-1] if words else f"exit code {exit_code}"
    return Rehearsal(containers, frozenset(created), failure, tuple(warnings_in(output)))
