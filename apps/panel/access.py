"""How views reach objects: through what the person may see, and only with the permission they need."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from apps.accounts import policy
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.accounts.sign_in.recent import is_recent
from apps.applications.models import App, ComposeVersion
from apps.core.errors import NotAllowed, NotFound
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
            return whole_page_to(request, reverse("account_login"))
        return guarded(request, *args, **kwargs)

    return wrapper


def recently_signed_in(
    view: Callable[Concatenate[HttpRequest, _P], Any],
) -> Callable[Concatenate[HttpRequest, _P], Any]:
    """Let people reach the dangerous `view` only shortly after they showed who they are.

    To be put below `signed_in`. Others confirm it first and come back: to the same page, or where they
    sent a form, to the page with the form, for nothing that was typed (it may be a secret) is kept.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> Any:
        if isinstance(request.user, User) and request.user.token is not None:
            raise NotAllowed(gettext("A token cannot do this. Sign in and do it yourself."))
        if is_recent(request):
            return view(request, *args, **kwargs)
        if request.method == "POST":
            messages.warning(
                request, gettext("Nothing was done yet: first confirm that it is you, then do it again.")
            )
        page = urlencode({"next": page_to_come_back_to(request)})
        return whole_page_to(request, f"{reverse('account_reauthenticate')}?{page}")

    return wrapper


def page_to_come_back_to(request: HttpRequest) -> str:
    """Return the address of the page that is asked for; where a form was sent, of the one with the form."""
    if request.method != "POST" and not wants_fragment(request):
        return request.get_full_path()
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    known = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
    address = urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl() if known else ""
    # A path of its own may begin with slashes that a browser takes for another host.
    return address if url_has_allowed_host_and_scheme(address, None) else reverse("apps")


def whole_page_to(request: HttpRequest, address: str) -> HttpResponse:
    """Return the answer that leads the browser to `address`, also where htmx asked for a part of a page."""
    if not wants_fragment(request):
        return HttpResponseRedirect(address)
    return HttpResponse(status=204, headers={"HX-Redirect": address})


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
        raise NotFound(gettext("There is no app named %(slug)s.") % {"slug": slug[:100]})
    policy.require(request.user, permission, app)
    return app


def find_version(request: HttpRequest, app: App, number: int) -> ComposeVersion:
    """Return version `number` of `app`. Raises NotFound."""
    version = policy.visible(request.user, app.versions.all()).filter(number=number).first()
    if version is None:
        raise NotFound(gettext("%(slug)s has no version %(number)s.") % {"slug": app.slug, "number": number})
    return version


def find_event(request: HttpRequest, pk: int, permission: Permission = Permission.VIEW) -> DeployEvent:
    """Return event `pk` with its app and version. Raises NotFound and NotAllowed.

    What is done to an app with `permission` is done to an event on the engine with Permission.PRUNE.
    """
    events = policy.visible(
        request.user, DeployEvent.objects.select_related("app", "version", "requested_by_user")
    )
    event = events.filter(pk=pk).first()
    if event is None:
        raise NotFound(gettext("There is no event %(number)s.") % {"number": pk})
    if event.app is None and permission != Permission.VIEW:
        permission = Permission.PRUNE
    policy.require(request.user, permission, event.app)
    return event
