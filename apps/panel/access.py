"""How views reach objects: through what the person may see, and only with the permission they need."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from apps.accounts import policy
from apps.accounts.policy import Permission
from apps.applications.models import App, ComposeVersion
from apps.core.errors import NotFound
from apps.deployments.models import DeployEvent

_P = ParamSpec("_P")


def signed_in(
    view: Callable[Concatenate[HttpRequest, _P], Any],
) -> Callable[Concatenate[HttpRequest, _P], Any]:
    """Let only people who are signed in reach `view`; a fragment sends the whole page to the sign-in."""
    guarded = never_cache(login_required(view))

    @wraps(view)
    def wrapper(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> Any:
        if wants_fragment(request) and not request.user.is_authenticated:
            response = HttpResponse(status=204)
            response["HX-Redirect"] = reverse("login")
            return response
        return guarded(request, *args, **kwargs)

    return wrapper


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of a page; a step back in the browser's history wants it whole."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request  # type: ignore[union-attr]


def find_app(request: HttpRequest, slug: str, permission: Permission = Permission.VIEW) -> App:
    """Return the live app named `slug`.

    Raises NotFound where it does not exist or this person may not see it, NotAllowed where they may
    see it but lack `permission`.
    """
    apps = policy.visible(request.user, App.objects.live().select_related("current_version"))
    app = apps.filter(slug=slug).first()
    if app is None:
        raise NotFound(f"There is no app named {slug[:100]}.")
    policy.require(request.user, permission, app)
    return app


def find_version(request: HttpRequest, app: App, number: int) -> ComposeVersion:
    """Return version `number` of `app`. Raises NotFound."""
    version = policy.visible(request.user, app.versions.all()).filter(number=number).first()
    if version is None:
        raise NotFound(f"{app.slug} has no version {number}.")
    return version


def find_event(request: HttpRequest, pk: int, permission: Permission = Permission.VIEW) -> DeployEvent:
    """Return event `pk` with its app and version. Raises NotFound and NotAllowed.

    What is done to an app with `permission` is done to an event on the engine with Permission.PRUNE.
    """
    events = policy.visible(request.user, DeployEvent.objects.select_related("app", "version"))
    event = events.filter(pk=pk).first()
    if event is None:
        raise NotFound(f"There is no event {pk}.")
    if event.app is None and permission != Permission.VIEW:
        permission = Permission.PRUNE
    policy.require(request.user, permission, event.app)
    return event
