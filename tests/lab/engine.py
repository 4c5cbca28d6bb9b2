"""The real Docker engine, driven by the raw `docker` program."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.requirement import missing

PROJECT_LABEL = "com.docker.compose.project"


class Engine:
    """The engine that `docker` reaches; every method runs that program, so nothing is mocked."""

    def __init__(self, program: str) -> None:
        self.program = program

    @classmethod
    def find(cls) -> "Engine":
        """Return the engine of this machine; skip or fail the test where it or Compose is missing."""
        program = shutil.which("docker")
        if program is None:
            missing("engine", "there is no `docker` program on PATH.")
        engine = cls(program)
        for question in (["version", "--format", "{{.Server.Version}}"], ["compose", "version", "--short"]):
            answer = engine.run(*question, check=False)
            if answer.returncode:
                missing("engine", f"`docker {' '.join(question)}` says: {answer.stderr.strip()[-300:]}")
        return engine

    def run(
        self,
        *arguments: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        input: str | None = None,
        timeout: float = 180,
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker` with `arguments`; `env` is added to the environment of the tests.

        Raises AssertionError with the command's own words where it fails and `check` holds.
        """
        done = subprocess.run(
            [self.program, *arguments],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        if check and done.returncode:
            raise AssertionError(
                f"docker {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def lines(self, *arguments: str) -> list[str]:
        """Return the lines that `docker` with `arguments` prints, without empty ones."""
        return [line for line in self.run(*arguments).stdout.splitlines() if line.strip()]

    def containers(self, project: str) -> list[str]:
        """Return the names of all containers of a Compose project, running or not."""
        return self.lines(
            "ps", "-a", "--filter", f"label={PROJECT_LABEL}={project}", "--format", "{{.Names}}"
        )

    def networks(self, project: str) -> list[str]:
        """Return the names of the networks of a Compose project."""
        return self.lines(
            "network", "ls", "--filter", f"label={PROJECT_LABEL}={project}", "--format", "{{.Name}}"
        )

    def volumes(self, project: str) -> list[str]:
        """Return the names of the volumes of a Compose project."""
        return self.lines(
            "volume", "ls", "--filter", f"label={PROJECT_LABEL}={project}", "--format", "{{.Name}}"
        )

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what `docker inspect` says of a container, image, network or volume."""
        described: dict[str, Any] = json.loads(self.run("inspect", name).stdout)[0]
        return described

    def logs(self, container: str) -> str:
        """Return what a container has printed, both streams together."""
        done = self.run("logs", container)
        return done.stdout + done.stderr

    def has_image(self, reference: str) -> bool:
        """Tell whether the engine holds an image of this name."""
        return self.run("image", "inspect", reference, check=False).returncode == 0

    def forget_image(self, reference: str) -> None:
        """Remove an image from the engine, so that its next use is a real pull."""
        self.run("image", "rm", "--force", reference, check=False)

    def forget_images_of(self, host: str) -> None:
        """Remove every image whose name begins with registry `host`."""
        names = {
            name
            for name in self.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
            if name.startswith(f"{host}/") and not name.endswith(":<none>")
        }
        digests = self.lines("image", "ls", "--digests", "--quiet", "--filter", f"reference={host}/*/*")
        if names or digests:
            self.run("image", "rm", "--force", *sorted(names), *sorted(set(digests)), check=False)

    def remove_project(self, project: str) -> None:
        """Remove every container, network and volume of a Compose project, whatever state they are in."""
        if found := self.containers(project):
            self.run("rm", "--force", "--volumes", *found, check=False)
        if found := self.networks(project):
            self.run("network", "rm", *found, check=False)
        if found := self.volumes(project):
            self.run("volume", "rm", "--force", *found, check=False)


class ProjectCleanup:
    """Hands out slugs that no other test has, and removes their Compose projects afterwards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._projects: list[str] = []

    def slug(self, prefix: str = "app") -> str:
        """Return a new slug like web-3f9c2a; its project is removed when the test ends."""
        slug = f"{prefix}-{uuid.uuid4().hex[:6]}"
        self.add(project_of(slug))
        return slug

    __call__ = slug

    def add(self, project: str) -> None:
        """See to it that Compose project `project` is removed when the test ends."""
        self._projects.append(project)

    def remove_all(self) -> None:
        """Remove what the projects left on the engine."""
        for project in self._projects:
            self._engine.remove_project(project)


def project_of(slug: str) -> str:
    """Return the Compose project name of an app."""
    return f"simpledeploy-{slug}"
