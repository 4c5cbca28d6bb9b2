"""An app's folder and project for one pair of a plan's test, and what the engine has of it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.models import PROJECT_PREFIX
from apps.deployer import compose
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import Project
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandResult, CommandRunner, collect
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from tests.lab.engine import Engine


@dataclass
class Snapshot:
    """What the engine has of a project: containers by name, names of networks and volumes."""

    containers: dict[str, tuple[str, str]]  # id, moment of the last start
    places: dict[str, str]  # service and number of each container
    networks: set[str]
    volumes: set[str]
    one_off: dict[str, str]

    def actions_to(self, after: "Snapshot") -> dict[str, str]:
        """Return what happened to each container since."""
        actions = {}
        # A container that is made anew may have another name.
        names = {place: name for name, place in self.places.items()}
        later = {names.get(place, name): after.containers[name] for name, place in after.places.items()}
        for name in self.containers.keys() | later.keys():
            old, new = self.containers.get(name), later.get(name)
            if old is None or new is None:
                actions[name] = "create" if old is None else "remove"
            elif old[0] != new[0]:
                actions[name] = "recreate"
            else:
                actions[name] = "keep" if old[1] == new[1] else "start"
        return actions


@dataclass
class Stage:
    """One app: `images` are references by short name."""

    engine: Engine
    slug: str
    images: dict[str, str]
    port: int
    runner: CommandRunner = field(default_factory=SubprocessRunner)
    externals: list[tuple[str, str]] = field(default_factory=list)
    own_images: list[str] = field(default_factory=list)

    @property
    def project(self) -> str:
        return PROJECT_PREFIX + self.slug

    @property
    def folder(self) -> AppFolder:
        return AppFolder(self.slug)

    @property
    def names(self) -> dict[str, Any]:
        return {
            **self.images,
            "moving": self.image("moving"),
            "port": self.port,
            "project": self.project,
        }

    def image(self, name: str) -> str:
        """Return a reference that is this app's alone."""
        return f"{self.images['web'].rpartition('/')[0]}/{self.slug}:{name}"

    def docker(self, *words: str) -> str:
        return self.engine.run(*words).stdout.strip()

    def container(self, service: str) -> str:
        return f"{self.project}-{service}-1"

    def write(self, name: str, text: str) -> None:
        path = self.folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def make_external(self, kind: str, name: str) -> None:
        self.docker(kind, "create", f"{self.project}-{name}")
        self.externals.append((kind, f"{self.project}-{name}"))

    def compose(self, *words: str) -> CommandResult:
        """Run `docker compose` in the app's folder as somebody at a terminal would."""
        return self.run(compose.compose(Project(self.project, self.folder.path), *words))

    def run(self, argv: list[str]) -> CommandResult:
        result = self.runner.run(argv, cwd=self.folder.path)
        assert result.ok, result.tail
        return result

    def up(self, content: Content) -> None:
        """Write `content` and bring it up, with the panel's own commands."""
        self.folder.write(content)
        self.folder.keep()
        hide = environment.values(content.environment)
        result = self.runner.run(
            compose.up(Project(self.project, self.folder.path)),
            env=process_environment(hide=hide),
            cwd=self.folder.path,
        )
        assert result.ok, result.tail

    def up_by_hand(self, yaml: str) -> None:
        """Bring `yaml` up under the app's project, as somebody could from another folder."""
        argv = compose.up(Project(self.project, self.folder.path))
        argv[argv.index("-f") + 1] = "-"
        done = collect(self.runner, argv, cwd=self.folder.path, stdin=yaml.encode())
        assert done.ok, done.stderr

    def snapshot(self) -> Snapshot:
        label = f"label=com.docker.compose.project={self.project}"
        ids = self.docker("ps", "--all", "--quiet", "--filter", label).split()
        found = json.loads(self.docker("inspect", *ids)) if ids else []
        services, places, one_off = {}, {}, {}
        for told in found:
            name, labels = told["Name"].lstrip("/"), told["Config"]["Labels"]
            if labels.get("com.docker.compose.oneoff") == "True":
                one_off[name] = told["Id"]
                continue
            services[name] = (told["Id"], told["State"]["StartedAt"])
            number = labels["com.docker.compose.container-number"]
            places[name] = f"{labels['com.docker.compose.service']} {number}"
        networks = set(self.engine.networks(self.project))
        return Snapshot(services, places, networks, set(self.engine.volumes(self.project)), one_off)

    def states(self) -> list[str]:
        """Return id and state of each container of the project, at the price of one command."""
        label = f"label=com.docker.compose.project={self.project}"
        words = ("ps", "--all", "--no-trunc", "--filter", label, "--format", "{{.ID}} {{.State}}")
        return sorted(self.docker(*words).splitlines())

    def files(self) -> dict[str, tuple[str, float]]:
        """Return the app's folder: the text and the time of the last change of each file."""
        root = self.folder.path
        return {
            str(path.relative_to(root)): (path.read_text() if path.is_file() else "", path.stat().st_mtime)
            for path in ([root, *Path(root).rglob("*")] if root.exists() else [])
        }

    def clean_up(self) -> None:
        # Compose's own `down` gives up where the engine is slow to take many containers out of a network.
        self.engine.remove_project(self.project)
        for kind, name in self.externals:
            self.engine.run(kind, "rm", name, check=False)
        if self.own_images:
            self.engine.run("rmi", "--force", *self.own_images, check=False)
