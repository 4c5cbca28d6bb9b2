"""A `docker run` line as a service of a Compose file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.applications.docker_run import special
from apps.applications.docker_run.arguments import Given, read_arguments
from apps.applications.docker_run.flags import How
from apps.applications.docker_run.words import split, variables

_NO_NAME = re.compile(r"[^a-zA-Z0-9._-]+")
# The order in which people write a service.
_FIRST = (
    "image", "platform", "pull_policy", "restart", "init", "user", "working_dir", "hostname", "entrypoint",
    "command", "env_file", "environment", "ports", "volumes", "networks", "network_mode",
)  # fmt: skip


@dataclass
class RunLine:
    """A line's service, what it needs declared at the file's top, and what people should know about it."""

    name: str = ""
    service: dict[str, Any] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict, repr=False)  # values that look like secrets
    notes: list[str] = field(default_factory=list)


def read_run_line(line: str) -> RunLine:
    """Return the service that the `docker run` line asks for. Raises InvalidRunLine."""
    arguments = read_arguments(split(line))
    built = special.Built({"image": arguments.image}, notes=list(arguments.notes))
    for given in arguments.given:
        _put(built, given)
    if arguments.command:
        built.service["command"] = arguments.command
    special.finish(built)
    name = _name(built, arguments.image)
    named = dict.fromkeys(name for text in _texts(built.service) for name in variables(text))
    if missing := [name for name in named if name not in built.secrets]:
        built.notes.append(
            _("Give these a value in the environment: %(names)s.") % {"names": ", ".join(missing)}
        )
    ordered = {key: built.service[key] for key in _FIRST if key in built.service}
    rest = {key: held for key, held in built.service.items() if key not in ordered}
    return RunLine(name, ordered | rest, built.volumes, built.networks, built.secrets, built.notes)


def _put(built: special.Built, given: Given) -> None:
    """Put what `given` asks for into the service."""
    text, key = given.value or "", given.flag.key
    match given.flag.how:
        case How.LIST:
            built.at(key, list).append(text)
        case How.VALUE:
            built.set(key, text)
        case How.NUMBER:
            built.set(key, special.number(text))
        case How.TRUE:
            if text.lower() not in ("false", "0"):
                built.set(key, True)
        case How.PAIRS:
            name, _equals, held = text.partition("=")
            built.at(key, dict)[name] = held
        case How.SPECIAL:
            special.ACTIONS[given.name](built, text)
        case How.NOTHING | How.NOTHING_BARE if given.flag.told:
            built.notes.append(
                _("%(flag)s was left out: %(why)s.") % {"flag": given.written, "why": given.flag.told}
            )


def _name(built: special.Built, image: str) -> str:
    wanted = built.name or image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    name = _NO_NAME.sub("-", wanted).strip("-._")[:60] or "app"
    if built.name:
        built.notes.append(
            _("--name became the service's name, %(name)s: Compose names the container itself.")
            % {"name": name}
        )
    return name


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for held in value.values():
                yield from _texts(held)
        case list():
            for held in value:
                yield from _texts(held)
