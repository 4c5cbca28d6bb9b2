"""What the subcommands of `manage.py app` that only read do."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from apps.applications.content import InvalidContent, Problem
from apps.applications.models import App
from apps.applications.records import app_record, version_record
from apps.core.errors import NotFound
from apps.deployer import requests
from apps.deployer.cli.acting import acting, shown_to
from apps.deployer.cli.command import REFUSED, SUCCEEDED
from apps.deployer.cli.files import problem_lines, read_content
from apps.deployer.cli.following import log_pages
from apps.deployer.cli.output import Output
from apps.deployer.cli.progress import seconds_taken
from apps.deployer.state.states import app_states
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.records import event_record


def check(options: dict[str, Any], output: Output) -> int:
    """Read and check a file; change nothing."""
    file, env_file = options["file"], options["env_file"]
    try:
        checked = requests.check(read_content(file, env_file), acting())
    except InvalidContent as error:
        return _checked(
            output, error.problems, file, env_file, {"services": [], "images": [], "registries": []}
        )
    for warning in checked.warnings:
        output.say(warning, style="yellow")
    found = {"services": checked.services, "images": checked.images, "registries": checked.registries}
    return _checked(output, checked.problems, file, env_file, found)


def list_apps(options: dict[str, Any], output: Output) -> int:
    """List the apps with what they do now."""
    living = App.objects.live().select_related("current_version", "created_by").order_by("-pk")
    apps = list(shown_to(acting(), living.prefetch_related("tags")))
    places = queue.positions()
    busy = queue.foremost(DeployEvent.objects.active())
    states = app_states([app.slug for app in apps])
    for app in apps:
        if app.pk in busy and busy[app.pk].is_coming:
            states[app.slug] = states[app.slug].with_event()
    if output.as_json:
        output.json(
            [
                app_record(app)
                | {
                    "state": states[app.slug].state,
                    "services": [asdict(service) for service in states[app.slug].services],
                    "differences": [asdict(one) for one in states[app.slug].differences],
                    "deploying": _deploying(busy.get(app.pk), places),
                }
                for app in apps
            ]
        )
        return SUCCEEDED
    output.table(
        ["APP", "STATE", "VERSION", "DEPLOYING", "CREATED"],
        [
            [
                app.slug,
                states[app.slug].state,
                app.current_version.number if app.current_version else "-",
                _deploying_text(busy.get(app.pk), places),
                _time(app.created_at),
            ]
            for app in apps
        ],
    )
    if not apps:
        output.say("There are no apps yet. Make one: manage.py app deploy SLUG --file docker-compose.yml")
    return SUCCEEDED


def list_versions(options: dict[str, Any], output: Output) -> int:
    """List the versions of an app."""
    app = _app_or_removed(options["slug"])
    versions = app.versions.select_related("app").order_by("-number")
    if output.as_json:
        output.json_list(version_record(version) for version in versions.iterator())
        return SUCCEEDED
    output.table(
        ["VERSION", "SHA-256", "CREATED", "AUTHOR", "NOTE"],
        [
            [
                f"{v.number} (current)" if v.pk == app.current_version_id else v.number,
                v.sha256[:12],
                _time(v.created_at),
                v.author_name,
                v.note,
            ]
            for v in versions.defer("yaml", "environment")
        ],
    )
    return SUCCEEDED


def list_events(options: dict[str, Any], output: Output) -> int:
    """List the events of an app, also of one that was removed."""
    _app_or_removed(options["slug"])
    by_slug = DeployEvent.objects.filter(slug=options["slug"]).select_related("version").order_by("-pk")
    events = shown_to(acting(), by_slug)
    if options["limit"]:
        events = events[: options["limit"]]
    places = queue.positions()
    if output.as_json:
        output.json_list(event_record(event, places.get(event.pk, 0)) for event in events)
        return SUCCEEDED
    output.table(
        ["EVENT", "ACTION", "VERSION", "STATUS", "STEP", "QUEUED", "TOOK", "BY", "SERVICES"],
        [
            [
                e.pk,
                e.action,
                e.version.number if e.version else "-",
                e.status,
                f"place {places[e.pk]}" if e.pk in places else e.step,
                _time(e.queued_at),
                seconds_taken(e),
                e.requested_by,
                e.concerns,
            ]
            for e in events
        ],
    )
    return SUCCEEDED


def show_log(options: dict[str, Any], output: Output) -> int:
    """Write the output of an event, with --follow until it has ended."""
    event = DeployEvent.objects.filter(pk=options["event"]).first()
    if event is None:
        raise NotFound(f"There is no event {options['event']}.")
    pages = log_pages(event, follow=options["follow"])
    if output.as_json:
        output.json_list(line._asdict() for page in pages for line in page)
        return SUCCEEDED
    for page in pages:
        output.lines(f"{line.at} {line.text}" if options["timestamps"] else line.text for line in page)
    return SUCCEEDED


def _checked(
    output: Output, problems: list[Problem], file: str, env_file: str | None, found: dict[str, list[str]]
) -> int:
    """Tell what a check found; return the exit code."""
    if output.as_json:
        output.json({"valid": not problems, **found, "problems": [problem.as_dict() for problem in problems]})
        return REFUSED if problems else SUCCEEDED
    for line in problem_lines(problems, file, env_file):
        output.say(line, style="red")
    if problems:
        return REFUSED
    output.lines(f"{what:<11} {', '.join(names) or '-'}" for what, names in found.items())
    return SUCCEEDED


def _app_or_removed(slug: str) -> App:
    """Return the app `slug`: the living one, else the one that was removed last. Raises NotFound."""
    app = App.objects.filter(slug=slug).order_by(F("removed_at").desc(nulls_first=True)).first()
    if app is None:
        raise NotFound(f"There is no app named {slug[:100]}, and there was none.")
    return app


def _deploying(event: DeployEvent | None, places: dict[int, int]) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "event": event.pk,
        "action": event.action,
        "status": event.status,
        "step": event.step,
        "position": places.get(event.pk, 0),
    }


def _deploying_text(event: DeployEvent | None, places: dict[int, int]) -> str:
    if event is None:
        return "-"
    if event.awaits_approval:
        return f"{event.action} waits for approval (event {event.pk})"
    where = f"place {places[event.pk]}" if event.pk in places else event.step or event.status
    return f"{event.action}, {where} (event {event.pk})"


def _time(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"
