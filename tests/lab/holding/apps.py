import functools
import os
import time

from django.apps import AppConfig


class HoldingConfig(AppConfig):
    """Let the step that LAB_HOLD_STEP names do its work and then stay in it."""

    name = "tests.lab.holding"

    def ready(self) -> None:
        from apps.deployer import steps

        held = os.environ.get("LAB_HOLD_STEP", "")
        for action, own in steps.STEPS.items():
            steps.STEPS[action] = tuple(_holding(step) if step.__name__ == held else step for step in own)


def _holding(step):  # type: ignore[no-untyped-def]
    @functools.wraps(step)
    def held(run: object) -> None:
        step(run)
        time.sleep(600)

    return held
