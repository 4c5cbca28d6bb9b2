"""Which programs the commands start: docker, and Compose without a detour."""

import os
import shutil
from pathlib import Path

# Where docker looks for plugins after the user's own folder (docker/cli, cli-plugins/manager).
PLUGIN_FOLDERS = (
    Path("/usr/local/lib/docker/cli-plugins"),
    Path("/usr/local/libexec/docker/cli-plugins"),
    Path("/usr/lib/docker/cli-plugins"),
    Path("/usr/libexec/docker/cli-plugins"),
)
# A setting that adds folders: then docker itself has to look.
_MORE_FOLDERS = b'"cliPluginsExtraDirs"'


def docker_program() -> str:
    """Return the absolute path of the docker command; where there is none, its plain name.

    Absolute, because a PATH in a command's environment must not decide what is started.
    """
    return shutil.which("docker") or "docker"


def compose_program() -> str:
    """Return what is given `compose` and its arguments: Compose itself, or docker where it is not clear.

    `docker compose` starts docker, which asks Compose who it is, and then starts it with the same
    arguments: twice the time of Compose alone.
    """
    docker, own = docker_program(), operator_folder()
    # A script that is called docker (podman's, somebody's wrapper) decides itself what `compose` means.
    if _beginning(docker, 2) in (b"", b"#!") or _MORE_FOLDERS in _beginning(own / "config.json", 100_000):
        return docker
    for folder in (own / "cli-plugins", *PLUGIN_FOLDERS):
        plugin = folder / "docker-compose"
        if os.access(plugin, os.X_OK):
            return str(plugin)
    return docker


def _beginning(file: str | Path, size: int) -> bytes:
    """Return at most `size` bytes of `file`; none where it cannot be read."""
    try:
        with open(file, "rb") as opened:
            return opened.read(size)
    except OSError:
        return b""


def operator_folder() -> Path:
    """Return the Docker configuration folder of the panel's own user."""
    return Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")).absolute()
