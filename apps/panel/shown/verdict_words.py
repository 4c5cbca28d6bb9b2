"""How an event stands or ended, in one plain sentence: what its page says first."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext

from apps.deployer.prune.inventory import shown_size
from apps.deployer.verdict.verdict import Verdict
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from apps.panel.shown.timeline import step_label

# Without a verdict nothing was asked of a service, or it was judged before verdicts were recorded.
_NOT_BAD = frozenset({Verdict.RUNNING, Verdict.COMPLETED, Verdict.UNJUDGED})
_NAMED = 5  # services that the sentence names


def failing_services(event: DeployEvent) -> list[Mapping[str, Any]]:
    """Return the services of an event that ended badly which are not as its file asks."""
    if event.status not in (Status.UNSTABLE, Status.FAILED):
        return []
    return [service for service in event.services if service.get("verdict", "") not in _NOT_BAD]


def headline(event: DeployEvent) -> str:
    """Return the sentence about `event`; empty where its status says all."""
    if event.status == Status.QUEUED:
        return "" if event.awaits_approval else gettext("It waits for its turn; nothing was changed yet.")
    if event.status == Status.RUNNING:
        return gettext("Now: %(step)s.") % {"step": step_label(event.step)} if event.step else ""
    if event.status == Status.SUCCEEDED:
        return _success(event)
    bad = list(dict.fromkeys(service["service"] for service in failing_services(event)))
    if bad:
        names = ", ".join(bad[:_NAMED]) + (" …" if len(bad) > _NAMED else "")
        sentence = ngettext(
            "%(count)s service does not run as it should: %(names)s.",
            "%(count)s services do not run as they should: %(names)s.",
            len(bad),
        )
        return sentence % {"count": len(bad), "names": names}
    if not event.step or not event.started_at:
        return gettext("It never began; nothing was changed.")
    return gettext("It ended in this step: %(step)s.") % {"step": step_label(event.step)}


def _success(event: DeployEvent) -> str:
    if event.action in (Action.DEPLOY, Action.ROLLBACK, Action.ADOPT) and event.version:
        count = len({service["service"] for service in event.services})
        sentence = ngettext(
            "Version %(number)s runs: its %(count)s service is as its file asks.",
            "Version %(number)s runs: its %(count)s services are as its file asks.",
            count,
        )
        return sentence % {"number": event.version.number, "count": count}
    if event.action == Action.REMOVE:
        if event.arguments.get("volumes"):
            return gettext("The app is gone, and its volumes with all data in them.")
        return gettext("The app is gone; its volumes are kept.")
    if event.action == Action.PRUNE:
        freed = event.plan.get("freed")
        return gettext("What nothing needs is gone: %(size)s are free again.") % {"size": shown_size(freed)}
    return {
        Action.STOP: gettext("The containers are stopped; they and their data are kept."),
        Action.START: gettext("The containers run."),
        Action.RESTART: gettext("The containers were restarted and run."),
        Action.PULL: gettext("The images are pulled; the containers still run the ones they had."),
        Action.SCALE: gettext("The number of containers is as it was asked for."),
    }.get(Action(event.action), "")
