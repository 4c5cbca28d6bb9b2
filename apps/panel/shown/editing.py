"""What an edit of an app starts from, and what others did to the app meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.matching import TooLong
from apps.applications.merge import By, MergedEnvironment, Part, merge_environments, merge_parts, merged_text
from apps.applications.models import App, ComposeVersion
from apps.applications.problems import InvalidContent
from apps.applications.services import content_of
from apps.core.errors import DomainError
from apps.deployer.overtaking import heading_for
from apps.deployer.state.disk_content import DiskContent, content_on_disk
from apps.panel.access import find_version
from apps.panel.shown.diff import diff_lines, environment_changes

# Lines around a difference of three texts.
_AROUND = 2
# Lines of a difference that is shown while somebody writes, and drawn anew with every pause.
_MOST_CHANGED = 1000


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
            "current": number_of(heading_for(self.app)),
        }


@dataclass(frozen=True)
class Row:
    """One place of three texts: whose change it is, a word for that, and the three (base, theirs, mine)."""

    by: By
    who: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
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
    """Return what the form of `request` starts from. Raises NotFound, and as `content_on_disk` does."""
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
    except DomainError:
        if request.method == "GET":
            raise
        # What was typed must not get lost; a mask that stands for nothing any more is told at its line.
        return DiskContent("", "")


def number_of(version: ComposeVersion | None) -> int:
    """Return the number of `version`, 0 where there is none."""
    return version.number if version else 0


def compare(
    start: Start, theirs: ComposeVersion, compose: str, typed: str, renamed: Mapping[str, str]
) -> Beside:
    """Return what was typed (`compose`, and the environment with its masks) beside `theirs`.

    `renamed` are names whose hidden values stay, as in `environment.unmask`.
    """
    compose, typed = unix(compose), unix(typed)
    try:
        parts = merge_parts(start.content.yaml, theirs.yaml, compose)
    except TooLong:
        return Beside(theirs, None, None)
    try:
        merged = merge_environments(start.content.environment, content_of(theirs).environment, typed, renamed)
    except InvalidContent:
        merged = None
    return Beside(theirs, parts, merged)


def taken_over(found: Beside) -> dict[str, object]:
    """Return the texts of the form with both edits, and the base: where they clash, what was typed."""
    assert found.parts is not None, "asked of what was compared"
    assert found.environment is not None, "asked of what was compared"
    return {
        "compose": merged_text(found.parts),
        "environment": found.environment.text,
        "base": found.theirs.number,
    }


def unix(text: str) -> str:
    """Return `text` with the line ends of the versions."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def changes(app: App, compose: str, content: Content | None) -> dict[str, object]:
    """Return what `partials/edit_diff.html` shows: how what was typed differs from the current version."""
    against = app.current_version or app.versions.first()
    if against is None:
        return {}
    try:
        lines = diff_lines(against.yaml, unix(compose))
    except TooLong:
        return {"against": against, "too_long": True}
    if len(lines) > _MOST_CHANGED:
        return {"against": against, "too_long": True}
    found: dict[str, object] = {"against": against, "diff": lines}
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
