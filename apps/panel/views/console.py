"""A console in a running container of an app."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.accounts.policy import Permission
from apps.deployer.console.console import SHELLS, ProtectedFromConsoles, require_unprotected
from apps.deployer.container_logs.lines import shown_name
from apps.deployer.container_logs.requests import containers_of
from apps.deployer.engine_errors import EngineProblem
from apps.deployments.console_sessions import ConsoleSession
from apps.panel.access import find_app, recently_signed_in, signed_in


@signed_in
@recently_signed_in
@require_GET
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose a container, and open a shell in it; that is done by the page's script."""
    app = find_app(request, slug, Permission.CONSOLE)
    failure, running = "", []
    try:
        require_unprotected(app)
        running = [c for c in containers_of(app) if c.state == "running"]
    except ProtectedFromConsoles as error:
        failure = str(error)
    except EngineProblem:
        failure = _(
            "The Docker engine does not answer, so no console can be opened. Load the page again later."
        )
    wanted, index = request.GET.get("service", ""), request.GET.get("index", "")
    places = []
    for container in running:
        name = shown_name(container)
        number = name.rpartition("-")[2] if name.startswith(f"{container.service}-") else ""
        chosen = container.service == wanted and index in ("", number)
        places.append({"service": container.service, "number": number, "name": name, "chosen": chosen})
    context = {
        "app": app,
        "failure": failure,
        "places": places,
        "shells": SHELLS,
        "open": ConsoleSession.objects.filter(app=app, ended_at=None).order_by("pk")[:20],
    }
    return render(request, "console.html", context)
