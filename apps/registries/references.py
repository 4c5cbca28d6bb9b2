"""Which registry an image reference means, by the rules of github.com/distribution/reference."""

import re

from django.utils.translation import gettext

from apps.core.errors import DomainError

DOCKER_HUB = "docker.io"
# The names under which people and tools know Docker Hub.
_HUB_NAMES = {
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
    "hub.docker.com",
}
# Docker's configuration file keys Docker Hub by this address (docker/cli: registry.IndexServer).
_HUB_CONFIG_KEY = "https://index.docker.io/v1/"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{{1,5}}))?")


class InvalidRegistryHost(DomainError):
    """A text that names no registry host."""


def normalise_host(text: str) -> str:
    """Return the registry host (with its port) that `text` means, in lower case, Docker Hub as docker.io.

    A scheme, the path of Docker Hub's old index and a trailing slash are dropped.
    Raises InvalidRegistryHost where no host is left, or it has a user name, a path or odd characters.
    """
    host = re.sub(r"^https?://", "", text.strip().lower())
    host = re.sub(r"^([^/]+)/(?:v[12]/?)?$", r"\1", host)
    match = _HOST.fullmatch(host)
    if not match or len(host) > 255 or int(match["port"] or 0) > 65535:
        raise InvalidRegistryHost(
            gettext("%(text)r is no registry host. Write it like ghcr.io or registry.example.com:5000.")
            % {"text": text.strip()[:100]}
        )
    return DOCKER_HUB if host in _HUB_NAMES else host


def registry_of(image: str) -> str:
    """Return the registry host that the image reference `image` is pulled from.

    The part before the first slash is a host only where it holds a dot or a colon, is localhost, or
    has a capital letter; everything else lives on Docker Hub (reference.splitDockerDomain).
    """
    first, slash, _rest = image.partition("/")
    is_host = slash and (re.search(r"[.:]", first) or first == "localhost" or first != first.lower())
    return normalise_host(first) if is_host else DOCKER_HUB


def familiar_repository(image: str) -> str:
    """Return the repository of the reference `image` as the engine writes it: short where on Docker Hub.

    nginx:1 is nginx, docker.io/library/nginx too, docker.io/x/y is x/y (reference.FamiliarName).
    """
    name = re.sub(r":[^:/]*$", "", image.partition("@")[0])
    if registry_of(image) != DOCKER_HUB:
        return name
    first, slash, rest = name.partition("/")
    if slash and first in _HUB_NAMES:
        name = rest
    return name.removeprefix("library/")


def familiar_name(image: str) -> str:
    """Return the reference `image` as the engine lists it: repository:tag, or repository@sha256:..."""
    repository = familiar_repository(image)
    name, _, digest = image.partition("@")
    if digest:
        return f"{repository}@{digest}"
    tag = re.search(r":([^:/]*)$", name)
    return f"{repository}:{tag[1] if tag else 'latest'}"


def config_key(host: str) -> str:
    """Return the key of registry `host` under `auths` in Docker's config.json."""
    return _HUB_CONFIG_KEY if host == DOCKER_HUB else host
