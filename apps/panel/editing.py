"""What an edit of an app starts from, and what others did to the app meanwhile."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.merge import By, MergedEnvironment, Part, merge_environments, merge_parts, merged_text
from apps.applications.models import App, ComposeVersion
from apps.applications.problems import InvalidContent
from apps.applications.services import content_of
from apps.deployer.state.disk_content import DiskContent, DiskUnreadable, content_on_disk
from apps.panel.access import find_version
from apps.panel.diff import diff_lines, environment_changes, too_long

# Lines around a difference of three texts.
_AROUND = 2


@dataclass(frozen=True)
class Start:
    """The content that the form is filled from: a version's, or the files on disk."""

    app: App
    content: Content | DiskContent
    base: ComposeVersion | None
    newest: ComposeVersion | None
    from_disk: bool

    @property
    def initial(self) -> dict[str, object]:
        """The form's first values."""
        if self.base is None or self.newest is None:
            return {}
        return {
            "compose": self.content.yaml,
            "environment": environment.mask(self.content.environment),
            "base": self.base.number,
            "seen": self.newest.number,
            "current": number_of(self.app.current_version),
        }


@dataclass(frozen=True)
class Row:
    """One place of three texts: whose change it is, a word for that, and the three (base, theirs, mine)."""

    by: By
    who: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Overtaken:
    """Somebody else's version beside what was typed."""

    theirs: ComposeVersion
    parts: list[Part] | None  # None: too long to compare
    environment: MergedEnvironment | None  # None: what was typed has faults

    @property
    def rows(self) -> list[Row]:
        """What differs, with a few lines around."""
        words = {
            By.MINE: _("you"),
            By.THEIRS: self.theirs.author_name,
            By.BOTH: _("both alike"),
            By.CLASH: _("both"),
        }
        return [
            Row(part.by, words.get(part.by, ""), tuple(map("\n".join, (part.base, part.theirs, part.mine))))
            for part in _shortened(self.parts or [])
        ]

    @property
    def clashes(self) -> list[int]:
        """The lines of what was typed where both changed the same place."""
        return [part.line for part in self.parts or [] if part.by == By.CLASH]


def start_of(request: HttpRequest, app: App) -> Start:
    """Return what the form of `request` starts from. Raises NotFound and DiskUnreadable."""
    base = _base(request, app)
    disk = _on_disk(request, app)
    content = disk or (content_of(base) if base else Content(""))
    return Start(app, content, base, app.versions.first(), disk is not None)


def _base(request: HttpRequest, app: App) -> ComposeVersion | None:
    wanted = request.POST.get("base") or request.GET.get("version") or ""
    if wanted.isdecimal() and len(wanted) < 10:
        return find_version(request, app, int(wanted))
    return app.current_version or app.versions.first()


def _on_disk(request: HttpRequest, app: App) -> DiskContent | None:
    if request.GET.get("from") != "disk":
        return None
    try:
        return content_on_disk(app)
    except DiskUnreadable:
        if request.method == "GET":
            raise
        # What was typed must not get lost; a mask that stands for nothing any more is told at its line.
        return DiskContent("", "")


def number_of(version: ComposeVersion | None) -> int:
    """Return the number of `version`, 0 where there is none."""
    return version.number if version else 0


def overtaking(
    app: App, newest: ComposeVersion | None, seen: int, current: int | None
) -> ComposeVersion | None:
    """Return the version that came or became current since the form showed `seen` and `current`."""
    if newest is not None and newest.number > seen:
        return newest
    if current is not None and app.current_version is not None and app.current_version.number != current:
        return app.current_version
    return None


def sentence_about(theirs: ComposeVersion, newest: ComposeVersion | None) -> str:
    """Return what a refused deploy says of the version that was quicker."""
    if newest is not None and theirs.number == newest.number:
        what = _("%(name)s made version %(number)d while you were writing.")
    else:
        what = _("Version %(number)d of %(name)s became the current one while you were writing.")
    rest = _(
        "Nothing was deployed. Compare the versions, take over what you need, and deploy again to put yours "
        "in its place."
    )
    return f"{what % {'name': theirs.author_name, 'number': theirs.number}} {rest}"


def compare(start: Start, theirs: ComposeVersion, compose: str, typed: str) -> Overtaken:
    """Return what was typed (`compose`, and the environment with its masks) beside `theirs`."""
    compose, typed = unix(compose), unix(typed)
    if too_long(start.content.yaml, theirs.yaml, compose):
        return Overtaken(theirs, None, None)
    parts = merge_parts(start.content.yaml, theirs.yaml, compose)
    try:
        merged = merge_environments(start.content.environment, content_of(theirs).environment, typed)
    except InvalidContent:
        merged = None
    return Overtaken(theirs, parts, merged)


def taken_over(found: Overtaken) -> dict[str, object]:
    """Return the form's values with both edits: where they clash, what was typed."""
    assert found.parts is not None, "asked of what was compared"
    assert found.environment is not None, "asked of what was compared"
    number = found.theirs.number
    return {
        "compose": merged_text(found.parts),
        "environment": found.environment.text,
        "base": number,
        "seen": number,
        "current": number_of(found.theirs.app.current_version),
    }


def unix(text: str) -> str:
    """Return `text` with the line ends of the versions."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def changes(app: App, compose: str, content: Content | None) -> dict[str, object]:
    """Return what `partials/edit_diff.html` shows: how what was typed differs from the current version."""
    against = app.current_version or app.versions.first()
    if against is None:
        return {}
    if too_long(against.yaml, compose):
        return {"against": against, "too_long": True}
    found: dict[str, object] = {"against": against, "diff": diff_lines(against.yaml, unix(compose))}
    if content is not None:
        found["environment"] = environment_changes(content_of(against), content)
    return found


def _shortened(parts: list[Part]) -> list[Part]:
    """Leave out what is the same in all, but for a few lines beside what is not."""
    found = []
    for at, part in enumerate(parts):
        if part.by != By.NOBODY:
            found.append(part)
            continue
        lines = part.mine
        head = lines[:_AROUND] if at else []
        tail = lines[max(len(head), len(lines) - _AROUND) :] if at < len(parts) - 1 else []
        for shown, line in ((head, part.line), (tail, part.line + len(lines) - len(tail))):
            if shown:
                found.append(Part(By.NOBODY, shown, shown, shown, line))
    return found
