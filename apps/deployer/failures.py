"""What a failed command's output means, in a sentence: the one table of texts that only text can tell."""

import re
from collections.abc import Iterable

# (pattern in the output, sentence). `{registry}` is filled with the registry that the line names.
# tests/deployer/test_failures.py holds the engine's real output for each.
_TABLE: list[tuple[re.Pattern[str], str]] = [
    (
        re.compile(r"no basic auth credentials|authentication required|authorization failed", re.I),
        "Registry {registry} asks for a sign-in, and no credential for it may be used by this app.",
    ),
    (
        re.compile(r"unauthorized|incorrect username or password|invalid username/password", re.I),
        "Registry {registry} refused the credential.",
    ),
    (
        re.compile(r"pull access denied|requested access to the resource is denied|denied:", re.I),
        "Registry {registry} denied access: the image does not exist there or needs another credential.",
    ),
    (
        re.compile(r"manifest unknown|manifest for \S+ not found|not found: manifest|name unknown", re.I),
        "Registry {registry} does not have the image.",
    ),
    (re.compile(r"toomanyrequests|too many requests", re.I), "Registry {registry} limits the rate of pulls."),
    (
        re.compile(r"(?:dial tcp|lookup|proxyconnect|Client\.Timeout|TLS handshake|x509:)", re.I),
        "Registry {registry} could not be reached.",
    ),
    (
        re.compile(
            r"cannot connect to the docker daemon|is the docker daemon running|docker\.sock: connect", re.I
        ),
        "The Docker engine does not answer.",
    ),
    (re.compile(r"no space left on device", re.I), "The disk of the Docker engine is full."),
    (
        re.compile(r"non-overlapping IPv4 address pool|address pools have been fully subnetted", re.I),
        "The Docker engine has no address range left for another network. Remove unused networks, or add "
        "default-address-pools to its daemon.json.",
    ),
    (
        re.compile(r"port is already allocated|address already in use", re.I),
        "A port that the app publishes is taken by something else on this machine.",
    ),
    (
        re.compile(r"didn't complete successfully: exit (\d+)", re.I),
        "A service that had to end with 0 before others start did not.",
    ),
    (
        re.compile(r"dependency failed to start|is unhealthy", re.I),
        "A service that others wait for is not healthy.",
    ),
    (
        re.compile(r"container name \S+ is already in use", re.I),
        "A container_name of the file is taken by another container.",
    ),
]


def explain(output: Iterable[str], registries: Iterable[str]) -> str:
    """Return what the last telling line of `output` means, or an empty text.

    `registries` are the app's registry hosts, of which the sentence names the one in question.
    """
    hosts = list(registries)
    for line in reversed(list(output)):
        for pattern, sentence in _TABLE:
            if pattern.search(line):
                return sentence.replace("{registry}", _registry_in(line, hosts))
    return ""


def _registry_in(line: str, hosts: list[str]) -> str:
    """Return the host of `hosts` that `line` names; all of them where it names none."""
    named = [host for host in hosts if host in line or (host == "docker.io" and "docker.io" in line)]
    return " or ".join(named or hosts) or "(unknown)"
