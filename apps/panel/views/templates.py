"""The gallery: starting points for new apps, and the team's own ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ENGINE_LISTS, limited
from apps.applications import environment
from apps.applications.gallery import own
from apps.applications.gallery.builtin import BUILTIN, Template, builtin
from apps.applications.gallery.sealed import seal
from apps.applications.gallery.variables import MAX_VARIABLES, Kind, Variable, filled
from apps.applications.models import AppTemplate
from apps.core.errors import Conflict, DomainError, NotFound
from apps.deployer.plan.free_ports import free_ports
from apps.panel.access import find_app, signed_in
from apps.panel.forms.content import NewAppForm
from apps.panel.forms.gallery import (
    AnswersForm,
    SaveTemplateForm,
    VariableFormSet,
    too_many,
    variable_rows,
)


@dataclass(frozen=True)
class _Starter:
    """A template of either kind, as the pages use it."""

    name: str | Promise
    description: str | Promise
    yaml: str
    variables: Sequence[Variable]
    slug: str


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All templates that this person may start from."""
    user = _maker(request)
    rows = [(template, own.may_change(template, user)) for template in own.templates_for(user)]
    return render(request, "templates.html", {"builtin": BUILTIN, "own": rows})


@signed_in
@require_http_methods(["GET", "POST"])
@limited(ENGINE_LISTS)
def start(request: HttpRequest, key: str) -> HttpResponse:
    """Ask what a template of the panel's own needs, and open the editor with what that makes."""
    _maker(request)
    template = builtin(key)
    if template is None:
        raise NotFound(_("There is no template %(name)s.") % {"name": key[:100]})
    return _started(request, _of_panel(template))


@signed_in
@require_http_methods(["GET", "POST"])
@limited(ENGINE_LISTS)
def start_own(request: HttpRequest, pk: int) -> HttpResponse:
    """The same with a template that somebody saved."""
    return _started(request, _of_team(own.get_template(pk, _maker(request))))


@signed_in
@require_http_methods(["GET", "POST"])
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save a template from the current version of an app: its file and the names of its environment."""
    user = _maker(request)
    app = find_app(request, slug, Permission.DEPLOY)
    version = app.current_version or app.versions.first()
    if version is None:
        raise Conflict(_("%(app)s has no version yet, so there is nothing to save.") % {"app": app.slug})
    variables = own.proposed_variables(version)
    if len(variables) > MAX_VARIABLES:
        raise Conflict(too_many())
    initial = {"name": app.name, "compose": version.yaml}
    return _edited(request, user, AppTemplate(), initial, variables, {"app": app})


@signed_in
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a template that somebody saved."""
    user = _maker(request)
    template = own.get_template(pk, user, to_change=True)
    initial = {
        "name": template.name,
        "description": template.description,
        "team": template.team_id,
        "compose": template.yaml,
        "seen": own.state_of(template),
    }
    context = {"template": template}
    return _edited(request, user, template, initial, own.variables_of(template), context)


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and delete a template that somebody saved."""
    template = own.get_template(pk, _maker(request), to_change=True)
    if request.method == "GET":
        return render(request, "template_remove.html", {"template": template})
    own.remove_template(template, Actor.from_request(request))
    messages.success(request, _("The template %(name)s was deleted.") % {"name": template.name})
    return redirect("templates")


def _maker(request: HttpRequest) -> User:
    """Return the person, who may make apps. Raises NotAllowed."""
    policy.require(request.user, Permission.DEPLOY)
    return cast(User, request.user)


def _of_panel(template: Template) -> _Starter:
    return _Starter(template.name, template.description, template.yaml, template.variables, template.key)


def _of_team(template: AppTemplate) -> _Starter:
    variables = own.variables_of(template)
    return _Starter(template.name, template.description, template.yaml, variables, "")


def _started(request: HttpRequest, starter: _Starter) -> HttpResponse:
    form = AnswersForm(starter.variables, request.POST or None, _proposed(request, starter.variables))
    generated = [variable.name for variable in starter.variables if variable.kind == Kind.SECRET]
    context: dict[str, Any] = {"starter": starter, "form": form, "generated": generated}
    if not form.is_bound or not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "template_start.html", context, status=status)
    secret = filled(starter.variables, form.answers())
    initial = {
        "slug": starter.slug,
        "compose": starter.yaml,
        "environment": _masked(secret, starter.variables),
        "sealed": seal(secret),
    }
    context |= {"form": NewAppForm(initial=initial), "unsaved": True}
    return render(request, "app_new.html", context)


def _masked(text: str, variables: Sequence[Variable]) -> str:
    """Return the environment `text` with its secrets masked; what was typed openly stays readable."""
    secret = {variable.name for variable in variables if variable.is_secret}
    lines = [environment.write({name: value}) for name, value in environment.values(text).items()]
    masked = environment.mask
    return "".join(masked(line) if line.partition("=")[0] in secret else line for line in lines)


def _proposed(request: HttpRequest, variables: Sequence[Variable]) -> dict[str, str]:
    """Return ports that are free, for those that are asked for; nothing once they were typed."""
    asked = [v for v in variables if v.kind == Kind.PORT and v.default.isdecimal()]
    if not asked or request.method != "GET":
        return {}
    numbers = free_ports(int(variable.default) for variable in asked)
    return {variable.name: str(number) for variable, number in zip(asked, numbers, strict=True)}


def _edited(
    request: HttpRequest,
    user: User,
    template: AppTemplate,
    initial: dict[str, Any],
    variables: Sequence[Variable],
    context: dict[str, Any],
) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = SaveTemplateForm(data, initial=initial, teams=own.teams_for(template, user))
    rows = VariableFormSet(data, initial=variable_rows(variables), prefix="variables")
    context |= {"form": form, "rows": rows}
    if data is None:
        return render(request, "template_edit.html", context)
    status = 400
    if form.is_valid() and rows.is_valid():
        try:
            saved = own.save_template(
                template,
                Actor.from_request(request),
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                yaml=form.cleaned_data["compose"],
                variables=[one for row in rows if (one := row.variable())],
                team=form.cleaned_data["team"],
                seen=form.cleaned_data["seen"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.http_status
            if isinstance(error, own.TemplateChanged):
                # Who saves again has been told.
                told = request.POST.copy()
                told["seen"] = own.state_of(own.get_template(template.pk, user))
                form.data = told
        else:
            messages.success(request, _("The template %(name)s was saved.") % {"name": saved.name})
            return redirect("templates")
    return render(request, "template_edit.html", context, status=status)
