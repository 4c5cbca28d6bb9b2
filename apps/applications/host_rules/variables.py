"""The environment of an app, as far as it reaches Docker's own programs or decides which file is read."""

import re
from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext

from apps.applications.host_rules.rules import Found, HostRule

# Compose puts what stands in `.env` into its own environment, and what it starts (the build plugin,
# credential helpers, git, ssh) gets it from there: a library to load, a folder of plugins, a command.
_STEERING = re.compile(
    r"LD_.*|DYLD_.*|GIT_.*|SSH_.*|BUILDX_.*|BUILDKIT_.*|XDG_.*|GODEBUG|GCONV_PATH|BASH_ENV|HOME|TMPDIR"
    r"|SSL_CERT_(FILE|DIR)|DOCKER_(BUILDKIT|CLI_.*|CONTENT_TRUST.*|AUTH_CONFIG|TLS|CUSTOM_HEADERS)"
    r"|COMPOSE_(?!PROFILES$|PROJECT_NAME$|HTTP_TIMEOUT$).*"
)
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?-)(?P<default>[^${}]*))?\}|)"
)


def steering(names: Iterable[str]) -> Iterator[Found]:
    """Yield the variables, of the `names` in an app's environment, that steer more than the app."""
    for name in names:
        if _STEERING.fullmatch(name):
            yield Found(
                HostRule.ENVIRONMENT,
                (),
                gettext(
                    "The variable %(name)s steers Docker's own programs on this machine, not only the app."
                )
                % {"name": name},
                subject=name,
            )


def interpolated(text: str, values: Mapping[str, str]) -> str | None:
    """Return `text` with its variables replaced by `values`, as Compose does.

    None where that cannot be told here: where a variable has no value there, Compose may have one of its
    own, and some forms are too rare to be followed.
    """
    result, position = "", 0
    for match in _VARIABLE.finditer(text):
        result += text[position : match.start()]
        position = match.end()
        name = match["plain"] or match["name"]
        if match["dollar"]:
            result += "$"
        elif not name or name.upper().startswith("COMPOSE_") or name not in values:
            return None
        else:
            result += values[name] or (match["default"] if match["how"] == ":-" else "")
    return result + text[position:]
