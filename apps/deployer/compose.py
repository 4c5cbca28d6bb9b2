"""The argv of every Compose command: built here, run by a CommandRunner."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.deployer.programs import compose_program

COMPOSE_FILE = "docker-compose.yml"
ENV_FILE = ".env"
# An override that the panel makes: the images that a rollback holds the services to.
IMAGES_FILE = "docker-compose.images.yml"


@dataclass(frozen=True)
class Project:
    """A Compose project: its name, the folder of its files, and whether IMAGES_FILE is one of these."""

    name: str
    folder: Path
    pinned: bool = False


def compose(project: Project, *args: str) -> list[str]:
    """Return the command `docker compose ARGS` for `project` and its files, of which the last has its way."""
    names = (COMPOSE_FILE, IMAGES_FILE) if project.pinned else (COMPOSE_FILE,)
    files = [word for name in names for word in ("-f", str(project.folder / name))]
    return [*_docker_compose(project), "--project-directory", str(project.folder), *files, *args]


def _compose_on_model(project: Project, *args: str) -> list[str]:
    """Return the command `docker compose ARGS` for a resolved model that it gets on standard input.

    The folder only says what relative paths mean; no file of it is read, nor need it exist.
    """
    folder = str(project.folder)
    return [
        *_docker_compose(project),
        *("--project-directory", folder, "--env-file", os.devnull, "-f", "-"),
        *args,
    ]


def _docker_compose(project: Project) -> list[str]:
    """Return the beginning of a command whose output is for a log: plain, without colours."""
    return [compose_program(), "compose", "--ansi", "never", "--progress", "plain", "-p", project.name]


def pull(project: Project) -> list[str]:
    """Pull the images of all services."""
    return compose(project, "pull")


def pull_unbuilt(project: Project) -> list[str]:
    """Pull the images of those services that the file does not build."""
    return compose(project, "pull", "--ignore-buildable")


def up(project: Project) -> list[str]:
    """Create and start what changed, and remove the containers of services that are gone."""
    return compose(project, "up", "-d", "--remove-orphans")


def stop(project: Project, services: Iterable[str] = ()) -> list[str]:
    """Stop the containers (of `services`, by default of all) and keep them."""
    return _of_services(project, "stop", services)


def start(project: Project, services: Iterable[str] = ()) -> list[str]:
    """Start the containers that exist, of `services` (default: of all) and of what these depend on."""
    return _of_services(project, "start", services)


def restart(project: Project, services: Iterable[str] = ()) -> list[str]:
    """Restart the containers that exist, of `services` (default: of all)."""
    return _of_services(project, "restart", services)


def _of_services(project: Project, command: str, services: Iterable[str]) -> list[str]:
    names = sorted(services)
    # A service may be called --timeout=0: no name may stand where an option could.
    return compose(project, command, *(["--", *names] if names else []))


def scale(project: Project, counts: Mapping[str, int]) -> list[str]:
    """Run `counts` containers of each service, and touch no other service and no running container."""
    services = sorted(counts)
    # A service may be called --build: no name may stand where an option could.
    options = [f"--scale={service}={counts[service]}" for service in services]
    return compose(project, "up", "-d", "--no-deps", "--no-recreate", *options, "--", *services)


def down(project: Project, volumes: bool = False) -> list[str]:
    """Remove containers and networks, with the project's volumes where `volumes` says so.

    Without a file Compose finds them by their labels: whatever the file says by now, and even where it is
    gone or no longer valid, all that exists goes. To be run where no Compose file lies.
    """
    return [*_docker_compose(project), "down", "--remove-orphans", *(["--volumes"] if volumes else [])]


def pull_missing(project: Project) -> list[str]:
    """Pull the images that the engine does not have, and ask for no newer ones."""
    return compose(project, "pull", "--policy", "missing")


def config(project: Project) -> list[str]:
    """Print the resolved file as JSON, with paths as they were written."""
    return compose(project, "config", "--format", "json", "--no-path-resolution")


def resolved(
    project: Project,
    *,
    files: Iterable[str] = (),
    env_files: Iterable[str] = (),
    profiles: Iterable[str] = (),
    interpolate: bool = True,
) -> list[str]:
    """Print the files as one, with absolute paths: as JSON, or as YAML in which the variables stay.

    `files` are absolute paths, by default the project's own one; `env_files` are read in place of the
    folder's `.env`; the profile `*` is every one.
    """
    words = [word for path in files or (str(project.folder / COMPOSE_FILE),) for word in ("-f", path)]
    words += [word for path in env_files for word in ("--env-file", path)]
    words += [f"--profile={profile}" for profile in profiles]
    how = ("--format", "json") if interpolate else ("--no-interpolate",)
    return [*_docker_compose(project), "--project-directory", str(project.folder), *words, "config", *how]


def service_names(project: Project) -> list[str]:
    """Print the names of all services, those of profiles that are not active too, one a line."""
    return compose(project, "--profile", "*", "config", "--services")


def hashes(project: Project) -> list[str]:
    """Print each service of the model on standard input with the hash of its configuration.

    The hashes are those of the label com.docker.compose.config-hash only where the model is what
    `config` printed: of a file itself, `--hash` leaves the content of an env_file out. The model is
    normalised already, and may name containers where the file names services.
    """
    return _compose_on_model(project, "config", "--no-normalize", "--no-consistency", "--hash", "*")


def rehearse(project: Project) -> list[str]:
    """Print which containers, networks and volumes `up` would make with the model on standard input.

    Nothing is changed. The containers are not started, not even for show: the dry run would wait for ever
    until a container that it never made is healthy, or has ended.
    """
    return _compose_on_model(project, "--dry-run", "up", "--no-start", "--remove-orphans")


def version() -> list[str]:
    """Print the version of Compose and nothing else."""
    return [compose_program(), "compose", "version", "--short"]
