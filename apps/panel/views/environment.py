"""The environment of a version: its names, and its values for those who may see them, when they ask."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.applications import environment
from apps.applications.models import App, ComposeVersion
from apps.applications.services import reveal_environment
from apps.core.errors import NotFound
from apps.core.secret import MASK
from apps.panel.access import find_app, find_version, recently_signed_in, signed_in


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The names of a version (`?version=`, else the current one); a POST shows one value, or all.

    A script that asks for JSON gets what is shown and nothing else.
    """
    app = find_app(request, slug, Permission.REVEAL)
    version = _version(request, app)
    names = list(environment.values(version.environment.reveal())) if version else []
    shown: dict[str, str] = {}
    if request.method == "POST" and version is not None and names:
        wanted = names if "all" in request.POST else request.POST.getlist("name")
        shown = reveal_environment(version, wanted, Actor.from_request(request))
    if "application/json" in request.headers.get("Accept", ""):
        # The editor's rows, which show one value beside its name.
        return JsonResponse({"values": shown})
    context = {
        "app": app,
        "version": version,
        "rows": [(name, shown.get(name)) for name in names],
        "shown": shown,
        "mask": MASK,
    }
    return render(request, "app_environment.html", context)


def _version(request: HttpRequest, app: App) -> ComposeVersion | None:
    wanted = request.POST.get("version") or request.GET.get("version")
    if not wanted:
        return app.current_version or app.versions.first()
    if not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 10):
        raise NotFound(gettext("%(slug)s has no such version.") % {"slug": app.slug})
    return find_version(request, app, int(wanted))
