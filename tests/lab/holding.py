"""A worker that stays in one step, so that a test can kill the panel just there."""

import functools
import time

from apps.deployer import steps
from apps.deployer.run import Run


def hold(name: str) -> None:
    """Let the step called `name`, of whatever action, do its work and then not end."""
    for action, own in steps.STEPS.items():
        steps.STEPS[action] = tuple(_holding(step) if step.__name__ == name else step for step in own)


def _holding(step: steps.Step) -> steps.Step:
    @functools.wraps(step)
    def held(run: Run) -> None:
        step(run)
        time.sleep(600)

    return held
