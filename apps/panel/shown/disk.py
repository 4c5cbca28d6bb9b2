"""How the files of an app on disk differ from its current version, as its page shows them."""

from dataclasses import dataclass, field

from django.utils.translation import gettext

from apps.applications.matching import TooLong
from apps.applications.models import App
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import COMPOSE_FILE
from apps.deployer.state.app_files import read
from apps.deployer.state.app_state import AppState
from apps.deployer.state.drift import Kind
from apps.panel.shown.diff import DiffLine, diff_lines


@dataclass(frozen=True)
class FileChanges:
    """What differs in the files: `lines` of the Compose file, or in `words` why there are none to show."""

    differ: bool = False
    lines: list[DiffLine] = field(default_factory=list)
    words: str = ""


def file_changes(app: App, state: AppState) -> FileChanges:
    """Return how the files of `app` differ; nothing is read where `state` says that they do not."""
    kinds = {one.kind for one in state.differences}
    if not kinds & {Kind.FILE, Kind.ENVIRONMENT_FILE} or app.current_version is None:
        return FileChanges()
    if Kind.FILE not in kinds:
        return FileChanges(differ=True)
    file, before = read(AppFolder(app.slug).path, COMPOSE_FILE), app.current_version.yaml
    text, problem = file.text()
    if problem or file.data == before.encode():
        return FileChanges(differ=True)
    try:
        lines = diff_lines(before, text)
    except TooLong:
        return FileChanges(differ=True, words=gettext("The Compose files are too long to compare here."))
    words = "" if lines else gettext("Only line ends or marks that nobody sees differ in the Compose file.")
    return FileChanges(differ=True, lines=lines, words=words)
