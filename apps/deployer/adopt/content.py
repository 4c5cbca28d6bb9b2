"""What a foreign project is as an app: its file and environment, proved to ask Compose for the same."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from apps.applications import environment
from apps.applications.compose_edit import TakeOver, take_over
from apps.applications.content import MAX_ENVIRONMENT_BYTES, Content, InvalidContent
from apps.applications.host_rules.before import read_by_compose
from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.judgement import asked_by, problems, reads_of
from apps.applications.host_rules.rules import HostRights
from apps.applications.models import PROJECT_PREFIX
from apps.core.errors import DomainError
from apps.deployer import compose
from apps.deployer.adopt.foreign import ForeignProject
from apps.deployer.adopt.host_files import FileRefused, read_host_file
from apps.deployer.adopt.merged_file import freed
from apps.deployer.adopt.model_proof import differences
from apps.deployer.app_folder import AppFolder
from apps.deployer.check import require_compose
from apps.deployer.compose import Project
from apps.deployer.dotenv_values import DotenvUnreadable, read_values, usable
from apps.deployer.refusals import unset_variables, warnings_in
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandRunner, collect
from apps.deployer.staging import staged

_TIMEOUT = 60.0  # seconds; Compose may fetch what the file includes from elsewhere
_PROFILES = "COMPOSE_PROFILES"
_VARIABLE = re.compile(r"\$\{?(\w+)")


class NotAdoptable(DomainError):
    """A project that cannot be taken over as it is; the message holds nothing of its files' values."""


@dataclass(frozen=True)
class Adopted:
    """The content of the app, and what was found on the way to it. Models hold secrets."""

    content: Content
    original: dict[str, Any] = field(repr=False)  # what Compose makes of the project's own files
    model: dict[str, Any] = field(repr=False)  # what it makes of the content
    is_merged: bool = False  # whether several files became one, without their comments
    dropped: tuple[str, ...] = ()  # names of variables that an app's environment cannot hold
    unset: tuple[str, ...] = ()  # names of variables that have no value
    asks: tuple[tuple[str, str], ...] = ()  # of the host: rules and their subjects


def adopted_content(
    project: ForeignProject,
    slug: str,
    volumes: Iterable[str],
    runner: CommandRunner,
    *,
    host_rules: HostRights,
) -> Adopted:
    """Return what app `slug` must be to ask for the same as `project` does with its own files.

    `volumes` are the names of those that the engine has, `host_rules` what the app may ask of the host.
    Raises InvalidContent where it asks for more, NotAdoptable where the same is not possible, and
    EngineProblem.
    """
    require_compose(runner)
    if project.problems:
        raise NotAdoptable("\n".join(project.problems))
    return _Adoption(project, slug, frozenset(volumes), runner, host_rules).make()


