"""Compose projects that run on the engine and that no app of the panel is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from apps.applications.content import MAX_ENVIRONMENT_BYTES
from apps.applications.models import App
from apps.core.errors import NotFound
from apps.core.sentences import sentence
from apps.deployer.adopt.host_files import FileRefused, read_compose_file, read_host_file
from apps.deployer.containers import Container, list_containers
from apps.deployer.runner.interface import CommandRunner

# What Compose allows as the name of a project (compose-spec, "Version and name top-level elements").
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class ProjectFile:
    """A file that a project was started from; a `problem` says why it cannot be read here."""

    path: str
    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ForeignProject:
    """One project with its containers, by service and name."""

    name: str
    containers: tuple[Container, ...]

    @cached_property
    def newest(self) -> Container:
        """The container that was made last: its labels tell the files that the project was started from."""
        return max(self.containers, key=lambda c: c.created_at)

    @property
    def services(self) -> list[str]:
        return sorted({c.service for c in self.containers})

    @property
    def running(self) -> int:
        return sum(c.state in ("running", "restarting", "paused") for c in self.containers)

    @property
    def folder(self) -> str:
        return self.newest.working_dir

    @cached_property
    def files(self) -> tuple[ProjectFile, ...]:
        """The Compose files, read now; later ones win."""
        return tuple(_compose_file(path) for path in self.newest.config_files)

    @property
    def env_files(self) -> tuple[str, ...]:
        """The files that Compose takes the variables from; later ones win."""
        if self.newest.environment_files:
            return self.newest.environment_files
        own = f"{self.folder.rstrip('/')}/.env"
        # Where the label is missing, Compose looks for the file in the project's folder.
        return (own,) if self.folder.startswith("/") and Path(own).exists() else ()

    @cached_property
    def problems(self) -> list[str]:
        """Why it cannot be taken over, a sentence each."""
        if not _NAME.fullmatch(self.name):
            return [
                sentence("Its name is none that Docker Compose gives: somebody has made up these containers.")
            ]
        if not self.folder.startswith("/") or not self.newest.config_files:
            return [
                sentence("Its containers do not tell which folder and files the project was started from.")
            ]
        return [
            *(file.problem for file in self.files if file.problem),
            *(problem for path in self.env_files if (problem := _why_unreadable(path))),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the project for JSON, without the text of its files."""
        return {
            "project": self.name,
            "folder": self.folder,
            "files": [{"path": file.path, "problem": file.problem} for file in self.files],
            "env_files": list(self.env_files),
            "containers": [
                {"name": c.name, "service": c.service, "state": c.state, "image": c.image}
                for c in self.containers
            ],
            "problems": self.problems,
        }


def foreign_projects(containers: Iterable[Container]) -> list[ForeignProject]:
    """Return the projects among `containers` (of all Compose projects) that are no live app's, by name."""
    own = {app.project for app in App.objects.live().only("slug")}
    ordered = sorted(
        (c for c in containers if c.project and c.project not in own),
        key=lambda c: (c.project, c.service, c.name),
    )
    return [ForeignProject(name, tuple(group)) for name, group in groupby(ordered, lambda c: c.project)]


def find_foreign_project(name: str, runner: CommandRunner) -> ForeignProject:
    """Return the foreign project `name` as it is now. Raises NotFound and EngineUnreachable."""
    found = next((p for p in foreign_projects(list_containers(runner)) if p.name == name), None)
    if found is None:
        raise NotFound(
            gettext(
                "No Compose project %(name)r runs on the engine beside the panel's apps. See "
                "manage.py engine projects."
            )
            % {"name": name[:100]}
        )
    return found


def _compose_file(path: str) -> ProjectFile:
    try:
        return ProjectFile(path, read_compose_file(path))
    except FileRefused as refused:
        return ProjectFile(path, problem=str(refused))


def _why_unreadable(path: str) -> str:
    try:
        read_host_file(path, MAX_ENVIRONMENT_BYTES)
    except FileRefused as refused:
        return str(refused)
    return ""
