"""The apps: the list, one app, and what can be done with it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ACTIONS, PLANS, limited
from apps.applications.models import App
from apps.applications.services import content_of, save_settings
from apps.core.errors import NotFound
from apps.deployer import requests
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action
from apps.panel.access import find_app, recently_signed_in, signed_in, wants_fragment
from apps.panel.disk import file_changes
from apps.panel.forms import AppSettingsForm, RemoveForm, ScaleForm
from apps.panel.overview import AppRow, app_rows
from apps.panel.services import service_rows
from apps.panel.strip import bars
from apps.panel.volumes import volume_names

_RECENT = 10
_STRIP = 20


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All apps: their state, what is being deployed, what changed last and by whom."""
    rows = app_rows(policy.visible(request.user, App.objects.live()))
    if wants_fragment(request):
        return render(request, "partials/app_list.html", {"rows": rows})
    waiting = policy.visible(request.user, DeployEvent.objects.awaiting_approval(), Permission.APPROVE)
    to_approve = waiting.exclude(requested_by_user=request.user.pk).count()
    return render(request, "apps.html", {"rows": rows, "to_approve": to_approve})


@signed_in
@require_GET
def row(request: HttpRequest, slug: str) -> HttpResponse:
    """One app of the list, for when it changed; it goes from the list where it was removed."""
    try:
        app = find_app(request, slug)
    except NotFound:
        return HttpResponse(status=404, headers={"HX-Reswap": "delete"})
    return render(request, "partials/app_row.html", {"row": _row(app)})


@signed_in
@require_GET
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One app: its services, its current version and its last events."""
    app = find_app(request, slug)
    state = _row(app)
    expected = requests.expected_services(app)
    context = {
        "app": app,
        "row": state,
        "services": service_rows(state.state, expected),
        "max_scale": requests.MAX_SCALE,
        "files": file_changes(app, state.state),
    }
    if wants_fragment(request):
        return render(request, "partials/app_state.html", context)
    events = list(app.events.select_related("version")[:_STRIP])
    context |= {"events": events[:_RECENT], "bars": bars(events)}
    return render(request, "app.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The name of an app, how its deploys are judged, and the way to remove it."""
    app = find_app(request, slug, Permission.CONFIGURE)
    form = AppSettingsForm(request.POST or None, instance=app)
    if form.is_valid():
        save_settings(form.instance, form.changed_data, Actor.from_request(request))
        messages.success(request, "The settings were saved.")
        return redirect("app-settings", slug)
    # The form writes what was typed into its object; the page names the app as it is stored.
    app = find_app(request, slug)
    return render(
        request, "app_settings.html", {"app": app, "form": form}, status=400 if form.is_bound else 200
    )


@signed_in
@require_POST
@limited(ACTIONS)
def lifecycle(request: HttpRequest, slug: str, action: str) -> HttpResponse:
    """Stop, start, restart or pull an app, or of its services those that the form names."""
    app = find_app(request, slug, Permission.OPERATE)
    if action not in requests.LIFECYCLE:
        raise NotFound(f"There is no action {action[:100]}.")
    services = request.POST.getlist("service")
    event = requests.submit_lifecycle(app, Action(action), Actor.from_request(request), services=services)
    return redirect("event", event.pk)


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS)
def redeploy(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what another deploy of the current version would do, and deploy it."""
    app = find_app(request, slug, Permission.OPERATE)
    if app.current_version is None:
        raise requests.NotDeployed(f"{app.slug} has not been deployed yet. Deploy it first.")
    content, by = content_of(app.current_version), Actor.from_request(request)
    if request.method == "GET":
        plan = requests.plan_deploy(app.slug, content, by)
        return render(request, "app_redeploy.html", {"app": app, "plan": plan})
    try:
        event = requests.submit_deploy(app.slug, content, by, planned=request.POST.get("planned", ""))
    except requests.PlanOutdated as error:
        context = {"app": app, "plan": error.plan, "problem": error}
        return render(request, "app_redeploy.html", context, status=409)
    return redirect("event", event.pk)


@signed_in
@require_POST
@limited(ACTIONS)
def scale(request: HttpRequest, slug: str) -> HttpResponse:
    """Set the number of containers of one service."""
    app = find_app(request, slug, Permission.OPERATE)
    form = ScaleForm(request.POST)
    if not form.is_valid():
        raise requests.InvalidScale(
            "The number of containers is a whole number. Nothing was changed; go back and type another one."
        )
    wanted = {form.cleaned_data["service"]: form.cleaned_data["number"]}
    event = requests.submit_scale(app, wanted, Actor.from_request(request))
    return redirect("event", event.pk)


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
@limited(ACTIONS, methods=("POST",))
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the slug, name the volumes, and take the app down."""
    app = find_app(request, slug, Permission.REMOVE)
    form = RemoveForm(request.POST or None, slug=app.slug)
    if form.is_valid():
        by = Actor.from_request(request)
        event = requests.submit_remove(app, by, volumes=form.cleaned_data["volumes"])
        return redirect("event", event.pk)
    context = {"app": app, "form": form, "volumes": volume_names(app)}
    return render(request, "app_remove.html", context, status=400 if form.is_bound else 200)


def _row(app: App) -> AppRow:
    return app_rows(App.objects.filter(pk=app.pk))[0]
