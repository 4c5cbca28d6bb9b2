"""A content in memory, for Compose to read before anything is stored or written."""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.utils.translation import gettext

from apps.applications import environment
from apps.applications.content import Content
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, IMAGES_FILE, Project
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.memory_folder import memory_folder
from apps.deployer.redaction import Redactor
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CancelToken, Collected, CommandRunner, collect

_PARTS = re.compile(r"[:=/,]")
_OWN_FILES = (COMPOSE_FILE, ENV_FILE, IMAGES_FILE)


@dataclass(frozen=True)
class Staging:
    """The project whose folder holds the staged files, and the values of its environment."""

    project: Project
    values: Mapping[str, str]

    def hide(self, text: str) -> str:
        """Return `text`, which is to say what is wrong, without the values and without parts of them.

        Compose takes ports, volumes and devices apart before it finds fault with one of the parts.
        """
        return self._redactor.redact(text)

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(part for value in self.values.values() for part in (value, *_PARTS.split(value)))

    def ask(
        self,
        runner: CommandRunner,
        argv: Sequence[str],
        *,
        timeout: float,
        cancel: CancelToken | None = None,
    ) -> Collected:
        """Return the whole answer of the command `argv`, which sees the environment as the deploy's would."""
        env = process_environment(hide=self.values)
        # Paths that Compose is told to leave as they are written are relative to where it runs.
        return collect(runner, argv, env=env, cwd=self.project.folder, timeout=timeout, cancel=cancel)


@contextmanager
def staged(content: Content, project: str, folder: Path | None, pins: str = "") -> Generator[Staging]:
    """Put the files of `content` into a memory-backed folder, and remove them at the end.

    Beside them the other files of `folder` (the app's own) are seen, so that `env_file`, `include` and
    `extends` find them. `pins` is the text of an override that is read after the Compose file.
    Raises EngineProblem and NoMemoryFolder.
    """
    values = environment.values(content.environment)
    with memory_folder("check") as path:
        try:
            _write(path, content, values, folder, pins)
        except OSError as error:
            raise EngineProblem(
                gettext(
                    "The files could not be put into memory for Compose to read: %(reason)s. "
                    "Nothing was changed."
                )
                % {"reason": error.strerror}
            ) from None
        yield Staging(Project(project, path, bool(pins)), values)


def _write(path: Path, content: Content, values: Mapping[str, str], folder: Path | None, pins: str) -> None:
    (path / COMPOSE_FILE).write_text(content.yaml, encoding="utf-8", newline="")
    # As in the app's folder: no environment, no file.
    if content.environment:
        (path / ENV_FILE).write_text(environment.render(values), encoding="utf-8", newline="")
    if pins:
        (path / IMAGES_FILE).write_text(pins, encoding="utf-8", newline="")
    if folder is not None and folder.is_dir():
        for entry in folder.iterdir():
            if entry.name not in _OWN_FILES:
                (path / entry.name).symlink_to(entry.absolute())
