"""What the subcommands of `manage.py app` that change something do."""

from typing import Any

from apps.accounts.actor import Actor
from apps.applications.content import InvalidContent
from apps.applications.models import App, ComposeVersion
from apps.applications.services import get_app, get_version
from apps.applications.tags import change_tags
from apps.core.errors import Conflict, DomainError, NotFound
from apps.deployer import requests, worker
from apps.deployer import rollback as rollbacks
from apps.deployer.cli.acting import acting
from apps.deployer.cli.app_templates import InvalidSetting, content_from
from apps.deployer.cli.command import FAILED, SUCCEEDED
from apps.deployer.cli.files import read_content, refusal
from apps.deployer.cli.following import Interrupts, event_title, follow, watch
from apps.deployer.cli.output import Output
from apps.deployer.cli.progress import Silence, waiting_sentence
from apps.deployments import approvals, queue
from apps.deployments.models import DeployEvent
from apps.deployments.records import event_record
from apps.deployments.states import TERMINAL, Action, Status


class InvalidScale(DomainError):
    """A scale that is not written as SERVICE=N."""


def deploy(options: dict[str, Any], output: Output) -> int:
    """Deploy a file as the app; make the app where its slug is new."""
    slug, file, env_file = options["slug"], options["file"], options["env_file"]
    by = acting()
    if options["template"]:
        return _from_template(options, output, by)
    if options["set"]:
        raise InvalidSetting("--set answers what a template asks for; a file is deployed as it is.")
    kept = None if env_file is not None else version_to_keep(slug)
    try:
        content = read_content(file, env_file, kept_environment=kept.environment.reveal() if kept else "")
        override = options["without_approval"] or ""
        event = requests.submit_deploy(slug, content, by, note=options["message"], without_approval=override)
    except InvalidContent as error:
        raise refusal(error, file, env_file) from None
    if kept and content.environment:
        output.say(f"The environment of version {kept.number} is kept.")
    return started(event, options, output, by)


def _from_template(options: dict[str, Any], output: Output, by: Actor) -> int:
    """Make the app from a template. One that exists is refused: its secrets would be other ones."""
    content = content_from(options, by)
    note, override = options["message"], options["without_approval"] or ""
    event = requests.submit_deploy(
        options["slug"], content, by, note=note, new=True, without_approval=override
    )
    return started(event, options, output, by)


def rollback(options: dict[str, Any], output: Output) -> int:
    """Deploy an earlier version of the app, with the images that it ran."""
    by = acting()
    app, number, asked = get_app(options["slug"]), options["to"], options["images"]
    same_images = rollbacks.same_images_of(get_version(app, number), asked)
    if not same_images and not asked:
        output.say(f"No images of version {number} are recorded; it runs those that its file names.")
    override = options["without_approval"] or ""
    event = rollbacks.submit_rollback(app, number, by, same_images=same_images, without_approval=override)
    return started(event, options, output, by)


def lifecycle(options: dict[str, Any], output: Output) -> int:
    """Stop, start, restart or pull the app or some of its services, whichever the subcommand is named."""
    by = acting()
    app, action, services = (
        get_app(options["slug"]),
        Action(options["subcommand"]),
        options.get("services", ()),
    )
    return started(requests.submit_lifecycle(app, action, by, services=services), options, output, by)


def scale(options: dict[str, Any], output: Output) -> int:
    """Run other numbers of containers of services."""
    by = acting()
    app, wanted = get_app(options["slug"]), _replicas(options["replicas"])
    event = requests.submit_scale(app, wanted, by, without_approval=options["without_approval"] or "")
    return started(event, options, output, by)


def remove(options: dict[str, Any], output: Output) -> int:
    """Take the app down; its volumes only when asked."""
    by = acting()
    app, override = get_app(options["slug"]), options["without_approval"] or ""
    event = requests.submit_remove(app, by, volumes=options["volumes"], without_approval=override)
    return started(event, options, output, by)


def cancel(options: dict[str, Any], output: Output) -> int:
    """Cancel the app's event and wait until it has ended."""
    by = acting()
    return end_cancelled(_event_to_cancel(options["slug"], options["event"]), options, output, by)


