"""What the subcommands of `manage.py engine` do."""

from dataclasses import asdict
from typing import Any

from apps.core.errors import Conflict, NotFound
from apps.deployer.cli.acting import acting
from apps.deployer.cli.app_actions import end_cancelled, started
from apps.deployer.cli.command import SUCCEEDED
from apps.deployer.cli.output import Output
from apps.deployer.prune import requests
from apps.deployer.prune.inventory import shown_size
from apps.deployer.prune.selection import Kind, Selection
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action


def prune(options: dict[str, Any], output: Output) -> int:
    """Show what nothing needs on the engine; with --yes remove it."""
    kinds = requests.kinds_of([word for word in options["only"].split(",") if word])
    found = requests.preview()
    if not options["yes"]:
        return _preview(found, kinds, output)
    by = acting()
    wanted = {kind: [item.id for item in found.of(kind)] for kind in kinds}
    event = requests.submit_prune(wanted, by, build_cache=_has_build_cache(found, kinds))
    return started(event, options, output, by)


def cancel(options: dict[str, Any], output: Output) -> int:
    """Cancel a prune and wait until it has ended."""
    prunes = DeployEvent.objects.filter(action=Action.PRUNE)
    if options["event"] is not None:
        event = prunes.filter(pk=options["event"]).first()
        if event is None:
            raise NotFound(f"There is no prune with the number {options['event']}.")
    else:
        event = prunes.running().first() or prunes.queued().first()
        if event is None:
            raise Conflict("No prune is queued or running; there is nothing to cancel.")
    return end_cancelled(event, options, output, acting())


def _has_build_cache(found: Selection, kinds: list[Kind]) -> bool:
    return Kind.BUILD_CACHE in kinds and found.build_cache != 0


def _preview(found: Selection, kinds: list[Kind], output: Output) -> int:
    items = [item for item in found.items if item.kind in kinds]
    has_cache = _has_build_cache(found, kinds)
    sizes = [found.size_of(kind) for kind in kinds]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    if output.as_json:
        told: dict[str, Any] = {str(kind): [item.as_dict() for item in found.of(kind)] for kind in kinds}
        if Kind.BUILD_CACHE in kinds:
            told[Kind.BUILD_CACHE] = {"size": found.build_cache}
        output.json({**told, "size": total, "kept": [asdict(image) for image in found.kept]})
        return SUCCEEDED
    rows = [[item.kind, item.name, shown_size(item.size), item.why] for item in items]
    if has_cache:
        rows.append([Kind.BUILD_CACHE, "", shown_size(found.build_cache), "it is not in use"])
    output.table(["KIND", "NAME", "FREES", "WHY"], rows)
    if found.kept and Kind.IMAGES in kinds:
        output.say(f"{len(found.kept)} images that no container uses are kept for the apps.")
    if items or has_cache:
        output.say(f"Removing it frees about {shown_size(total)}: manage.py engine prune --yes")
    else:
        output.say("There is nothing to remove.")
    return SUCCEEDED
