"""Ports of this machine that nobody holds, to propose for a new app."""

from collections.abc import Iterable

from apps.deployer.engine_errors import EngineProblem
from apps.deployer.plan.observed import list_existing
from apps.deployer.plan.ports import listening
from apps.deployer.runner import default_runner

# How far above the wanted one another is looked for.
_FAR = 200


def free_ports(wanted: Iterable[int]) -> list[int]:
    """Return for each of `wanted` itself, or the next number above that nobody holds and none before has.

    What stopped containers would take counts as held. Where the engine does not answer, only programs of
    this machine count: this is a proposal, and a plan tells what really collides.
    """
    held = {holder.port.first for holder in listening()}
    try:
        containers = list_existing(default_runner())
    except EngineProblem:
        containers = []
    held.update(number for one in containers for port in one.ports for number in port.numbers())
    found: list[int] = []
    for first in wanted:
        last = min(first + _FAR, 65535)
        found.append(next((n for n in range(first, last + 1) if n not in held), first))
        held.add(found[-1])
    return found
