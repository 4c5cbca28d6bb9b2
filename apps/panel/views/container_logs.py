"""What the containers of an app print: a page that follows it, and a file."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.accounts.policy import Permission
from apps.accounts.rate_limits import DOWNLOADS, LOGS, limited
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.deployer.container_logs.requests import containers_of, read_file, read_last
from apps.deployer.container_logs.wishes import DEFAULT_TAIL, MOST_TAIL, InvalidWish, Wish, read_wish
from apps.deployer.containers import Container
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.requests import expected_services
from apps.deployer.runner.interface import CancelToken
from apps.panel.access import find_app, signed_in
from apps.panel.streams import streamed_text

# Lines that the page itself holds, for readers without JavaScript; the stream brings all that were asked for.
_LINES = 200
_FIELDS = ("service", "tail", "since", "until")
_TAILS = (100, DEFAULT_TAIL, 1000, MOST_TAIL)


@signed_in
@require_GET
@limited(LOGS)
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The last lines of an app's containers, and with JavaScript those that follow."""
    app = find_app(request, slug, Permission.READ_LOGS)
    given = {name: request.GET.get(name, "").strip() for name in _FIELDS}
    problems: dict[str, str] = {}
    try:
        wish: Wish | None = read_wish(given)
    except InvalidWish as error:
        wish, problems = None, {error.field: str(error)}
    containers, failure = _containers(app)
    lines = []
    if wish is not None and not failure:
        try:
            lines = read_last(
                app, containers, Wish(wish.service, min(wish.tail, _LINES), wish.since, wish.until)
            )
        except DomainError as error:
            failure = str(error)
    query = urlencode({name: value for name, value in given.items() if value})
    context = {
        "app": app,
        "given": given,
        "problems": problems,
        "failure": failure,
        "services": _services(app, containers, wish.service if wish else ""),
        "tails": _TAILS,
        "tail": wish.tail if wish else DEFAULT_TAIL,
        "lines": [_shown(line.as_dict()) for line in lines],
        "follows": wish is not None and wish.follows,
        "query": query,
        "streams": wish is not None and not failure,
    }
    return render(request, "container_logs.html", context, status=400 if problems else 200)


@signed_in
@require_GET
@limited(DOWNLOADS)
def download(request: HttpRequest, slug: str) -> HttpResponseBase:
    """All that the containers have printed, from `since` until `until`, as a text file."""
    app = find_app(request, slug, Permission.READ_LOGS)
    wish = read_wish({name: request.GET.get(name, "") for name in ("service", "since", "until")})
    cancel = CancelToken()
    timestamps = request.GET.get("timestamps") != "0"
    lines = read_file(request.user.pk, app, containers_of(app), wish, cancel, timestamps=timestamps)
    name = f"{app.slug}-{wish.service or 'all'}-{timezone.now():%Y%m%d-%H%M%S}.log"
    return streamed_text(request, lines, cancel, name)


def _containers(app: App) -> tuple[list[Container], str]:
    try:
        return containers_of(app), ""
    except EngineProblem:
        return [], _(
            "The Docker engine does not answer, so there is nothing to show. Load the page again later."
        )


def _services(app: App, containers: list[Container], chosen: str) -> list[str]:
    there = {c.service for c in containers} | {one.service for one in expected_services(app)}
    # One that is gone stays chosen: the page would show nothing and call it all services.
    return sorted(there | {chosen} - {""})


def _shown(line: dict[str, object]) -> dict[str, object]:
    # Its number is another one in each stream, and no address of anything.
    return line | {"seq": ""}