class _Adoption:
    def __init__(
        self,
        project: ForeignProject,
        slug: str,
        volumes: frozenset[str],
        runner: CommandRunner,
        host_rules: HostRights,
    ) -> None:
        self.host_rules = host_rules
        self.project, self.slug, self.volumes, self.runner = project, slug, volumes, runner
        self.values, self.dropped = usable(_values(runner, project.env_files))
        self.old = Project(project.name, Path(project.folder))
        self.new_name = PROJECT_PREFIX + slug
        own = [f"{project.folder.rstrip('/')}/.env"]
        # Whether `env_file: .env` may come to mean the app's environment. What that leaves out, or has
        # besides, would not reach the containers as before.
        self.keeps_env_file = list(project.env_files) == own and bool(self.values) and not self.dropped

    def make(self) -> Adopted:
        self.require_readable()
        everything, _ = self.resolve(["*"])
        profiles = self.profiles_in_use(everything)
        original, warnings = self.resolve(profiles)
        if profiles and self.values.get(_PROFILES) != ",".join(profiles):
            self.values[_PROFILES] = ",".join(profiles)
            self.keeps_env_file = False
        content: Content | None = None
        model: dict[str, Any] = {}
        wrong: list[str] = []
        if len(self.project.files) == 1:
            content = self.edited(self.project.files[0].text, everything)
            model, wrong = self.proved(content, original)
        is_merged = content is None or bool(wrong)
        if is_merged:
            content = self.merged(everything)
            model, still_wrong = self.proved(content, original)
            wrong = still_wrong and (wrong or still_wrong)
        if content is None or wrong:
            raise NotAdoptable(
                gettext(
                    "As an app, %(name)s would not be what it is: Compose makes something else of "
                    "%(wrong)s. Nothing was changed. Write what stands there without variables, or "
                    "with absolute paths, start the project once from that, and try again."
                )
                % {"name": self.project.name, "wrong": ", ".join(wrong)}
            )
        asks = self.asked(content, model)
        return Adopted(content, original, model, is_merged, tuple(self.dropped), self.unset(warnings), asks)

    def require_readable(self) -> None:
        """Raise InvalidContent where Compose would read what this person may not have read."""
        ground = Ground(self.old.folder, self.old.name)
        for file in self.project.files:
            reads = read_by_compose(file.text, self.values, ground)
            if refused := problems(reads.found, self.host_rules, Content(file.text)):
                raise InvalidContent(refused)

    def asked(self, content: Content, model: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        """Return what the app asks of the host. Raises InvalidContent where it is more than allowed."""
        ground = Ground(AppFolder(self.slug).path, self.new_name, neighbours=self.host_rules.neighbours)
        reads = reads_of(content, ground)
        found = [*reads.found, *asked_by(model, reads, ground)]
        if refused := problems(found, self.host_rules, content):
            raise InvalidContent(refused)
        return tuple(sorted({(str(one.rule), one.subject) for one in found}))

    def resolve(self, profiles: list[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the model of the project's own files, and Compose's warnings."""
        text, errors = self.ask(profiles)
        model: dict[str, Any] = json.loads(text)
        return model, warnings_in(errors)

    def ask(self, profiles: list[str], *, interpolate: bool = True) -> tuple[str, str]:
        argv = compose.resolved(
            self.old,
            files=[file.path for file in self.project.files],
            env_files=self.project.env_files,
            profiles=profiles,
            interpolate=interpolate,
        )
        answer = collect(
            self.runner,
            argv,
            env=process_environment(hide=self.values),
            cwd=self.old.folder if self.old.folder.is_dir() else Path("/"),
            timeout=_TIMEOUT,
        )
        if not answer.ok:
            # Compose quotes what it reads, and the labels may name anybody's files: its words stay here.
            raise NotAdoptable(
                gettext(
                    "Docker Compose cannot read the files of %(name)s as they are now. To see why, "
                    "run in %(folder)s: docker compose -p %(name)s config"
                )
                % {"name": self.project.name, "folder": self.project.folder}
            )
        return answer.stdout, answer.stderr

    def unset(self, warnings: list[str]) -> tuple[str, ...]:
        """Return the variables of the Compose files that `warnings` call not set.

        Compose also finds some in the values of the `.env`: there they are pieces of passwords.
        """
        named = {name for file in self.project.files for name in _VARIABLE.findall(file.text)}
        return tuple(name for name in dict.fromkeys(unset_variables(warnings)) if name in named)

    def profiles_in_use(self, everything: dict[str, Any]) -> list[str]:
        """Return the profiles by which the services that have containers are active."""
        active = list(filter(None, self.values.get(_PROFILES, "").split(",")))
        if "*" in active:
            return active
        for service in self.project.services:
            needed = ((everything.get("services") or {}).get(service) or {}).get("profiles") or []
            if needed and not set(needed) & set(active):
                active.append(needed[0])
        return active

    def edited(self, text: str, everything: dict[str, Any]) -> Content | None:
        """Return the content of the Compose file `text`, edited in the places that must change."""
        how = TakeOver(
            folder=self.project.folder,
            values=self.values,
            volumes=self.kept(everything, "volumes"),
            networks=self.kept(everything, "networks"),
            keeps_env_file=self.keeps_env_file,
        )
        try:
            return Content.read(take_over(text, how), environment.write(self.values))
        except InvalidContent:
            return None

    def merged(self, everything: dict[str, Any]) -> Content | None:
        """Return the content that Compose itself makes of all files, with the variables as they stand."""
        text, _ = self.ask(["*"], interpolate=False)
        sources = "\n".join(file.text for file in self.project.files)
        text, found = freed(text, self.project.name, sources, self.values)
        self.values |= found
        return self.edited(text, everything)

    def kept(self, everything: dict[str, Any], section: str) -> dict[str, str]:
        """Return {key: name} of the project's own volumes or networks that stay as they are, by name.

        All volumes that the engine has do. Networks do where their name is not made from the project's,
        or where they have fixed addresses: no second network can have the same.
        """
        names = {}
        for key, resource in (everything.get(section) or {}).items():
            resource = resource or {}
            name = resource.get("name", "")
            if resource.get("external") or not name:
                continue
            if section == "volumes":
                stays = name in self.volumes
            else:
                is_fixed = bool((resource.get("ipam") or {}).get("config"))
                stays = is_fixed or name != f"{self.project.name}_{key}"
            if stays:
                names[key] = name
        return names

    def proved(self, content: Content | None, original: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the model of `content` as the app's, and where it is another one than `original`."""
        if content is None:
            return {}, [gettext("the file itself")]
        folder = AppFolder(self.slug).path
        with staged(content, self.new_name, folder) as staging:
            answer = staging.ask(self.runner, compose.resolved(staging.project), timeout=_TIMEOUT)
            text = answer.stdout.replace(str(staging.project.folder), str(folder))
        if not answer.ok:
            return {}, [gettext("the file itself")]
        model: dict[str, Any] = json.loads(text)
        missing = {
            key
            for key, volume in (original.get("volumes") or {}).items()
            if (volume or {}).get("name") not in self.volumes
        }
        return model, differences(original, model, (self.project.name, self.new_name), frozenset(missing))


def _values(runner: CommandRunner, paths: Sequence[str]) -> dict[str, str]:
    """Return {name: value} of the environment files at `paths`. Raises FileRefused, which quotes nothing."""
    try:
        return read_values(runner, [read_host_file(path, MAX_ENVIRONMENT_BYTES) for path in paths])
    except DotenvUnreadable:
        raise FileRefused(
            gettext("Docker Compose cannot read %(paths)s as they are now.") % {"paths": ", ".join(paths)}
        ) from None
