"""What taking a foreign project over will do, before it does it: plain data, without anything secret."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.applications.content import Content
from apps.deployer.adopt.foreign import ForeignProject
from apps.deployer.plan.plan import Change


@dataclass(frozen=True)
class ContainerMove:
    """One container: it goes, and `new_name` comes in its place; an empty name means none."""

    service: str
    old_name: str  # empty: the service had no such container
    new_name: str
    state: str = ""  # of the old one

    @property
    def action(self) -> Change:
        if not self.old_name:
            return Change.CREATE
        return Change.RECREATE if self.new_name else Change.REMOVE


@dataclass(frozen=True)
class NetworkMove:
    """One network of the project; where both names are the same it stays, without a new one it goes."""

    old_name: str
    new_name: str
    attached: tuple[str, ...] = ()  # containers of others that are in it

    @property
    def action(self) -> Change:
        if not self.new_name:
            return Change.REMOVE
        return Change.KEEP if self.old_name == self.new_name else Change.RECREATE


@dataclass(frozen=True)
class AdoptionPlan:
    """What taking `project` over as the app `slug` would do; nothing that `as_dict` has is secret."""

    project: str
    slug: str
    folder: str
    sha256: str  # of the content that the app would have
    containers: tuple[ContainerMove, ...] = ()
    volumes: tuple[str, ...] = ()  # stay with their data, by name
    binds: tuple[str, ...] = ()  # paths of this machine that stay
    networks: tuple[NetworkMove, ...] = ()
    lost: tuple[str, ...] = ()  # what cannot be kept, a sentence each
    warnings: tuple[str, ...] = ()  # what else to know before, a sentence each
    is_merged: bool = False
    old: ForeignProject = field(default_factory=lambda: ForeignProject("", ()), repr=False)
    content: Content = field(default_factory=lambda: Content(""), repr=False)
    model: dict[str, Any] = field(default_factory=dict, repr=False)  # the resolved file, with its secrets
    asks: tuple[tuple[str, str], ...] = ()  # of the host: rules and their subjects

    @property
    def fingerprint(self) -> str:
        """The identity of the plan: the content, and the containers with their configurations."""
        containers = sorted((c.id, c.config_hash) for c in self.old.containers)
        parts = [self.project, self.slug, self.sha256, containers]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def summary(self) -> str:
        """The plan in a line."""
        count = len(self.old.containers)
        return (
            f"recreate {count} container{'' if count == 1 else 's'} of {self.project} as {self.slug}, "
            f"keep {len(self.volumes)} volume{'' if len(self.volumes) == 1 else 's'}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types, without anything secret."""
        return {
            "project": self.project,
            "slug": self.slug,
            "folder": self.folder,
            "sha256": self.sha256,
            "yaml": self.content.yaml,
            "containers": [{"action": str(one.action), **asdict(one)} for one in self.containers],
            "volumes": list(self.volumes),
            "binds": list(self.binds),
            "networks": [
                {"action": str(one.action), **asdict(one), "attached": list(one.attached)}
                for one in self.networks
            ],
            "lost": list(self.lost),
            "warnings": list(self.warnings),
            "is_merged": self.is_merged,
            "summary": self.summary,
            "fingerprint": self.fingerprint,
        }
