"""The engine as a whole: what nothing needs, and its removal."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ENGINE_LISTS, limited
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.prune import requests
from apps.deployer.prune.requests import NothingChosen
from apps.deployer.prune.selection import Item, Kind, Selection
from apps.panel.access import signed_in

_LABELS = {
    Kind.CONTAINERS: _("Stopped containers"),
    Kind.NETWORKS: _("Networks"),
    Kind.IMAGES: _("Images"),
    Kind.BUILD_CACHE: _("Build cache"),
}


@dataclass(frozen=True)
class Group:
    """The things of one kind."""

    kind: Kind
    items: tuple[Item, ...]
    size: int | None

    @property
    def label(self) -> str | Promise:
        return _LABELS[self.kind]

    @property
    def ids(self) -> str:
        return " ".join(item.id for item in self.items)

    @property
    def frees(self) -> bool:
        """Whether things of this kind take room."""
        return self.kind != Kind.NETWORKS


@signed_in
@require_http_methods(["GET", "POST"])
@limited(ENGINE_LISTS)
def prune(request: HttpRequest) -> HttpResponse:
    """Show what a prune would remove, and queue the removal of what was shown and chosen."""
    policy.require(request.user, Permission.PRUNE)
    if request.method == "POST":
        chosen = request.POST.getlist("kinds")
        if not chosen:
            raise NothingChosen(_("Choose at least one kind of things to remove. Nothing was changed."))
        kinds = requests.kinds_of(chosen)
        event = requests.submit_prune(
            {kind: request.POST.get(kind, "").split() for kind in kinds},
            Actor.from_request(request),
            build_cache=Kind.BUILD_CACHE in kinds,
        )
        return redirect("event", event.pk)
    try:
        selection = requests.preview()
    except EngineProblem as problem:
        return render(request, "engine_prune.html", {"problem": problem}, status=problem.http_status)
    groups = _groups(selection)
    sizes = [group.size for group in groups]
    context = {
        "selection": selection,
        "groups": groups,
        "total": None if None in sizes else sum(size or 0 for size in sizes),
        "keep_versions": settings.SIMPLEDEPLOY_KEEP_VERSIONS,
    }
    return render(request, "engine_prune.html", context)


def _groups(selection: Selection) -> list[Group]:
    groups = [Group(kind, selection.of(kind), selection.size_of(kind)) for kind in Kind]
    # Whether there is a build cache only its size tells; it may be there where that is not known.
    return [group for group in groups if group.items or (group.kind == Kind.BUILD_CACHE and group.size != 0)]
