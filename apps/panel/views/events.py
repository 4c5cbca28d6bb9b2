"""The events: what was done, by whom, and how it ended."""

import time
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import DOWNLOADS, limited
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployments import approvals, logs, queue
from apps.deployments.csv_export import MOST_ROWS, csv_response
from apps.deployments.models import DeployEvent
from apps.panel.access import find_event, signed_in, wants_fragment
from apps.panel.addresses import show_address
from apps.panel.event_lists import event_page
from apps.panel.filters import EventFilter
from apps.panel.glances import shared_look
from apps.panel.timeline import timeline

_LOOK_SECONDS = 1.0  # that the look may be old by which a page knows whether something has changed
_LATEST = 2000  # events whose people are suggested
_SUGGESTED = 200
# Lines that the page itself holds; where there are more, the stream brings them all.
_LINES = 500
_APPROVERS = 10  # who are named


class InvalidFilter(DomainError):
    """A choice of events that names something unknown, where a file of them is asked for."""


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What happened, newest first: everything, or that of an app, a person, an action, a status, a time."""
    # Before the events are read: what happens in between makes the page fetch them once more.
    known = shared_look.get(time.monotonic() - _LOOK_SECONDS).seen_by(request.user).known
    visible = policy.visible(request.user, DeployEvent.objects.all())
    found = EventFilter(request.GET, queryset=visible)
    # A filter that names something unknown finds nothing; it does not silently show all.
    matching, status = (found.qs, 200) if found.is_valid() else (visible.none(), 400)
    context: dict[str, Any] = {
        "filter": found,
        "chosen": found.chosen(),
        "page": event_page(matching, request.GET),
        "positions": queue.positions(),
        "known": known,
    }
    if wants_fragment(request):
        response = render(request, "partials/event_list.html", context, status=status)
        if request.htmx.trigger == "event-search":  # type: ignore[attr-defined]
            show_address(request, response, context["chosen"])
        return response
    apps = policy.visible(request.user, App.objects.all())
    named_app = apps.filter(slug=request.GET.get("app", ""), removed_at=None)
    latest = visible.order_by("-pk").values("pk")[:_LATEST]
    named = DeployEvent.objects.filter(pk__in=latest).order_by("requested_by")
    context |= {
        "app": named_app.first(),
        "slugs": apps.order_by("slug").values_list("slug", flat=True).distinct()[:_SUGGESTED],
        "people": named.values_list("requested_by", flat=True).distinct()[:_SUGGESTED],
    }
    return render(request, "events.html", context, status=status)


@signed_in
@require_GET
@limited(DOWNLOADS)
def export(request: HttpRequest) -> HttpResponseBase:
    """The events of a list's filter as CSV, newest first, not only those of one page."""
    events = policy.visible(request.user, DeployEvent.objects.order_by("-pk"))
    found = EventFilter(request.GET, queryset=events)
    if not found.is_valid():
        raise InvalidFilter(
            _("Nothing was downloaded: what the events were to be chosen by cannot be read. Choose anew.")
        )
    return csv_response(found.qs[:MOST_ROWS])


@signed_in
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: its steps, its output, its services, and how it ended."""
    event = find_event(request, pk)
    stored = logs.last_seq(event.pk)
    before = max(0, stored - _LINES)
    lines = logs.read_lines(event.pk, after=before, limit=_LINES)
    # More may have been written since: what counts is the line that the page ends with.
    last = lines[-1].seq if lines else before
    context = _status_context(event) | {
        "lines": lines,
        "lines_before": before,
        "last_seq": last,
        "is_whole": event.is_terminal and not before and last >= stored,
    }
    return render(request, "event.html", context)


@signed_in
@require_GET
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """What of an event's page changes while it runs."""
    return render(request, "partials/event_live.html", _status_context(find_event(request, pk)))


@signed_in
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End a queued event, or ask the worker of a running one to."""
    event = find_event(request, pk, Permission.OPERATE)
    queue.cancel(event, Actor.from_request(request))
    return redirect("event", event.pk)


@signed_in
@require_GET
@limited(DOWNLOADS)
def log_text(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The whole output of an event as a text file."""
    event = find_event(request, pk)
    # A server that speaks ASGI wants an asynchronous iterator, else it reads the whole text into memory.
    is_async = isinstance(request, ASGIRequest)
    text = logs.as_text_async(event.pk) if is_async else logs.as_text(event.pk)
    response = StreamingHttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{event.subject}-event-{event.pk}.txt"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _status_context(event: DeployEvent) -> dict[str, object]:
    return {
        "event": event,
        "steps": timeline(event),
        "position": queue.position(event),
        "consequences": event.consequences.select_related("version"),
        **_approval_context(event),
    }


def _approval_context(event: DeployEvent) -> dict[str, object]:
    """Return who can approve `event` and until when, while it waits for that."""
    if not event.awaits_approval:
        return {}
    people = policy.holders(Permission.APPROVE, event.app)
    if event.requested_by_user:
        people = people.exclude(pk=event.requested_by_user.pk)
    names = [person.get_username() for person in people[: _APPROVERS + 1]]
    return {
        "approvers": names[:_APPROVERS],
        "more_approvers": len(names) > _APPROVERS,
        "expires_at": approvals.expires_at(event),
    }
