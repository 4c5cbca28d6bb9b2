"""The environment that commands get: an allow-list."""

import os
from collections.abc import Collection

# What Docker and Compose need to reach the engine, the registries and the user's own configuration.
# Nothing else of the panel's environment may be here: Compose interpolates its environment into the
# files of whoever may deploy.
_DOCKER = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
_MACHINE = ("HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR")

# What docker gives its plugins, and by which Compose knows that it is one: it is started as docker starts it.
_AS_PLUGIN = {"DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker"}

# These steer docker itself and cannot be hidden; an app's environment may not define them either.
_STEERING = frozenset({"PATH", *_DOCKER})
ALLOWED = (*_STEERING, *_MACHINE, *_PROXIES, *(name.lower() for name in _PROXIES))


def process_environment(hide: Collection[str] = ()) -> dict[str, str]:
    """Return the part of the panel's environment that commands may see, without the names in `hide`.

    `hide` takes the names that an app's own environment defines, because Compose prefers the
    process's value of a name to the one in `.env`. PATH and DOCKER_* always stay.
    """
    environment = {
        name: os.environ[name]
        for name in sorted(ALLOWED)
        if name in os.environ and (name in _STEERING or name not in hide)
    }
    environment.setdefault("PATH", os.defpath)
    return environment | _AS_PLUGIN
