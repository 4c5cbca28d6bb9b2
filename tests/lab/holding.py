"""A worker that stays in one step, so that a test can kill the panel just there."""

import functools
import time

from apps.deployer import steps
from apps.deployer.run import Run


def hold(wanted: str) -> None:
    """Let steps, of whatever action, do their work and then not end.

    `wanted` has their names, apart by spaces; `app:step` is the step of the app with that slug alone.
    """
    for one in wanted.split():
        slug, _, name = one.rpartition(":")
        for action, own in steps.STEPS.items():
            steps.STEPS[action] = tuple(
                _holding(step, slug) if step.__name__ == name else step for step in own
            )


def _holding(step: steps.Step, slug: str) -> steps.Step:
    @functools.wraps(step)
    def held(run: Run) -> None:
        step(run)
        if slug in ("", run.event.slug):
            time.sleep(600)

    return held
