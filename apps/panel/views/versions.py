"""The versions of an app: what each holds, how two differ, and the way back."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import DOWNLOADS, PLANS, limited
from apps.applications import environment
from apps.applications.matching import TooLong, lines_of
from apps.applications.models import ComposeVersion
from apps.applications.services import content_of
from apps.core.errors import DomainError
from apps.core.secret import UndecryptableError
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.inquiry import PlanOutdated
from apps.deployer.rollback import plan_rollback, recorded_images, same_images_of, submit_rollback
from apps.panel.access import find_app, find_version, signed_in, wants_fragment
from apps.panel.shown.diff import blocks, compare, environment_changes
from apps.panel.shown.outcomes import with_outcomes

_PER_PAGE = 25
# Longer files are shown without numbers: each line of a table is an element, and a file may have a million.
_MOST_NUMBERED = 10_000
# How a difference is shown: the first is the one that an address without a choice means.
_VIEWS = ("side", "inline")


@signed_in
@require_GET
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """All versions of an app, and the difference of two of them (`?from=` and `?to=`)."""
    app = find_app(request, slug)
    page = Paginator(app.versions.defer("yaml", "environment"), _PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, object] = {"app": app, "page": page, "versions": with_outcomes(page.object_list)}
    if page.paginator.count > 1:
        to = _number(request.GET.get("to")) or page.object_list[0].number
        since = _number(request.GET.get("from"))
        if since is None:
            before = app.versions.filter(number__lt=to).values_list("number", flat=True).first()
            since = before or app.versions.values_list("number", flat=True).last() or to
        view = request.GET.get("view", "")
        old, new = find_version(request, app, since), find_version(request, app, to)
        context |= difference(old, new, view)
        pair = urlencode({"from": old.number, "to": new.number})
        context |= {
            "shown": [version.number for version in page.object_list],
            "kept": f"&{pair}&view={context['diff_view']}",
            "diff_address": f"{reverse('app-versions', args=[slug])}?{pair}&page={page.number}",
        }
    template = "partials/diff.html" if wants_fragment(request) else "app_versions.html"
    return render(request, template, context)


@signed_in
@require_GET
def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version: its file, the names in its environment, and its difference from what is current."""
    app = find_app(request, slug)
    version = find_version(request, app, number)
    lines = lines_of(version.yaml)
    context: dict[str, object] = {
        "app": app,
        "version": version,
        "lines": lines if len(lines) <= _MOST_NUMBERED else None,
        "events": list(version.events.all()[:5]),
        **_names(version),
    }
    if app.current_version and app.current_version != version:
        here = f"{reverse('version', args=[slug, number])}?of=current"
        view = request.GET.get("view", "")
        context |= difference(app.current_version, version, view) | {"diff_address": here}
    return render(request, "version.html", context)


@signed_in
@require_GET
@limited(DOWNLOADS)
def file(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The Compose file of a version, to keep; never its environment."""
    version = find_version(request, find_app(request, slug), number)
    return HttpResponse(
        version.yaml,
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{slug}-version-{number}.yml"'},
    )


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS)
def rollback(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Say what going back to an earlier version would do, with its images or its file alone; and do it."""
    app = find_app(request, slug, Permission.OPERATE)
    version = find_version(request, app, number)
    chosen = request.POST if request.method == "POST" else request.GET
    same_images = same_images_of(version, chosen.get("images", ""))
    context: dict[str, object] = {"app": app, "version": version, "same_images": same_images}
    by = Actor.from_request(request)
    if request.method == "GET":
        try:
            context["plan"] = plan_rollback(app, version.number, by, same_images=same_images)
        except DomainError as error:
            context["problem"] = error
        if wants_fragment(request):
            return render(request, "partials/rollback_plan.html", context)
        return render(request, "app_rollback.html", context | _recorded(version))
    planned = request.POST.get("planned", "")
    try:
        event = submit_rollback(app, version.number, by, same_images=same_images, planned=planned)
    except PlanOutdated as error:
        context |= {"plan": error.plan, "problem": error}
        return render(request, "app_rollback.html", context | _recorded(version), status=409)
    return redirect("event", event.pk)


def _recorded(version: ComposeVersion) -> dict[str, object]:
    """Return the images that `version` ran, for its page; where the engine does not answer, it says so."""
    try:
        return {"recorded": recorded_images(version)}
    except EngineProblem as error:
        return {"recorded": [], "engine_problem": error}


def difference(old: ComposeVersion, new: ComposeVersion, view: str = "") -> dict[str, object]:
    """Return what `partials/diff.html` shows of two versions, in the `view` side or inline."""
    found: dict[str, object] = {"old": old, "new": new, "diff_view": view if view in _VIEWS else _VIEWS[0]}
    try:
        parts = compare(old.yaml, new.yaml)
    except TooLong:
        return found | {"too_long": True}
    found |= {"diff": blocks(parts), "same_file": old.yaml == new.yaml}
    try:
        return found | {"environment": environment_changes(content_of(old), content_of(new))}
    except UndecryptableError as error:
        return found | {"environment_problem": error}


def _names(version: ComposeVersion) -> dict[str, object]:
    """Return the names in the environment of `version`, or why they cannot be told."""
    try:
        return {"names": list(environment.values(version.environment.reveal()))}
    except UndecryptableError as error:
        return {"environment_problem": error}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
