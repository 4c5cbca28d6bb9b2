"""Compose projects that run beside the panel's apps: the list, and taking one over."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ENGINE_LISTS, limited
from apps.applications.services import SlugTaken
from apps.applications.slugs import InvalidSlug
from apps.core.errors import DomainError, NotFound
from apps.deployer.adopt import requests as adopt_requests
from apps.deployer.adopt.requests import AdoptionOutdated
from apps.deployer.engine_errors import EngineProblem
from apps.panel.access import signed_in
from apps.panel.forms.content import AdoptForm


@signed_in
@require_GET
@limited(ENGINE_LISTS)
def index(request: HttpRequest) -> HttpResponse:
    """All such projects, with the files that they were started from."""
    policy.require(request.user, Permission.ADOPT)
    try:
        context: dict[str, object] = {"projects": adopt_requests.list_projects()}
    except EngineProblem as problem:
        context = {"problem": problem}
    return render(request, "projects.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
@limited(ENGINE_LISTS)
def adopt(request: HttpRequest, name: str) -> HttpResponse:
    """Show what taking the project over would do, and do it."""
    policy.require(request.user, Permission.ADOPT)
    proposed = {"slug": adopt_requests.proposed_slug(name)}
    form = AdoptForm(request.POST if request.method == "POST" else proposed)
    context: dict[str, object] = {"name": name, "form": form}
    if not form.is_valid():
        return render(request, "project_adopt.html", context, status=400)
    slug, by = form.cleaned_data["slug"], Actor.from_request(request)
    try:
        planned = request.POST.get("planned", "")
        if request.method == "GET" or not planned:
            context["plan"] = adopt_requests.plan_adoption(name, slug, by)
            return render(request, "project_adopt.html", context)
        event = adopt_requests.submit_adopt(name, slug, by, planned=planned)
    except NotFound:
        raise
    except AdoptionOutdated as error:
        form.add_error(None, str(error))
        return render(request, "project_adopt.html", context | {"plan": error.plan}, status=409)
    except DomainError as error:
        form.add_error("slug" if isinstance(error, InvalidSlug | SlugTaken) else None, str(error))
        status = 200 if request.method == "GET" else error.http_status
        return render(request, "project_adopt.html", context, status=status)
    return redirect("event", event.pk)
