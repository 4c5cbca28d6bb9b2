"""The events: what was done, by whom, and how it ended."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.accounts import policy
from apps.accounts.rate_limits import DOWNLOADS, limited
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployments import queue
from apps.deployments.csv_export import MOST_ROWS, csv_response
from apps.deployments.models import DeployEvent
from apps.panel.access import signed_in, wants_fragment
from apps.panel.addresses import show_address
from apps.panel.shown.event_lists import event_page
from apps.panel.shown.filters import EventFilter
from apps.panel.shown.glances import shared_look

_LOOK_SECONDS = 1.0  # that the look may be old by which a page knows whether something has changed
_LATEST = 200  # events whose people are suggested
_SUGGESTED = 200


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
