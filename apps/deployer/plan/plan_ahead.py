"""The plan that an event keeps: made beside the first steps of its deploy, told before *up*."""

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from apps.applications.content import Content
from apps.applications.host_rules.rules import HostRights
from apps.core.errors import DomainError
from apps.deployer.plan.bond import bond
from apps.deployer.plan.decision import Situation
from apps.deployer.plan.observed import list_images
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import build_plan, find_situation
from apps.deployer.runner.interface import CancelToken, CommandRunner

logger = logging.getLogger(__name__)


class PlanAhead:
    """Asks what a plan needs to know in a thread of its own, while the images are pulled.

    The keywords are as in `find_situation`. What goes wrong is logged: nobody's deploy fails
    because it could not be foretold.
    """

    def __init__(
        self,
        content: Content,
        slug: str,
        runner: CommandRunner,
        *,
        host_rules: HostRights,
        current: Content | None,
        current_rules: HostRights,
        pins: str = "",
        current_pins: str = "",
        cancel: CancelToken | None = None,
    ) -> None:
        self._content, self._slug, self._current, self._pins = content, slug, current, pins
        self._runner, self._cancel = runner, cancel
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"plan-{slug}")
        self._asking = self._pool.submit(
            find_situation,
            content,
            slug,
            runner,
            host_rules=host_rules,
            current=current,
            current_rules=current_rules,
            pins=pins,
            current_pins=current_pins,
            thorough=False,
            cancel=cancel,
        )

    def told(self) -> dict[str, Any]:
        """Return the plan for the event, by the images that are here now; empty where it cannot be told."""
        found = self._plan()
        return found[0].as_dict() if found else {}

    def bond(self, images: Collection[str]) -> tuple[str, str]:
        """Return the summary of the plan by the images that are here now, and what an approval is bound to.

        Of the images only `images` count. Both are empty where it cannot be told.
        """
        found = self._plan()
        return (found[0].summary, bond(*found, images)) if found else ("", "")

    def _plan(self) -> tuple[Plan, Situation] | None:
        try:
            situation = self._asking.result()
            observed = replace(situation.observed, images=list_images(self._runner, self._cancel))
            situation = replace(situation, observed=observed)
            plan = build_plan(situation, self._slug, self._content, self._current, self._pins)
        except DomainError as error:
            logger.warning("The deploy of %s could not be planned: %s", self._slug, error)
        except Exception:
            logger.exception("The deploy of %s could not be planned", self._slug)
        else:
            return plan, situation
        return None

    def close(self) -> None:
        """Wait for what is still being asked."""
        self._pool.shutdown()
