"""What is wrong with a text while somebody writes it, as JSON; nothing is stored, queued or written."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import CHECKS, COMPOSE_CHECKS, count, limited
from apps.applications.problems import InvalidContent, Problem
from apps.core.errors import DomainError
from apps.deployer import requests
from apps.panel.access import find_app, signed_in
from apps.panel.forms.content import ContentForm, NewAppForm
from apps.panel.shown import editing


@signed_in
@require_POST
@limited(CHECKS)
def of_new(request: HttpRequest) -> JsonResponse:
    """Check the text of an app that is not there yet."""
    policy.require(request.user, Permission.DEPLOY)
    return JsonResponse(_checked(request, NewAppForm(request.POST)))


@signed_in
@require_POST
@limited(CHECKS)
def of_app(request: HttpRequest, slug: str) -> JsonResponse:
    """Check the text of an app's next version, and tell how it differs from the current one."""
    app = find_app(request, slug, Permission.DEPLOY)
    start = editing.start_of(request, app)
    form = ContentForm(request.POST)
    form.previous_environment = start.content.environment
    answer = _checked(request, form, app.slug)
    if not _is_by_compose(request):
        # Compose is asked about the same text a moment later.
        changes = editing.changes(app, request.POST.get("compose", ""), form.content)
        answer["diff"] = render_to_string("partials/edit_diff.html", changes | {"app": app}, request)
    return JsonResponse(answer)


def _is_by_compose(request: HttpRequest) -> bool:
    return request.POST.get("by") == "compose"


def _checked(request: HttpRequest, form: ContentForm, slug: str = "") -> dict[str, Any]:
    """Return the problems of the text; with `by=compose`, those that Compose and the host rules have too.

    What the panel reads itself costs little and comes first: Compose sees only what that found well.
    """
    by_compose = _is_by_compose(request)
    problems, warnings, failure = _of_text(form), [], ""
    if by_compose and not problems and form.content is not None:
        count(request, COMPOSE_CHECKS)
        try:
            checked = requests.check(form.content, Actor.from_request(request), slug)
        except InvalidContent as error:
            problems = error.problems
        except DomainError as error:
            failure = str(error)
        else:
            problems, warnings = checked.problems, checked.warnings
    return {
        "problems": [problem.as_dict() for problem in problems],
        "warnings": warnings,
        "failure": failure,
        "complete": by_compose and not failure,
    }


def _of_text(form: ContentForm) -> list[Problem]:
    if form.is_valid() or form.problems:
        return form.problems
    # Faults of a field that no line is to blame for, such as nothing at all.
    return [
        Problem(None, None, str(message), source)
        for source in ("compose", "environment")
        for message in form.errors.get(source, [])
    ]