def refuse(options: dict[str, Any], output: Output) -> int:
    """End an event that waits for approval, with the reason that whoever asked reads."""
    event = DeployEvent.objects.filter(pk=options["event"]).first()
    if event is None:
        raise NotFound(f"There is no event {options['event']}.")
    event = approvals.refuse(event, acting(), options["reason"])
    if output.as_json:
        output.json(event_record(event, queue.position(event)))
    else:
        output.lines([f"{event_title(event)}: {event.status}."])
    return SUCCEEDED


def tag(options: dict[str, Any], output: Output) -> int:
    """Give an app tags or take some away, and tell which it has then."""
    app, words = get_app(options["slug"]), options["tags"]
    changes = {"add": words} if options["change"] == "add" else {"remove": words}
    tags = change_tags(app, acting(), **changes)
    if output.as_json:
        output.json({"app": app.slug, "tags": tags})
    else:
        output.lines(tags)
        if not tags:
            output.say(f"{app.slug} has no tags.")
    return SUCCEEDED


def end_cancelled(event: DeployEvent, options: dict[str, Any], output: Output, by: Actor) -> int:
    """Cancel `event` and, without --detach, wait until it has ended; return the exit code."""
    event = queue.cancel(event, by)
    others = DeployEvent.objects.active().filter(app=event.app).exclude(pk=event.pk).count()
    if event.app and others:
        output.say(f"{others} more of {event.slug} in the queue: manage.py app events {event.slug}")
    if event.is_active and not options["detach"]:
        output.say(f"Cancelling {event_title(event)} ...")
        with Interrupts() as interrupts:
            watch(event, Silence(), interrupts, by)
    if output.as_json:
        output.json(event_record(event, queue.position(event)))
    else:
        output.lines([f"{event_title(event)}: {event.status}."])
    if event.status in TERMINAL - {Status.CANCELLED}:
        output.say(f"Event {event.pk} ended before it could be cancelled.")
        return FAILED
    return SUCCEEDED


def started(event: DeployEvent, options: dict[str, Any], output: Output, by: Actor) -> int:
    """Follow `event`, or with --detach only tell that it is queued; return the exit code."""
    if not options["detach"]:
        return follow(event, output, by)
    position = queue.position(event)
    if output.as_json:
        output.json(event_record(event, position))
    else:
        place = f", place {position}" if position else ""
        place = ", waits for approval" if event.awaits_approval else place
        output.lines([f"{event_title(event)}: {event.status}{place}."])
    if event.awaits_approval:
        output.say(waiting_sentence(event))
    if not worker.live_worker():
        output.say("No worker runs at present; the event waits for one: manage.py serve")
    return SUCCEEDED


def version_to_keep(slug: str) -> ComposeVersion | None:
    """Return the version of app `slug` whose environment a deploy without --env-file keeps.

    It is the one that runs once the queue is through: of the last queued or running event that has
    one, else the current one, else the newest.
    """
    app = App.objects.live().filter(slug=slug).select_related("current_version").first()
    if app is None:
        return None
    coming = app.events.coming().filter(version__isnull=False).select_related("version").first()
    return (coming and coming.version) or app.current_version or app.versions.first()


def _event_to_cancel(slug: str, event_id: int | None) -> DeployEvent:
    """Return event `event_id` of app `slug`; without a number the running one, or the next in the queue."""
    app = get_app(slug)
    if event_id is not None:
        event = app.events.filter(pk=event_id).first()
        if event is None:
            raise NotFound(f"{slug} has no event {event_id}.")
        return event
    events = app.events
    event = events.running().first() or events.queued().first() or events.awaiting_approval().first()
    if event is None:
        raise Conflict(f"Nothing of {slug} is queued or running; there is nothing to cancel.")
    return event


def _replicas(words: list[str]) -> dict[str, int]:
    """Return {service: replicas} of words like web=3. Raises InvalidScale."""
    wanted: dict[str, int] = {}
    for word in words:
        service, equals, number = word.rpartition("=")
        digits = number.removeprefix("-")
        if not service or not equals or not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
            raise InvalidScale(f"{word!r} is no scale. Write SERVICE=N, as in web=3. Nothing was changed.")
        if service in wanted:
            raise InvalidScale(f"{service} is given twice. Nothing was changed.")
        wanted[service] = int(number)
    return wanted
