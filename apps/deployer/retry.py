"""Asking once more for what an event did not bring about: a new event from the same content."""

from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.applications.models import App, ComposeVersion
from apps.core.errors import Conflict
from apps.deployer import requests, rollback
from apps.deployer.plan.plan import Plan
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status

# Of these a plan says beforehand what they change.
PLANNED = frozenset({Action.DEPLOY, Action.ROLLBACK})
# The others are asked for on pages of their own, which say what would go or be taken over by now.
_REPEATABLE = PLANNED | requests.LIFECYCLE | {Action.SCALE}


class NotRepeatable(Conflict):
    """A retry of what cannot be asked for once more."""


class NoPlan(Conflict):
    """A plan of what is asked for at once."""


def can_be_retried(event: DeployEvent) -> bool:
    """Tell whether `event` ended without success and could be asked for again."""
    return (
        event.is_terminal
        and event.status != Status.SUCCEEDED
        and event.action in _REPEATABLE
        and event.app is not None
        and event.app.removed_at is None
        and (event.action not in PLANNED or event.version is not None)
    )


def plan_retry(event: DeployEvent, by: Actor) -> Plan:
    """Return what a retry of a deploy or rollback would do.

    Raises NotRepeatable, NoPlan and as a deploy does.
    """
    app = _app(event)
    if event.action == Action.ROLLBACK:
        return rollback.plan_rollback(app, _version(event).number, by, same_images=_same_images(event))
    if event.action != Action.DEPLOY:
        raise NoPlan(
            gettext("%(label)s has no plan: it does what it says. Nothing was changed.")
            % {"label": event.action_label}
        )
    return requests.plan_redeploy(app, _version(event), by)


def submit_retry(
    event: DeployEvent, by: Actor, *, planned: str = "", without_approval: str = ""
) -> DeployEvent:
    """Queue what `event` was, once more, and return the new event.

    `planned` and `without_approval` are as in `submit_deploy`. Raises NotRepeatable and as the first request
    did.
    """
    app = _app(event)
    match event.action:
        case Action.DEPLOY:
            return requests.submit_redeploy(
                app, _version(event), by, planned=planned, without_approval=without_approval
            )
        case Action.ROLLBACK:
            return rollback.submit_rollback(
                app,
                _version(event).number,
                by,
                same_images=_same_images(event),
                planned=planned,
                without_approval=without_approval,
            )
        case Action.SCALE:
            return requests.submit_scale(app, event.arguments["scale"], by, without_approval=without_approval)
    return requests.submit_lifecycle(app, Action(event.action), by, services=event.asked_services)


def last_good(event: DeployEvent) -> ComposeVersion | None:
    """Return the version that ran well before `event` left the app otherwise, and that it can go back to.

    None where nothing was changed, and where something else has changed the app since or will.
    """
    changing = (Action.DEPLOY, Action.ROLLBACK)
    is_bad = event.is_terminal and event.status != Status.SUCCEEDED and event.action in changing
    if not is_bad or event.app is None or event.app.removed_at:
        return None
    moved = DeployEvent.objects.that_moved()
    later = {"app": event.app, "action__in": changing, "pk__gt": event.pk}
    if not moved.filter(pk=event.pk).exists() or moved.filter(**later).exists():
        return None
    if DeployEvent.objects.coming().filter(**later).exists():
        return None
    earlier = DeployEvent.objects.that_ran_well().filter(app=event.app, pk__lt=event.pk)
    good = earlier.select_related("version").first()
    return good.version if good else None


def _app(event: DeployEvent) -> App:
    if not can_be_retried(event) or event.app is None:
        raise NotRepeatable(
            gettext(
                "Event %(number)s cannot be asked for again: it has not ended yet, it succeeded, its app is "
                "gone, or it is of a kind that has a page of its own. Nothing was changed."
            )
            % {"number": event.pk}
        )
    return event.app


def _version(event: DeployEvent) -> ComposeVersion:
    assert event.version is not None, f"event {event.pk} has no version"
    return event.version


def _same_images(event: DeployEvent) -> bool:
    return event.arguments.get("images") != rollback.SAME_FILE
