"""Whether somebody else was quicker: no deploy goes over what its author has not seen."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.applications.models import App, ComposeVersion
from apps.core.errors import Conflict
from apps.deployments.models import DeployEvent
from apps.deployments.queue import AppRemoved
from apps.deployments.states import CHANGING


@dataclass(frozen=True)
class Seen:
    """What the author of a text knew of the app: its newest version, and the ones it was heading for.

    With no `heading` only the newest version counts.
    """

    newest: int
    heading: frozenset[int] = frozenset()


class Overtaken(Conflict):
    """A deploy whose author has not seen `theirs`; `newest` and `heading` are what the app has now."""

    def __init__(self, app: App, theirs: ComposeVersion) -> None:
        self.theirs = theirs
        self.newest = app.versions.first() or theirs
        self.heading = heading_for(app)
        if theirs == self.newest:
            what = _("%(name)s made version %(number)d while you were writing.")
        elif theirs == app.current_version:
            what = _("Version %(number)d of %(name)s became the current one while you were writing.")
        else:
            what = _("Somebody asked for version %(number)d of %(name)s while you were writing.")
        rest = _(
            "Nothing was deployed. Compare the versions, take over what you need, and deploy again to put "
            "yours in its place."
        )
        super().__init__(f"{what % {'name': theirs.author_name, 'number': theirs.number}} {rest}")


def heading_for(app: App) -> ComposeVersion | None:
    """Return the version that `app` has once what is queued or runs for it has gone well."""
    coming = DeployEvent.objects.active().filter(app=app, action__in=CHANGING, version__isnull=False)
    last = coming.select_related("version").first()
    return last.version if last else app.current_version


def overtaking(app: App, seen: Seen) -> ComposeVersion | None:
    """Return the version of `app` that came, or is being put in place, since its author saw it."""
    newest = app.versions.first()
    if newest is not None and newest.number > seen.newest:
        return newest
    heading = heading_for(app)
    is_unknown = heading is not None and bool(seen.heading) and heading.number not in seen.heading
    return heading if is_unknown else None


def require_seen(app: App | None, slug: str, seen: Seen) -> None:
    """Raise Overtaken where an author who knew what `seen` says was overtaken, AppRemoved without an app."""
    if app is None:
        raise AppRemoved(_("The app %(slug)s was removed; nothing was started.") % {"slug": slug})
    theirs = overtaking(app, seen)
    if theirs is not None:
        raise Overtaken(app, theirs)
