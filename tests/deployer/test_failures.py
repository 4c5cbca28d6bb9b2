# ruff: noqa: E501 (what was printed stands in one piece)
"""The engine's and the registries' real words, and what the panel makes of them."""

import pytest

from apps.deployer.failures import explain

HOSTS = ["127.0.0.1:5999", "docker.io"]


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            'Error response from daemon: Head "http://127.0.0.1:5999/v2/demo/web/manifests/1": no basic auth credentials',
            "Registry 127.0.0.1:5999 asks for a sign-in",
        ),
        (
            'Error response from daemon: Head "http://127.0.0.1:5999/v2/demo/web/manifests/1": unauthorized: '
            "authentication required",
            "Registry 127.0.0.1:5999 asks for a sign-in",
        ),
        (
            "Error response from daemon: login attempt to http://127.0.0.1:5999/v2/ failed with status: 401 Unauthorized",
            "Registry 127.0.0.1:5999 refused the credential",
        ),
        (
            "Error response from daemon: manifest for 127.0.0.1:5999/demo/web:9 not found: manifest unknown: "
            "manifest unknown",
            "Registry 127.0.0.1:5999 does not have the image",
        ),
        (
            "Error response from daemon: pull access denied for private/app, repository does not exist or may "
            "require 'docker login': denied: requested access to the resource is denied",
            "Registry 127.0.0.1:5999 or docker.io denied access",
        ),
        (
            'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup '
            "registry-1.docker.io: no such host",
            "Registry docker.io could not be reached",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit",
            "limits the rate of pulls",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "The Docker engine does not answer",
        ),
        (
            "failed to create network simpledeploy-a_default: Error response from daemon: could not find an available, "
            "non-overlapping IPv4 address pool among the defaults to assign to the network",
            "no address range left",
        ),
        (
            "Error response from daemon: all predefined address pools have been fully subnetted",
            "no address range left",
        ),
        (
            "failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device",
            "The disk of the Docker engine is full",
        ),
        (
            "Error response from daemon: driver failed programming external connectivity on endpoint x: Bind for "
            "127.0.0.1:8080 failed: port is already allocated",
            "A port that the app publishes is taken",
        ),
        (
            'service "migrate" didn\'t complete successfully: exit 3',
            "A service that had to end with 0 before others start did not",
        ),
        (
            "dependency failed to start: container x-db-1 is unhealthy",
            "A service that others wait for is not healthy",
        ),
        (
            'Conflict. The container name "/db" is already in use by container "abc". You have to remove',
            "A container_name of the file is taken",
        ),
    ],
)
def test_a_known_failure_gets_a_sentence(output: str, sentence: str) -> None:
    assert sentence in explain(["web Pulling", output, ""], HOSTS)


def test_an_unknown_failure_gets_none() -> None:
    assert explain(["something else went wrong"], HOSTS) == ""
    assert explain([], HOSTS) == ""
