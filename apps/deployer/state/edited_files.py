"""Which apps have files that somebody edited: asked once, or watched by a look at their times and sizes."""

from collections.abc import Iterable, Mapping

from django.conf import settings

from apps.applications.models import App, ComposeVersion
from apps.applications.services import content_of
from apps.core.secret import UndecryptableError
from apps.deployer.app_folder import AppFolder
from apps.deployer.state.app_files import EditedFile, Signature, edited_files, signature
from apps.deployer.state.baseline import Baseline, read_baselines

_AT_ONCE = 20  # apps whose files are read before the watcher looks at what else has happened

Edited = tuple[EditedFile, ...]


def edited_by_app(baselines: Iterable[Baseline]) -> dict[str, Edited]:
    """Return by slug the files that are not as the panel wrote them; asks the database once.

    Of an app with an event in the queue nothing is said, nor on a machine that has no folder of apps.
    """
    if not settings.SIMPLEDEPLOY_APPS_DIR.is_dir():
        return {}
    wanted = {one.slug: one for one in baselines if one.version is not None and not one.busy}
    apps = App.objects.live().filter(slug__in=wanted).select_related("current_version")
    found = {}
    for app in apps if wanted else ():
        version, baseline = app.current_version, wanted[app.slug]
        if version is not None and version.number == baseline.version:
            found[app.slug] = _edited(app.slug, version, baseline)
    return found


def _edited(slug: str, version: ComposeVersion, baseline: Baseline) -> Edited:
    try:
        content = content_of(version)
    except UndecryptableError:
        content = None
    return tuple(edited_files(AppFolder(slug).path, content, version.yaml, baseline.pins))


class FileWatch:
    """Notices edited files by a `stat` of each; reads only what changed. For one thread."""

    def __init__(self) -> None:
        self._edited: dict[str, Edited] = {}
        # What was read of each app: the state of its files, and what they were held against.
        self._read: dict[str, tuple[Signature, object]] = {}
        self._unread: set[str] = set()

    def of(self, slug: str) -> Edited:
        """Return the edited files of an app, as they were found last."""
        return self._edited.get(slug, ())

    @property
    def is_behind(self) -> bool:
        """Whether there is something to read at once."""
        return bool(self._unread)

    def forget(self, slug: str) -> None:
        """Forget what is known of an app: its files are about to be written."""
        self._read.pop(slug, None)
        self._edited.pop(slug, None)

    def look(self, baselines: Mapping[str, Baseline]) -> None:
        """Note which apps of `baselines` have files that changed since they were read."""
        self._unread = {
            slug
            for slug, baseline in baselines.items()
            if baseline.version is not None
            and not baseline.busy
            and self._read.get(slug) != (signature(AppFolder(slug).path), _held_against(baseline))
        }
        for slug in self._read.keys() - baselines.keys():
            self.forget(slug)

    def read_some(self) -> set[str]:
        """Read the files of some apps that changed; return the slugs of which something else is known now."""
        slugs = [self._unread.pop() for _ in range(min(_AT_ONCE, len(self._unread)))]
        if not slugs:
            return set()
        before = {slug: signature(AppFolder(slug).path) for slug in slugs}
        baselines = read_baselines(slugs)
        changed = set()
        for slug, edited in edited_by_app(baselines.values()).items():
            # Written meanwhile, perhaps by a deploy that has just begun: the next look tells.
            if signature(AppFolder(slug).path) == before[slug]:
                self._read[slug] = before[slug], _held_against(baselines[slug])
                if self._edited.get(slug, ()) != edited:
                    self._edited[slug] = edited
                    changed.add(slug)
        return changed


def _held_against(baseline: Baseline) -> object:
    return baseline.version, sorted(baseline.pins.items())
