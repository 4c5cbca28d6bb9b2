"""The apps: the list, one app, and what can be done with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ACTIONS, PLANS, limited
from apps.applications.models import App
from apps.applications.services import save_settings
from apps.core.errors import NotFound
from apps.deployer import requests
from apps.deployer.inquiry import PlanOutdated
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action
from apps.panel.access import find_app, recently_signed_in, signed_in, wants_fragment
from apps.panel.addresses import show_address
from apps.panel.forms.apps import AppSettingsForm, RemoveForm, ScaleForm
from apps.panel.shown.app_search import AppSearch
from apps.panel.shown.disk import file_changes
from apps.panel.shown.event_lists import read_some
from apps.panel.shown.glances import Glance, read_glances, shared_look
from apps.panel.shown.overview import AppRow, app_rows, head
from apps.panel.shown.ports import page_host
from apps.panel.shown.services import service_rows, summary
from apps.panel.shown.strip import bars
from apps.panel.shown.volumes import volume_names

_RECENT = 10
_STRIP = 20
# States that say of all services how they are.
_WITHOUT_SUMMARY = frozenset({"stopped", "absent", "unreachable"})


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All apps: is everything up, what runs now, what changed last; those that fit a search, in pages.

    What keeps a page live asks for the part above the list, or for the list; a search for both.
    """
    seen = shared_look.now().seen_by(request.user)
    search = AppSearch(request.GET)
    context: dict[str, Any] = {"search": search, "chosen": search.chosen()}
    asking = _asking_part(request)
    if asking != "app-list":
        context["head"] = head(request.user, seen)
    if asking == "overview-head":
        return render(request, "partials/overview_head.html", context)
    page = search.page(seen.apps, request.GET.get("page"))
    context |= {"page": page, "rows": app_rows(page.object_list), "count": len(seen.apps)}
    status = 200 if search.is_valid() else 400
    if not wants_fragment(request):
        return render(request, "apps.html", context, status=status)
    response = render(request, "partials/app_list.html", context, status=status)
    if asking == "app-search":
        show_address(request, response, context["chosen"])
    return response


@signed_in
@require_GET
def row(request: HttpRequest, slug: str) -> HttpResponse:
    """One app of the list, for when it changed; it goes from the list where it was removed."""
    try:
        app = find_app(request, slug)
    except NotFound:
        return HttpResponse(status=404, headers={"HX-Reswap": "delete"})
    return render(request, "partials/app_row.html", {"row": app_rows([_glance(app)])[0]})


@signed_in
@require_GET
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One app: its services, its current version and its last events."""
    try:
        app = find_app(request, slug)
    except NotFound:
        return _removed(request, slug)
    state = AppRow(app, _glance(app))
    shaped = DeployEvent.objects.that_shaped(app)
    services = service_rows(state.state, shaped, page_host(request))
    context = {
        "app": app,
        "row": state,
        "services": services,
        "summary": summary(services) if state.state.settled not in _WITHOUT_SUMMARY else "",
        "max_scale": requests.MAX_SCALE,
        "files": file_changes(app, state.state),
    }
    history = request.GET.get("part") == "history"
    if wants_fragment(request) and not history:
        return render(request, "partials/app_state.html", {**context, "out_of_band": True})
    events = read_some(app.events.all(), _STRIP)
    context |= {"events": events[:_RECENT], "bars": bars(events)}
    return render(request, "partials/app_history.html" if wants_fragment(request) else "app.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The name of an app, how its deploys are judged, and the way to remove it."""
    app = find_app(request, slug, Permission.CONFIGURE)
    form = AppSettingsForm(request.POST or None, instance=app)
    if form.is_valid():
        tags = form.cleaned_data["tags"]
        save_settings(form.instance, form.changed_columns(), Actor.from_request(request), tags)
        messages.success(request, gettext("The settings were saved."))
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
        raise NotFound(gettext("There is no action %(action)s.") % {"action": action[:100]})
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
        raise requests.NotDeployed(
            gettext("%(slug)s has not been deployed yet. Deploy it first.") % {"slug": app.slug}
        )
    by = Actor.from_request(request)
    if request.method == "GET":
        plan = requests.plan_redeploy(app, app.current_version, by)
        return render(request, "app_redeploy.html", {"app": app, "plan": plan})
    try:
        planned = request.POST.get("planned", "")
        event = requests.submit_redeploy(app, app.current_version, by, planned=planned)
    except PlanOutdated as error:
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
            gettext(
                "The number of containers is a whole number. Nothing was changed; go back and "
                "type another one."
            )
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


def _asking_part(request: HttpRequest) -> str:
    """Return the id of the part of a page that asks for its own content by htmx, "" for a whole page."""
    return (request.htmx.trigger or "") if wants_fragment(request) else ""  # type: ignore[attr-defined]


def _glance(app: App) -> Glance:
    return read_glances(App.objects.filter(pk=app.pk))[app.slug]


def _removed(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that there is no such app any more, to those who could see it; to others that there is none."""
    removed = policy.visible(request.user, App.objects.filter(removed_at__isnull=False, slug=slug))
    app = removed.order_by("-removed_at").first()
    if app is None:
        raise NotFound(gettext("There is no app named %(slug)s.") % {"slug": slug[:100]})
    removal = app.events.filter(action=Action.REMOVE).first()
    context = {"app": app, "removal": removal}
    if not wants_fragment(request):
        return render(request, "app_removed.html", context, status=404)
    if request.GET.get("part") == "history":
        return HttpResponse()
    return render(request, "partials/app_removed.html", context)
