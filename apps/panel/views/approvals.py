"""Four eyes: what an event that waits for approval would do now, and another person's word on it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import PLANS, limited
from apps.applications.services import InvalidText
from apps.core.errors import DomainError
from apps.deployer.approval import requests
from apps.deployer.approval.requests import ReviewOutdated
from apps.deployer.approval.review import Review
from apps.deployments import approvals
from apps.deployments.approvals import NoReason
from apps.deployments.models import DeployEvent
from apps.panel.access import find_event, recently_signed_in, signed_in
from apps.panel.views.versions import difference


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS)
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the waiting event would do now, and approve just that."""
    event = find_event(request, pk, Permission.APPROVE)
    if request.method == "GET" and not event.awaits_approval:
        return redirect("event", event.pk)
    by = Actor.from_request(request)
    if request.method == "GET":
        return render(request, "event_approval.html", _context(event, by))
    typed = {"reviewed": request.POST.get("reviewed", ""), "note": request.POST.get("note", "")}
    try:
        requests.approve(event, by, **typed)
    except ReviewOutdated as error:
        context = _context(event, by, error.review) | {"problem": error, "note": typed["note"]}
        return render(request, "event_approval.html", context, status=409)
    except InvalidText as error:
        return _note_refused(request, event, typed["note"], error)
    messages.success(request, gettext("You approved event %(number)s.") % {"number": event.pk})
    return redirect("event", event.pk)


@signed_in
@recently_signed_in
@require_POST
@limited(PLANS)
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """End the waiting event, with a reason."""
    event = find_event(request, pk, Permission.APPROVE)
    note = request.POST.get("note", "")
    try:
        approvals.refuse(event, Actor.from_request(request), note)
    except (NoReason, InvalidText) as error:
        return _note_refused(request, event, note, error)
    return redirect("event", event.pk)


def _note_refused(request: HttpRequest, event: DeployEvent, note: str, error: DomainError) -> HttpResponse:
    """Show the page again, with what was typed and what is wrong with it."""
    context = _context(event, Actor.from_request(request)) | {"note": note, "note_problem": error}
    return render(request, "event_approval.html", context, status=error.http_status)


def _context(event: DeployEvent, by: Actor, review: Review | None = None) -> dict[str, object]:
    """Return what the page shows of `event`: its plan and its difference now, or why there is none."""
    context: dict[str, object] = {"event": event, "expires_at": approvals.expires_at(event)}
    try:
        approvals.require_another_person(event, by)
    except DomainError as error:
        context["obstacle"] = error
    try:
        context["review"] = review = review or requests.look_at(event)
    except DomainError as error:
        return context | {"plan_problem": error}
    shown = event.plan.get("fingerprint")
    context |= {"plan": review.plan, "has_changed": bool(shown) and shown != review.plan.fingerprint}
    current = event.app and event.app.current_version
    if event.version and current and event.version != current:
        context |= difference(current, event.version)
    return context
