"""Which registry an image comes from, and how hosts are written."""

import pytest

from apps.registries.references import (
    InvalidRegistryHost,
    config_key,
    familiar_repository,
    normalise_host,
    registry_of,
)


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("nginx", "docker.io"),
        ("nginx:1.27", "docker.io"),
        ("nginx@sha256:" + "0" * 64, "docker.io"),
        ("library/nginx", "docker.io"),
        ("grafana/grafana:11", "docker.io"),
        ("docker.io/x/y", "docker.io"),
        ("index.docker.io/x/y", "docker.io"),
        ("ghcr.io/org/app:1", "ghcr.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("127.0.0.1:5000/demo/web:1", "127.0.0.1:5000"),
        ("host:5000/name", "host:5000"),
        ("registry.example.com/team/app@sha256:" + "0" * 64, "registry.example.com"),
        ("team/sub/app", "docker.io"),
        ("Example/app", "example"),
    ],
)
def test_the_registry_of_an_image(image: str, host: str) -> None:
    assert registry_of(image) == host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (" GHCR.io ", "ghcr.io"),
        ("https://registry.example.com/", "registry.example.com"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
    ],
)
def test_a_host_is_kept_in_one_form(text: str, host: str) -> None:
    assert normalise_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", " ", "-x", "--config=/etc", "a b", "a/b", "user@host", "host:99999", "host:", "$(id)", "a;b", "a\nb",
     "é.io", "x" * 300, "\x00", "https://", "../x", "'", '"'],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidRegistryHost, match="is no registry host"):
        normalise_host(text)


def test_docker_hub_has_its_own_key_in_dockers_configuration() -> None:
    assert config_key("docker.io") == "https://index.docker.io/v1/"
    assert config_key("ghcr.io") == "ghcr.io"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("nginx:1", "nginx"),
        ("docker.io/library/nginx", "nginx"),
        ("index.docker.io/x/y:2", "x/y"),
        ("x/y@sha256:" + "0" * 64, "x/y"),
        ("127.0.0.1:5000/demo/web:1", "127.0.0.1:5000/demo/web"),
        ("127.0.0.1:5000/demo/web", "127.0.0.1:5000/demo/web"),
        ("ghcr.io/library/app", "ghcr.io/library/app"),
    ],
)
def test_the_repository_as_the_engine_writes_it(image: str, repository: str) -> None:
    assert familiar_repository(image) == repository
