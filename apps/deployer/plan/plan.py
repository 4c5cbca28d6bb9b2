"""What a deploy will do, before it does it: plain data, without anything secret."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any

from apps.core.sentences import Sentence
from apps.deployer.check import Checked
from apps.deployer.plan.changes import Reason
from apps.deployer.redaction import Redactor

_MOST_WORDS = 500


class Change(StrEnum):
    """What happens to a service or to one of its containers."""

    CREATE = "create"
    RECREATE = "recreate"  # stopped, removed and made anew; its named volumes stay
    SCALE = "scale"  # containers are added or removed, the others untouched (services only)
    START = "start"  # fits and stands still: `up` starts it
    KEEP = "keep"
    REMOVE = "remove"


class Resource(StrEnum):
    """What happens to a network or volume. Compose's `up` removes neither."""

    CREATE = "create"
    KEEP = "keep"
    UNUSED = "stays unused"  # of the project, and nothing of the content uses it
    MISSING = "missing"  # external, and not on the engine: `up` fails
    REMOVE = "remove"  # only where the whole app goes


class Image(StrEnum):
    """What happens to an image before containers are made from it."""

    PULL = "pull"  # not on the engine
    CHECK = "check"  # on the engine; the registry is asked whether the name means another one by now
    HERE = "here"  # on the engine, and used as it is
    BUILD = "build"
    MISSING = "missing"  # neither on the engine nor to be pulled or built: `up` fails


@dataclass(frozen=True)
class ContainerPlan:
    name: str
    action: Change


@dataclass(frozen=True)
class ServicePlan:
    """One service: what happens to it and why, and to each of its containers."""

    service: str
    action: Change
    reasons: tuple[Reason, ...] = ()
    containers: tuple[ContainerPlan, ...] = ()
    now: int = 0  # containers that it has
    wanted: int = 0  # containers that the file asks for
    image: str = ""


@dataclass(frozen=True)
class ResourcePlan:
    name: str
    action: Resource


@dataclass(frozen=True)
class ImagePlan:
    image: str
    action: Image
    services: tuple[str, ...]
    id: str = ""  # of what the name means on the engine, empty where it has none


@dataclass(frozen=True)
class Clash:
    """Something that `up` cannot have: a host port or a container name, and who has it."""

    service: str
    what: str  # port 127.0.0.1:8080/tcp
    holder: str  # container x of app y


@dataclass(frozen=True)
class Plan:
    """What a deploy of a content as app `slug` would do; nothing in it is secret but `checked`."""

    slug: str
    sha256: str  # of the content that was planned
    current_sha256: str = ""  # of the app's current version, empty where it has none
    pins_sha256: str = ""  # of the override with pinned images, empty where there is none
    services: tuple[ServicePlan, ...] = ()
    networks: tuple[ResourcePlan, ...] = ()
    volumes: tuple[ResourcePlan, ...] = ()
    images: tuple[ImagePlan, ...] = ()
    clashes: tuple[Clash, ...] = ()
    unset: tuple[str, ...] = ()  # variables that the file uses and the environment does not set
    warnings: tuple[str, ...] = ()  # Compose's own
    rehearsed: bool = False  # whether Compose's own dry run was asked too
    failure: str = ""  # in Compose's words, why its dry run did not get to its end
    checked: Checked = field(default_factory=Checked, repr=False, compare=False)

    @property
    def changes_something(self) -> bool:
        """Whether anything happens to a container, network or volume."""
        return any(one.action != Change.KEEP for one in self.services) or any(
            one.action == Resource.CREATE for one in (*self.networks, *self.volumes)
        )

    @property
    def asks_registries(self) -> bool:
        """Whether a registry is asked for a newer image of a name that the engine has."""
        return any(image.action == Image.CHECK for image in self.images)

    @property
    def fingerprint(self) -> str:
        """The identity of the plan: contents, actions and reasons.

        A container that crashes, ends or is started meanwhile does not change it: to start one that
        stands still is no other plan than to keep one that runs.
        """
        parts = [
            [self.sha256, self.current_sha256, self.pins_sha256],
            [_identity(service) for service in self.services],
            [asdict(resource) for resource in (*self.networks, *self.volumes)],
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def summary(self) -> str:
        """The services in a line: recreate web (image), keep db."""
        return ", ".join(_phrase(service) for service in self.services) or "no services"

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types, without anything secret."""
        told = {one.name: _plain(getattr(self, one.name)) for one in fields(self) if one.name != "checked"}
        return {**told, "summary": self.summary, "fingerprint": self.fingerprint}


def _identity(service: ServicePlan) -> list[Any]:
    def settled(action: Change) -> Change:
        return Change.KEEP if action == Change.START else action

    return [
        service.service,
        settled(service.action),
        service.wanted,
        [asdict(reason) for reason in service.reasons if reason.key != "state"],
        [[container.name, settled(container.action)] for container in service.containers],
    ]


def _phrase(service: ServicePlan) -> str:
    words = f"{service.action} {service.service}"
    if service.action == Change.SCALE:
        return f"{words} ({service.now} → {service.wanted})"
    if service.action == Change.RECREATE and service.reasons:
        return f"{words} ({', '.join(reason.key for reason in service.reasons)})"
    return words


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, StrEnum) else value


def masked(plan: Plan, redactor: Redactor) -> Plan:
    """Return `plan` with what may hold a value of an environment (names, images, words of Compose) masked.

    Names of services are keys of the file, into which Compose puts no values.
    """

    def hide(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            keep = ("service", "services", "action", "key", "id")
            return replace(
                value,
                **{f.name: hide(getattr(value, f.name)) for f in fields(value) if f.name not in keep},
            )
        if isinstance(value, tuple):
            return tuple(hide(one) for one in value)
        if isinstance(value, Sentence):
            return value.mapped(redactor.redact)
        return redactor.redact(value) if isinstance(value, str) else value

    columns = ("services", "networks", "volumes", "images", "clashes", "warnings", "failure")
    told = {name: hide(getattr(plan, name)) for name in columns}
    # Cut afterwards: of a secret that is cut off the rest would not be known for one.
    return replace(plan, **{**told, "failure": told["failure"][:_MOST_WORDS]})
