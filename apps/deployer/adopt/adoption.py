"""Make the plan of an adoption: what is recreated, what stays, what cannot be kept. Nothing is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext

from apps.applications.host_rules.rules import HostRights
from apps.applications.models import PROJECT_PREFIX
from apps.core.errors import DomainError
from apps.core.sentences import Sentence, counted, sentence
from apps.deployer.adopt.content import Adopted, NotAdoptable, adopted_content
from apps.deployer.adopt.foreign import ForeignProject, find_foreign_project
from apps.deployer.adopt.old_containers import (
    Inside,
    look_inside,
    network_users,
    networks_of,
    other_binds,
    other_variables,
    volume_names,
)
from apps.deployer.adopt.plan import AdoptionPlan, ContainerMove, NetworkMove
from apps.deployer.containers import list_containers
from apps.deployer.plan.observed import list_images
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.verdict.verdict import expectations

DOWNTIME = sentence(
    "Its services are down from the moment the old containers stop until the new ones run. Should these "
    "not run well, the old ones are started again."
)


class NothingToAdopt(DomainError):
    """A name for the app under which the project runs already."""


def make_adoption_plan(
    project: str, slug: str, runner: CommandRunner, *, host_rules: HostRights
) -> AdoptionPlan:
    """Return what taking the foreign `project` over as app `slug` would do now; nothing is changed.

    `slug` is valid; `host_rules` is what the app may ask of the host. Raises NotFound, NothingToAdopt,
    InvalidContent, NotAdoptable and EngineProblem.
    """
    old = find_foreign_project(project, runner)
    if old.name == PROJECT_PREFIX + slug:
        raise NothingToAdopt(
            gettext(
                "%(name)s is already what Compose would call the app %(slug)s: deploy its file as "
                "%(slug)s, and its containers and volumes are taken over as they are. Or choose "
                "another name."
            )
            % {"name": old.name, "slug": slug}
        )
    if list_containers(runner, PROJECT_PREFIX + slug):
        raise NotAdoptable(
            gettext(
                "There are containers of a project %(project)s on the engine, "
                "which would get mixed up with those of the app. Choose another name."
            )
            % {"project": PROJECT_PREFIX + slug}
        )
    volumes = volume_names(runner)
    adopted = adopted_content(old, slug, volumes, runner, host_rules=host_rules)
    if not adopted.model.get("services"):
        raise NotAdoptable(
            gettext("The files of %(name)s have no service that would run. Nothing was changed.")
            % {"name": old.name}
        )
    inside = look_inside(runner, [c.id for c in old.containers])
    return _Planning(old, slug, adopted, inside, volumes, runner).plan()


@dataclass(frozen=True)
class _Planning:
    old: ForeignProject
    slug: str
    adopted: Adopted
    inside: dict[str, Inside]
    existing_volumes: set[str]
    runner: CommandRunner

    def plan(self) -> AdoptionPlan:
        plan = AdoptionPlan(
            project=self.old.name,
            slug=self.slug,
            folder=self.old.folder,
            sha256=self.adopted.content.sha256,
            containers=tuple(self.containers()),
            volumes=tuple(sorted(self.kept_volumes & self.existing_volumes)),
            binds=tuple(sorted(self.binds())),
            networks=tuple(self.networks()),
            lost=tuple(self.lost()),
            warnings=(DOWNTIME, *self.warnings()),
            is_merged=self.adopted.is_merged,
            old=self.old,
            content=self.adopted.content,
            model=self.adopted.model,
            asks=self.adopted.asks,
        )
        return _masked(plan, Redactor(self.values))

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        services: dict[str, dict[str, Any]] = self.adopted.model["services"]
        return services

    @property
    def values(self) -> list[str]:
        """Return whatever may be secret: the values that any container of the project gets."""
        models = [*self.services.values(), *(self.adopted.original.get("services") or {}).values()]
        given = [value for one in models for value in (one.get("environment") or {}).values()]
        return [value.replace("$$", "$") for value in given if isinstance(value, str)]

    @property
    def kept_volumes(self) -> set[str]:
        volumes = self.adopted.model.get("volumes") or {}
        return {str(volume.get("name", key)) for key, volume in volumes.items()}

    def containers(self) -> Iterator[ContainerMove]:
        wanted = {one.service: one.replicas for one in expectations(self.adopted.model)}
        for service in sorted({*wanted, *self.old.services}):
            olds = [c for c in self.old.containers if c.service == service]
            own_name = (self.services.get(service) or {}).get("container_name")
            made = f"{PROJECT_PREFIX}{self.slug}-{service}"
            for place in range(max(len(olds), wanted.get(service, 0))):
                old = olds[place] if place < len(olds) else None
                new = (own_name or f"{made}-{place + 1}") if place < wanted.get(service, 0) else ""
                yield ContainerMove(service, old.name if old else "", new, old.state if old else "")

    def binds(self) -> set[str]:
        mounts = (mount for one in self.services.values() for mount in one.get("volumes") or [])
        return {str(mount.get("source")) for mount in mounts if mount.get("type") == "bind"}

    def networks(self) -> Iterator[NetworkMove]:
        users = network_users(self.runner)
        own = {c.id for c in self.old.containers}
        before = self.adopted.original.get("networks") or {}
        now = self.adopted.model.get("networks") or {}
        moves = {
            str((network or {}).get("name", key)): str((now.get(key) or {}).get("name", key))
            for key, network in before.items()
            if not (network or {}).get("external")
        }
        for name in networks_of(self.runner, self.old.name):
            moves.setdefault(name, "")
        for name, new_name in sorted(moves.items()):
            others = {user for id, user in users.get(name, {}).items() if id not in own}
            yield NetworkMove(name, new_name, tuple(sorted(others)))

    def lost(self) -> Iterator[str]:
        """Yield what cannot be kept, a sentence each."""
        yield sentence("Files that a container wrote outside of volumes and binds go with it.")
        for container in self.old.containers:
            kept = self.kept_volumes
            for place, name in sorted(self.inside.get(container.id, Inside()).volumes.items()):
                if name not in kept:
                    yield (
                        sentence(
                            "%(name)s: the volume at %(place)s has no name in the file, so the new container "
                            "gets an empty one. The old one stays on the engine as %(volume)s.",
                            name=container.name,
                            place=place,
                            volume=name,
                        )
                    )

    def warnings(self) -> Iterator[str]:
        """Yield what else to know before, a sentence each."""
        if self.adopted.is_merged:
            yield (
                sentence(
                    "The app's file is the one that Compose makes of the project's files: without "
                    "their comments, and with what they include or extend written out."
                )
            )
        if self.old.folder in self.adopted.content.yaml:
            yield sentence(
                "The app goes on using files in %(folder)s: keep that folder where it is.",
                folder=self.old.folder,
            )
        if self.adopted.dropped:
            yield sentence(
                "Not taken into the app's environment: %(dropped)s.", dropped=", ".join(self.adopted.dropped)
            )
        if self.adopted.unset:
            yield sentence(
                "Without a value in the project's environment: %(unset)s.",
                unset=", ".join(self.adopted.unset),
            )
        if len({(c.working_dir, c.config_files) for c in self.old.containers}) > 1:
            yield (
                sentence(
                    "Its containers were not all started from the same files. What counts is what the "
                    "newest, %(name)s, was started from: %(config_files)s.",
                    name=self.old.newest.name,
                    config_files=", ".join(self.old.newest.config_files),
                )
            )
        images = list_images(self.runner)
        for container in self.old.containers:
            if container.state in ("exited", "created", "dead") and container.service in self.services:
                yield sentence(
                    "%(name)s does not run at present; its successor is started.", name=container.name
                )
            yield from self.about_container(container.name, container.service, container.id)
            current = images.id_of(container.image)
            if current and current != container.image_id:
                yield (
                    sentence(
                        "%(name)s runs an older image than %(image)s means on the engine now; its "
                        "successor runs the newer one.",
                        name=container.name,
                        image=container.image,
                    )
                )
        for name, service in sorted(self.services.items()):
            if service.get("build") is not None and not service.get("image"):
                yield sentence(
                    "The image of %(name)s is built anew, as the file gives it no name.", name=name
                )

    def about_container(self, name: str, service: str, id: str) -> Iterator[str]:
        wanted, inside = self.services.get(service), self.inside.get(id)
        if wanted is None:
            yield sentence(
                "%(name)s: the file has no service %(service)s any more, so it goes without a successor.",
                name=name,
                service=service,
            )
        elif inside is not None:
            variables = sorted(other_variables(wanted, inside))
            if variables:
                yield (
                    sentence(
                        "%(name)s was started with other values of %(told)s than files and environment "
                        "give: they come from the shell that started it, or the files have changed since. "
                        "To keep them, write them into %(folder)s/.env first.",
                        name=name,
                        told=self.told(variables, inside),
                        folder=self.old.folder,
                    )
                )
            binds = sorted(other_binds(wanted, inside))
            if binds:
                yield sentence(
                    "%(name)s has other paths mounted at %(binds)s than the files say now.",
                    name=name,
                    binds=", ".join(binds),
                )

    def told(self, variables: list[str], inside: Inside) -> str:
        """Return the names of `variables`; what only some `env_file` has is counted, not quoted."""
        text = "\n".join(file.text for file in self.old.files)
        known = [name for name in variables if name in inside.environment or name in text]
        more = len(variables) - len(known)
        if not more:
            return ", ".join(known)
        if not known:
            return counted("%(count)s variable", "%(count)s variables", more)
        return counted("%(known)s, %(count)s more", "%(known)s, %(count)s more", more, known=", ".join(known))


def _masked(plan: AdoptionPlan, redactor: Redactor) -> AdoptionPlan:
    hide = redactor.redact
    return replace(
        plan,
        containers=tuple(
            replace(one, old_name=hide(one.old_name), new_name=hide(one.new_name)) for one in plan.containers
        ),
        volumes=tuple(map(hide, plan.volumes)),
        binds=tuple(map(hide, plan.binds)),
        networks=tuple(
            replace(one, old_name=hide(one.old_name), new_name=hide(one.new_name)) for one in plan.networks
        ),
        lost=tuple(_hidden(one, hide) for one in plan.lost),
        warnings=tuple(_hidden(one, hide) for one in plan.warnings),
    )


def _hidden(text: str, hide: Callable[[str], str]) -> str:
    return text.mapped(hide) if isinstance(text, Sentence) else hide(text)
