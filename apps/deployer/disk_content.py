"""The files of an app as they lie on disk, taken as a content: for the editor, where somebody edited them."""

import json
import re
from dataclasses import dataclass, field

from apps.applications import environment
from apps.applications.models import App
from apps.applications.services import content_of
from apps.core.errors import Conflict
from apps.deployer import compose
from apps.deployer.app_files import DiskFile, read, rendered
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, Project
from apps.deployer.memory_folder import memory_folder
from apps.deployer.runner import default_runner
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandRunner, Outcome, collect

_TIMEOUT = 30.0
# Every name that Compose may find in a `.env`; what stands in a quoted value of several lines may be taken
# for one too, and then gets no value.
_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:]", re.MULTILINE)
_LINE = re.compile(r"\bline (\d+)\b")


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
    written = environment.assignments(_values(text, default_runner()))
    problems = environment.parse(written).problems
    if problems:
        raise DiskUnreadable(f"The {ENV_FILE} on disk cannot be taken: {problems[0].message}")
    return DiskContent(yaml_text, written)


def _text(name: str, file: DiskFile) -> str:
    text, problem = file.text()
    if problem:
        raise DiskUnreadable(
            f"The {name} on disk cannot be taken as a new version: it {problem}. Mend it there, "
            "or deploy the current version again."
        )
    return text


def _values(text: str, runner: CommandRunner) -> dict[str, str]:
    """Return what Compose reads from the `.env` `text`: it fills a file that asks for every name."""
    names = sorted(set(_NAME.findall(text)))
    if not names:
        return {}
    asking = {"services": {"app": {"image": "scratch", "environment": names}}}
    with memory_folder("disk") as folder:
        (folder / ENV_FILE).write_text(text, encoding="utf-8", newline="")
        (folder / COMPOSE_FILE).write_text(json.dumps(asking))
        argv = compose.config(Project("simpledeploy-check", folder))
        answer = collect(runner, argv, env=process_environment(hide=names), cwd=folder, timeout=_TIMEOUT)
    if not answer.ok:
        # Its own words quote the line, and with it a value.
        line = _LINE.search(answer.stderr) if answer.outcome is Outcome.EXITED else None
        where = f" in line {line[1]}" if line else ""
        raise DiskUnreadable(
            f"Docker Compose cannot read the {ENV_FILE} on disk{where}. Mend it there, or deploy the current "
            "version again."
        )
    found: dict[str, str | None] = json.loads(answer.stdout)["services"]["app"].get("environment") or {}
    # In the order of the file; Compose writes a dollar sign of a value twice.
    order = dict.fromkeys(_NAME.findall(text))
    return {name: value.replace("$$", "$") for name in order if (value := found.get(name)) is not None}
