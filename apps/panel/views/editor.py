"""Making an app, and deploying a new version of one."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import PLANS, limited
from apps.applications.content import Content
from apps.applications.docker_run.adding import add_run_line
from apps.applications.models import App, ComposeVersion
from apps.core.errors import DomainError, NotFound
from apps.deployer import requests
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.inquiry import PlanOutdated
from apps.deployer.overtaking import Overtaken, Seen, overtaking
from apps.deployments.models import DeployEvent
from apps.panel.access import find_app, find_version, signed_in, wants_fragment
from apps.panel.forms.content import ContentForm, NewAppForm, NewVersionForm, read_renamed
from apps.panel.shown import editing
from apps.panel.shown.editing import Start

_PLAN, _IMPORT = "plan", "import"
EXAMPLE = (Path(settings.BASE_DIR) / "templates" / "example" / "docker-compose.yml").read_text()


@signed_in
@require_http_methods(["GET", "POST"])
@limited(PLANS, methods=("POST",))
def new(request: HttpRequest) -> HttpResponse:
    """Make an app and deploy its first version."""
    policy.require(request.user, Permission.DEPLOY)
    initial = {"slug": "hello", "compose": EXAMPLE} if "example" in request.GET else {}
    form = NewAppForm(request.POST or None, initial=initial)
    context: dict[str, Any] = {"form": form}
    if not form.is_bound:
        return render(request, "app_new.html", context)
    intent = request.POST.get("intent")
    if intent == _IMPORT:
        return _imported(request, "app_new.html", NewAppForm, context)
    if intent == _PLAN:
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
    try:
        app = find_app(request, slug, Permission.DEPLOY)
    except NotFound as error:
        if not request.POST or wants_fragment(request) or not policy.allows(request.user, Permission.DEPLOY):
            raise
        return _without_app(request, slug, error)
    start = editing.start_of(request, app)
    initial = {} if request.POST else start.initial
    form = NewVersionForm(
        request.POST or None, previous_environment=start.content.environment, initial=initial
    )
    context: dict[str, Any] = {
        "app": app, "form": form, "base": start.base, "newest": start.newest, "from_disk": start.from_disk
    }  # fmt: skip
    if not form.is_bound:
        context |= editing.changes(
            app, start.content.yaml, Content(start.content.yaml, start.content.environment)
        )
        return render(request, "app_edit.html", context)
    context |= editing.changes(app, request.POST.get("compose", ""), _content(form))
    intent = request.POST.get("intent")
    if intent == _IMPORT:
        return _imported(request, "app_edit.html", NewVersionForm, context, start)
    if request.POST.get("compare") or request.POST.get("merge"):
        return _compared(request, start, form, context)
    if intent == _PLAN:
        return _planned(request, "app_edit.html", form, context, app)
    if form.is_valid() and form.content is not None:
        data = form.cleaned_data
        by = Actor.from_request(request)
        try:
            event = requests.submit_deploy(
                app.slug,
                form.content,
                by,
                note=data["note"],
                planned=request.POST.get("planned", ""),
                seen=_seen(data["seen"], data["current"], data["base"]),
            )
        except PlanOutdated as error:
            return _outdated(request, "app_edit.html", form, context, error)
        except Overtaken as error:
            return _overtaken(request, start, form, context, error)
        except DomainError as error:
            form.refuse(error)
        else:
            return redirect("event", event.pk)
    return render(request, "app_edit.html", context, status=400)


def _without_app(request: HttpRequest, slug: str, error: NotFound) -> HttpResponse:
    """Show what was typed for an app that was removed meanwhile, as that of a new one."""
    told = gettext("What you wrote is here, for a new app. Values that were hidden went with the old one.")
    messages.warning(request, f"{error} {told}")
    values = {name: request.POST.get(name, "") for name in ("compose", "environment", "note")}
    context = {"form": NewAppForm(initial={"slug": slug} | values), "unsaved": True}
    return render(request, "app_new.html", context, status=404)


@signed_in
@require_GET
def news(request: HttpRequest, slug: str) -> HttpResponse:
    """What others did to an app since its editor was opened, by `seen`, `current` and `base` of its form."""
    app = find_app(request, slug, Permission.DEPLOY)
    known = {name: _number(request.GET.get(name)) for name in ("seen", "current", "base")}
    theirs = overtaking(app, _seen(known["seen"] or 0, known["current"], known["base"]))
    coming = DeployEvent.objects.active().filter(app=app).order_by("pk").first()
    told = f"{editing.number_of(theirs)}-{coming.pk if coming else 0}"
    if request.GET.get("told") == told:
        # The same news are not read out again, and a button in them keeps the focus.
        return HttpResponse(status=204)
    context = {"app": app, "theirs": theirs, "coming": coming, "known": known, "told": told}
    return render(request, "partials/edit_news.html", context)


def _seen(newest: int, current: int | None, base: int | None) -> Seen:
    """Return what the author of a form knows; what they began with is no news, should the app go back."""
    return Seen(newest, frozenset() if current is None else frozenset({current, base or 0}))


def _content(form: ContentForm) -> Any:
    form.is_valid()
    return form.content


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _overtaken(
    request: HttpRequest, start: Start, form: NewVersionForm, context: dict[str, Any], error: Overtaken
) -> HttpResponse:
    """Refuse to put what was typed over what somebody else did; say it, and show both."""
    form.refuse(error)
    # Who deploys again has seen it.
    seen = request.POST.copy()
    seen["seen"] = str(error.newest.number)
    seen["current"] = str(editing.number_of(error.heading))
    form.data = seen
    context |= {"newest": error.newest, "overtaken": _beside(request, start, error.theirs)}
    return render(request, "app_edit.html", context, status=409)


def _beside(request: HttpRequest, start: Start, theirs: ComposeVersion) -> editing.Beside:
    compose, typed, renamed = (request.POST.get(name, "") for name in ("compose", "environment", "renamed"))
    return editing.compare(start, theirs, compose, typed, read_renamed(renamed))


def _compared(
    request: HttpRequest, start: Start, form: NewVersionForm, context: dict[str, Any]
) -> HttpResponse:
    """Show what was typed beside another version, or put both together; nothing is stored."""
    merge = _number(request.POST.get("merge"))
    theirs = find_version(request, start.app, merge or _number(request.POST.get("compare")) or 0)
    found = _beside(request, start, theirs)
    context |= {"overtaken": found, "unsaved": True}
    if merge and found.parts is not None and found.environment is not None:
        values = editing.taken_over(found)
        values |= {name: request.POST.get(name, "") for name in ("note", "renamed", "current")}
        values["seen"] = max(theirs.number, _number(request.POST.get("seen")) or 0)
        both = NewVersionForm(previous_environment="", initial=values)
        context |= editing.changes(start.app, str(values["compose"]), None)
        context |= {"form": both, "base": theirs, "overtaken": None, "merged": found, "started": start.base}
    part = wants_fragment(request) and not merge
    return render(request, "partials/overtaken.html" if part else "app_edit.html", context)


def _imported(
    request: HttpRequest,
    template: str,
    form_class: Any,
    context: dict[str, Any],
    start: Start | None = None,
) -> HttpResponse:
    """Show the form with what a `docker run` line asks for as one more service; nothing is stored."""
    line = request.POST.get("run", "")
    values = {name: request.POST.get(name, "") for name in form_class.base_fields}
    values |= {name: editing.unix(values[name]) for name in ("compose", "environment")}
    status = 200
    try:
        added = add_run_line(values["compose"], values["environment"], line)
    except DomainError as error:
        context |= {"run_error": str(error), "run_line": line}
        status = 400
    else:
        values |= {"compose": added.compose, "environment": added.environment}
        context["added"] = added
        if start:
            context |= editing.changes(start.app, added.compose, None)
    more = {"previous_environment": start.content.environment} if start else {}
    context |= {"form": form_class(initial=values, **more), "unsaved": True}
    return render(request, template, context, status=status)


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
