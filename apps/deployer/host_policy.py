"""For whom an event runs: who asked for it is looked up again, and what they may ask of the host.

An automatic rollback is asked for by nobody. It restores what ran, so it may ask of the host what that was
allowed when it ran well, and no more: a folder that has become a link since is refused.
"""

from apps.accounts import policy
from apps.accounts.actor import COMMAND_LINE
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.applications.content import InvalidContent
from apps.applications.host_rules.allowances import host_rules_for
from apps.applications.host_rules.rules import EVERYTHING, NOTHING, HostRights
from apps.applications.models import App
from apps.core.errors import NotAllowed
from apps.deployer.check import check_content
from apps.deployer.run import Run
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action

_PERMISSIONS = {
    Action.REMOVE: Permission.REMOVE,
    Action.ADOPT: Permission.ADOPT,
    Action.PRUNE: Permission.PRUNE,
}


class NoLongerAllowed(NotAllowed):
    """An event of somebody who may no longer ask for it."""


def recorded_rules(event: DeployEvent) -> HostRights:
    """Return what the content of `event` was allowed to ask of the host."""
    if event.host_rules is None:
        # From before there was a policy: nobody was kept from anything.
        return EVERYTHING
    return HostRights(allowed=frozenset((rule, subject) for rule, subject in event.host_rules))


def rules_of_what_runs(app: App) -> HostRights:
    """Return what the version of `app` that runs was allowed to ask of the host."""
    shaping = DeployEvent.objects.that_shape().filter(app=app, version=app.current_version)
    event = shaping.exclude(action=Action.SCALE).first()
    return recorded_rules(event) if event else NOTHING


def require_still_allowed(event: DeployEvent) -> None:
    """Raise NoLongerAllowed where whoever asked for `event` may do so no longer."""
    if event.cause_id or _is_of_the_machine(event):
        return
    person = _person(event)
    if person is None or not person.is_active:
        raise NoLongerAllowed(
            f"The account of {event.requested_by}, who asked for this, is disabled or gone. "
            "Nothing was changed."
        )
    if not policy.allows(person, _permission(event), event.app):
        raise NoLongerAllowed(
            f"{event.requested_by}, who asked for this, may do it no longer. Nothing was changed."
        )


def require_allowed(run: Run) -> None:
    """Note what the event of `run` may ask of the host, and look whether its content asks for more.

    Raises NoLongerAllowed and InvalidContent, and what `check_content` raises.
    """
    require_still_allowed(run.event)
    run.host_rules = rules_of(run.event)
    if run.host_rules.is_everything:
        return
    assert run.content is not None, "what is brought up has a content"
    checked = check_content(
        run.content,
        run.runner,
        host_rules=run.host_rules,
        project=run.app.project,
        folder=run.folder.path,
        cancel=run.cancel,
    )
    if not checked.valid:
        raise InvalidContent(checked.problems)


def rules_of(event: DeployEvent) -> HostRights:
    """Return what `event` may ask of the host by now: as much as whoever asked for it."""
    if event.cause_id:
        return recorded_rules(event)
    if _is_of_the_machine(event):
        return EVERYTHING
    return host_rules_for(_person(event), event.app)


def _is_of_the_machine(event: DeployEvent) -> bool:
    return event.requested_by_user_id is None and event.requested_from == COMMAND_LINE


def _person(event: DeployEvent) -> User | None:
    key = event.requested_by_user_id
    return User.objects.filter(pk=key).first() if key is not None else None


def _permission(event: DeployEvent) -> Permission:
    if event.action != Action.DEPLOY:
        return _PERMISSIONS.get(Action(event.action), Permission.OPERATE)
    # To bring up again what the app had already takes less than to bring in something new.
    before = DeployEvent.objects.filter(app=event.app, version=event.version, pk__lt=event.pk)
    return Permission.OPERATE if before.exists() else Permission.DEPLOY
