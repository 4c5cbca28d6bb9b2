"""Writing Compose files: the first version of a new app, and the next one of an app that exists."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import PLANS, limited
from apps.applications import environment
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import content_of
from apps.core.errors import DomainError
from apps.deployer import requests
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.requests import PlanOutdated
from apps.deployer.state.disk_content import DiskContent, DiskUnreadable, content_on_disk
from apps.panel.access import find_app, find_version, signed_in, wants_fragment
from apps.panel.forms import ContentForm, NewAppForm, NewVersionForm

_PLAN = "plan"
EXAMPLE = (Path(settings.BASE_DIR) / "templates" / "example" / "docker-compose.yml").read_text()


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS, methods=("POST",))
def new(request: HttpRequest) -> HttpResponse:
    """Make an app and deploy its first version."""
    policy.require(request.user, Permission.DEPLOY)
    initial = {"slug": "hello", "compose": EXAMPLE} if "example" in request.GET else {}
    form = NewAppForm(request.POST or None, initial=initial)
    context = {"form": form, "example": EXAMPLE}
    if not form.is_bound:
        return render(request, "app_new.html", context)
    if request.POST.get("intent") == _PLAN:
        return _planned(request, "app_new.html", form, context)
    if form.is_valid() and form.content is not None:
        data = form.cleaned_data
        by = Actor.from_request(request)
        try:
            event = requests.submit_deploy(
                data["slug"],
                form.content,
                by,
                note=data["note"],
                name=data["name"],
                new=True,
                planned=request.POST.get("planned", ""),
            )
        except PlanOutdated as error:
            return _outdated(request, "app_new.html", form, context, error)
        except DomainError as error:
            form.refuse(error)
        else:
            return redirect("event", event.pk)
    return render(request, "app_new.html", context, status=400)


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS, methods=("POST",))
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Deploy a new version, from the current one, `?version=`, or the files on disk (`?from=disk`)."""
    app = find_app(request, slug, Permission.DEPLOY)
    base = _base(request, app)
    newest = app.versions.first()
    disk = _on_disk(request, app)
    start = disk or (content_of(base) if base else Content(""))
    form = NewVersionForm(
        request.POST or None,
        previous_environment=start.environment,
        initial=_initial(start, base, newest),
    )
    context = {"app": app, "form": form, "base": base, "newest": newest, "from_disk": disk is not None}
    if not form.is_bound:
        return render(request, "app_edit.html", context)
    if request.POST.get("intent") == _PLAN:
        return _planned(request, "app_edit.html", form, context, app)
    if form.is_valid() and form.content is not None:
        if newest is not None and newest.number > form.cleaned_data["seen"]:
            form.add_error(None, _overtaken(newest))
            seen = request.POST.copy()
            seen["seen"] = str(newest.number)
            form.data = seen
            return render(request, "app_edit.html", context, status=409)
        by = Actor.from_request(request)
        try:
            event = requests.submit_deploy(
                app.slug,
                form.content,
                by,
                note=form.cleaned_data["note"],
                planned=request.POST.get("planned", ""),
            )
        except PlanOutdated as error:
            return _outdated(request, "app_edit.html", form, context, error)
        except DomainError as error:
            form.refuse(error)
        else:
            return redirect("event", event.pk)
    return render(request, "app_edit.html", context, status=400)


def _base(request: HttpRequest, app: App) -> ComposeVersion | None:
    """Return the version that the form starts from."""
    wanted = request.POST.get("base") or request.GET.get("version") or ""
    if wanted.isdecimal() and len(wanted) < 10:
        return find_version(request, app, int(wanted))
    return app.current_version or app.versions.first()


def _on_disk(request: HttpRequest, app: App) -> DiskContent | None:
    """Return the files on disk where the form is to start from them. Raises DiskUnreadable."""
    if request.GET.get("from") != "disk":
        return None
    try:
        return content_on_disk(app)
    except DiskUnreadable:
        if request.method == "GET":
            raise
        # What was typed must not get lost; a mask that stands for nothing any more is told at its line.
        return DiskContent("", "")


def _initial(
    start: Content | DiskContent, base: ComposeVersion | None, newest: ComposeVersion | None
) -> dict[str, object]:
    if base is None or newest is None:
        return {}
    return {
        "compose": start.yaml,
        "environment": environment.mask(start.environment),
        "base": base.number,
        "seen": newest.number,
    }


def _overtaken(newest: ComposeVersion) -> str:
    return (
        f"{newest.author_name} made version {newest.number} while you were writing. Nothing was deployed. "
        "Compare the versions, take over what you need, and deploy again to put yours in its place."
    )


def _planned(
    request: HttpRequest,
    template: str,
    form: ContentForm,
    context: dict[str, object],
    app: App | None = None,
) -> HttpResponse:
    """Say what a deploy of what was typed would do, or why it cannot be deployed; nothing is stored."""
    # Somebody may want to see the plan before they find a name.
    is_nameless = app is None and not request.POST.get("slug")
    context |= {"plan_asked": True}
    if form.is_valid() or (is_nameless and set(form.errors) == {"slug"} and form.content is not None):
        assert form.content is not None, "a valid form has a content"
        slug = app.slug if app else form.cleaned_data.get("slug", "")
        try:
            context["plan"] = requests.plan_deploy(
                slug, form.content, Actor.from_request(request), new=app is None
            )
        except EngineProblem as error:
            context["plan_problem"] = error
        except DomainError as error:
            form.refuse(error)
    return render(request, "partials/plan_result.html" if wants_fragment(request) else template, context)


def _outdated(
    request: HttpRequest, template: str, form: ContentForm, context: dict[str, object], error: PlanOutdated
) -> HttpResponse:
    """Show the plan that holds by now, with what was typed."""
    form.refuse(error)
    return render(request, template, context | {"plan_asked": True, "plan": error.plan}, status=409)
