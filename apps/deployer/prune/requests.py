"""What a person can ask of the engine as a whole: what a prune would remove, and that it does."""

from collections.abc import Collection, Mapping

from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.core.errors import Conflict, DomainError
from apps.deployer.prune.inventory import find_sizes, take_inventory
from apps.deployer.prune.needs import find_needs
from apps.deployer.prune.selection import Kind, Selection, select
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CancelToken, CommandRunner
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action


class NothingToPrune(Conflict):
    """A prune of what is gone, or needed by now."""


class NothingChosen(DomainError):
    """A prune of no kind of things."""


class UnknownKind(DomainError):
    """A word that names no kind of things."""


def find_prunable(runner: CommandRunner, cancel: CancelToken | None = None) -> Selection:
    """Return what nothing needs at this moment; nothing is changed. Raises EngineUnreachable."""
    inventory = take_inventory(runner, cancel)
    return select(inventory, find_needs(), find_sizes(runner, cancel))


def preview() -> Selection:
    """Return what a prune could remove now. Raises EngineUnreachable."""
    return find_prunable(default_runner())


def kinds_of(words: Collection[str]) -> list[Kind]:
    """Return the kinds that `words` name, all where there are none. Raises UnknownKind."""
    known = [str(kind) for kind in Kind]
    for word in words:
        if word not in known:
            raise UnknownKind(
                gettext("%(word)r is no kind of things to prune. There are %(known)s.")
                % {"word": word[:50], "known": ", ".join(known)}
            )
    return [kind for kind in Kind if not words or kind in words]


def submit_prune(
    wanted: Mapping[Kind, Collection[str]], by: Actor, *, build_cache: bool = False
) -> DeployEvent:
    """Queue the removal of the things with the `wanted` ids, by kind, and of the unused build cache.

    The ids are those that somebody has seen in a preview: of them goes only what nothing needs, now and
    again when its turn comes. Raises NothingToPrune and EngineUnreachable.
    """
    items = preview().narrowed(wanted)
    if not items and not build_cache:
        raise NothingToPrune(
            gettext("There is nothing to remove: what was chosen is gone, or something needs it.")
        )
    arguments: dict[str, object] = {
        kind: [item.id for item in items if item.kind == kind]
        for kind in Kind
        if any(item.kind == kind for item in items)
    }
    if build_cache:
        # What is used from now on stays.
        arguments[Kind.BUILD_CACHE] = timezone.now().isoformat()
    return enqueue(None, Action.PRUNE, by, arguments=arguments)
