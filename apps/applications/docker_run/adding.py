"""A `docker run` line put into a content that somebody edits."""

import re
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.applications import environment
from apps.applications.compose_add import add_service
from apps.applications.docker_run.service import read_run_line

__all__ = ["Added", "add_run_line"]


@dataclass(frozen=True)
class Added:
    """The content with the service in it, its name there, and what the person should know."""

    compose: str
    environment: str = field(repr=False)
    service: str = ""
    notes: list[str] = field(default_factory=list)


def add_run_line(compose: str, typed_environment: str, line: str) -> Added:
    """Return the content with what the `docker run` line asks for as one more service.

    Values that look like secrets go into the environment, which is stored encrypted. Raises InvalidRunLine,
    and InvalidContent where `compose` has faults.
    """
    found = read_run_line(line)
    taken = {one.name for one in environment.parse(typed_environment).assignments}
    values, notes = {}, list(found.notes)
    for name, value in found.environment.items():
        own = name if name not in taken else f"{re.sub('[^A-Za-z0-9_]', '_', found.name)}_{name}".upper()
        if not own[0].isalpha() or own in taken:
            own = f"RUN_{len(taken)}_{name}"
        found.service["environment"][name] = f"${{{own}}}"
        values[own] = value
    if values:
        told = _("What looks like a secret stands in the environment: %(names)s.")
        notes.append(told % {"names": ", ".join(values)})
    text, service = add_service(
        compose, found.name, found.service, volumes=found.volumes, networks=found.networks
    )
    if values and typed_environment and not typed_environment.endswith("\n"):
        typed_environment += "\n"
    return Added(text, typed_environment + environment.write(values), service, notes)
