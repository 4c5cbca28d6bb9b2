"""Writing Compose files: the first version of a new app, and the next one of an app that exists."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.applications import environment
from apps.applications.models import App, ComposeVersion
from apps.core.errors import DomainError
from apps.deployer import requests
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.requests import PlanOutdated
from apps.panel.access import find_app, find_version, signed_in, wants_fragment
from apps.panel.forms import ContentForm, NewAppForm, NewVersionForm

_PLAN = "plan"
EXAMPLE = (Path(settings.BASE_DIR) / "templates" / "example" / "docker-compose.yml").read_text()


@signed_in
@require_http_methods(["GET", "POST"])
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
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Deploy a new version of an app, starting from the current one or from `?version=`."""
    app = find_app(request, slug, Permission.DEPLOY)
    base = _base(request, app)
    newest = app.versions.first()
    form = NewVersionForm(
        request.POST or None,
        previous_environment=base.environment.reveal() if base else "",
        initial=_initial(base, newest),
    )
    context = {"app": app, "form": form, "base": base, "newest": newest}
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
    if wanted.isdecimal():
        return find_version(request, app, int(wanted))
    return app.current_version or app.versions.first()


def _initial(base: ComposeVersion | None, newest: ComposeVersion | None) -> dict[str, object]:
    if base is None or newest is None:
        return {}
    return {
        "compose": base.yaml,
        "environment": environment.mask(base.environment.reveal()),
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
            context["plan"] = requests.plan_deploy(slug, form.content, new=app is None)
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
