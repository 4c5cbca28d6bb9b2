"""The files of an app as they lie on disk, taken as a content: for the editor, where somebody edited them."""

from dataclasses import dataclass, field

from django.utils.translation import gettext

from apps.applications import environment
from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.errors import Conflict
from apps.core.sentences import translated
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE
from apps.deployer.dotenv_values import DotenvUnreadable, read_values
from apps.deployer.runner import default_runner
from apps.deployer.state.app_files import DiskFile, read, rendered


class DiskUnreadable(Conflict):
    """Files on disk that cannot become a version as they are."""


@dataclass(frozen=True)
class DiskContent:
    """The Compose file as it lies on disk, and its `.env` in the panel's own writing (see `environment`)."""

    yaml: str
    environment: str = field(repr=False)


def content_on_disk(app: App) -> DiskContent:
    """Return what lies on disk for `app`; the values of its `.env` are those that Compose reads.

    Raises DiskUnreadable, EngineProblem and NoMemoryFolder.
    """
    folder = AppFolder(app.slug).path
    yaml_text = _text(COMPOSE_FILE, read(folder, COMPOSE_FILE))
    file = read(folder, ENV_FILE)
    if file.is_gone:
        return DiskContent(yaml_text, "")
    text = _text(ENV_FILE, file)
    current = content_of(app.current_version) if app.current_version else None
    if current is not None and text == rendered(current):
        # Nobody edited it: the version's own text still has its comments.
        return DiskContent(yaml_text, current.environment)
    written = environment.write(_values(text))
    problems = environment.parse(written).problems
    if problems:
        raise DiskUnreadable(
            gettext("The %(env_file)s on disk cannot be taken: %(message)s")
            % {"env_file": ENV_FILE, "message": problems[0].message}
        )
    return DiskContent(yaml_text, written)


def _text(name: str, file: DiskFile) -> str:
    text, problem = file.text()
    if problem:
        raise DiskUnreadable(
            gettext(
                "The %(name)s on disk cannot be taken as a new version: it %(problem)s. Mend it "
                "there, or deploy the current version again."
            )
            % {"name": name, "problem": translated(problem)}
        )
    return text


def _values(text: str) -> dict[str, str]:
    try:
        return read_values(default_runner(), [text.encode()])
    except DotenvUnreadable as unreadable:
        where = " " + gettext("in line %(line)s") % {"line": unreadable.line} if unreadable.line else ""
        raise DiskUnreadable(
            gettext(
                "Docker Compose cannot read the %(env_file)s on disk%(where)s. Mend it there, or "
                "deploy the current version again."
            )
            % {"env_file": ENV_FILE, "where": where}
        ) from None
