"""The page of one event: how it stands or ended, its steps, its output, and what can be done about it."""

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import DOWNLOADS, PLANS, limited
from apps.core.errors import DomainError
from apps.deployer.inquiry import PlanOutdated
from apps.deployer.pull_progress import pull_progress
from apps.deployer.retry import PLANNED, can_be_retried, last_good, plan_retry, submit_retry
from apps.deployments import approvals, logs, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status
from apps.panel.access import find_event, signed_in
from apps.panel.shown.timeline import timeline, usual_times
from apps.panel.shown.verdict_words import failing_services, headline

# Lines that the page itself holds; where there are more, the stream brings them all.
_LINES = 500
_APPROVERS = 10  # who are named


@signed_in
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: its steps, its output, its services, and how it ended."""
    event = find_event(request, pk)
    lines = logs.last_lines(event.pk, _LINES)
    before = lines[0].seq - 1 if lines else 0
    beside = DeployEvent.objects.filter(app=event.app_id).only("pk")
    context = _status_context(event) | {
        "lines": lines,
        "lines_before": before,
        "last_seq": lines[-1].seq if lines else 0,
        # The event was read before the lines: of one that had ended then none is missing.
        "is_whole": event.is_terminal and not before,
        "previous": beside.filter(pk__lt=event.pk).order_by("-pk").first(),
        "next": beside.filter(pk__gt=event.pk).order_by("pk").first(),
    }
    return render(request, "event.html", context)


@signed_in
@require_GET
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """What of an event's page changes while it runs."""
    return render(request, "partials/event_live.html", _status_context(find_event(request, pk)))


@signed_in
@require_GET
def pull(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the pull of an event has come."""
    event = find_event(request, pk)
    return render(request, "partials/event_pull.html", {"event": event, "progress": _pull(event)})


@signed_in
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End a queued event, or ask the worker of a running one to."""
    event = find_event(request, pk, Permission.OPERATE)
    queue.cancel(event, Actor.from_request(request))
    return redirect("event", event.pk)


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what the same event would do now, where it changes what runs; and ask for it once more."""
    event = find_event(request, pk, Permission.OPERATE)
    by = Actor.from_request(request)
    context: dict[str, object] = {"event": event}
    if request.method == "POST":
        try:
            return redirect("event", submit_retry(event, by, planned=request.POST.get("planned", "")).pk)
        except PlanOutdated as error:
            context |= {"plan": error.plan, "problem": error}
            return render(request, "event_retry.html", context, status=409)
    if event.action not in PLANNED:
        return redirect("event", event.pk)
    try:
        context["plan"] = plan_retry(event, by)
    except DomainError as error:
        context["problem"] = error
        return render(request, "event_retry.html", context, status=error.http_status)
    return render(request, "event_retry.html", context)


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
    usual = usual_times(event)
    can_retry = can_be_retried(event)
    return {
        "event": event,
        "headline": headline(event),
        "failing": failing_services(event),
        "steps": timeline(event, usual),
        "usual": usual.whole,
        "position": queue.position(event),
        "consequences": event.consequences.select_related("version"),
        "can_retry": can_retry,
        "retry_has_plan": event.action in PLANNED,
        "last_good": last_good(event),
        "progress": _pull(event),
        **_approval_context(event),
    }


def _pull(event: DeployEvent) -> dict[str, object] | None:
    """Return how far the pull of `event` has come, while it runs."""
    if event.status != Status.RUNNING or event.step != "pull":
        return None
    progress = pull_progress(event)
    rows = progress.images()
    if shared := progress.shared():
        rows = [*rows, shared]
    return {"rows": rows}


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
