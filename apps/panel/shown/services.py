"""The services of an app as its page shows them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext, ngettext

from apps.deployer.state.app_state import AppState, ServiceState
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.models import DeployEvent
from apps.panel.shown.ports import PublishedPort, published_ports

# Containers of one service that the page lists by name; a service may have a hundred.
MAX_LISTED = 10
# Services that a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Standing:
    """How many containers of a service stand alike."""

    state: str
    health: str
    exit_code: int | None
    count: int


@dataclass(frozen=True)
class ImageShown:
    """An image with what tells which one it really is: its digest, or the engine's id where it has none."""

    name: str
    identity: str = ""
    is_digest: bool = False

    @property
    def short(self) -> str:
        return self.identity.rpartition(":")[2][:12]


@dataclass
class ServiceRow:
    """One service with its containers.

    `expected` is what its Compose file asks for and `recorded` the image that its last deploy left, where
    these are known; `host` is what the page was asked for by.
    """

    name: str
    expected: Expectation | None = None
    recorded: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""
    is_stopped: bool = False  # on purpose
    containers: list[ServiceState] = field(default_factory=list)

    @property
    def wanted(self) -> int | None:
        return self.expected.replicas if self.expected else None

    @cached_property
    def running(self) -> int:
        return sum(c.state == "running" for c in self.containers)

    @property
    def is_done(self) -> bool:
        """Whether it is a job that has done its work."""
        return (
            self.expected is not None
            and self.expected.one_shot
            and bool(self.containers)
            and all(c.state == "exited" and c.exit_code == 0 for c in self.containers)
        )

    @property
    def standings(self) -> list[Standing]:
        """What its containers do, the most frequent first."""
        counted = Counter(self._standing(c) for c in self.containers)
        return [Standing(*what, count) for what, count in counted.most_common()]

    def _standing(self, container: ServiceState) -> tuple[str, str, int | None]:
        # What a container ends with that somebody stops says nothing.
        if self.is_stopped:
            return "stopped", "", None
        return container.state, container.health, container.exit_code

    @property
    def listed(self) -> list[ServiceState]:
        """Its containers, those that do not run well first; no more than MAX_LISTED."""
        return sorted(self.containers, key=_is_well)[:MAX_LISTED]

    @property
    def unlisted(self) -> int:
        return max(0, len(self.containers) - MAX_LISTED)

    @property
    def troubles(self) -> list[str]:
        """What else is to be known of containers that were in trouble, each sentence once."""
        found: list[str] = []
        if self.is_stopped:
            return found
        restarts = max((c.restarts for c in self.containers), default=0)
        if restarts:
            found.append(ngettext("restarted %(count)d time", "restarted %(count)d times", restarts))
            found[-1] %= {"count": restarts}
        codes = {c.last_exit for c in self.containers if c.last_exit and c.exit_code is None and c.restarts}
        found += [gettext("last ended with exit code %(code)d") % {"code": code} for code in sorted(codes)]
        if any(c.oom_killed and (c.exit_code or c.last_exit) for c in self.containers):
            found.append(gettext("ran out of memory"))
        return found

    @property
    def images(self) -> list[ImageShown]:
        """The images that its containers run, each with its digest where it is the recorded one."""
        return [self._image(*found) for found in sorted({(c.image, c.image_id) for c in self.containers})]

    def _image(self, reference: str, id_: str) -> ImageShown:
        # A container that a rollback has pinned names its digest itself.
        name, _, digest = reference.partition("@")
        if not digest and id_ and id_ == self.recorded.get("id"):
            digest = self.recorded.get("digest", "").partition("@")[2]
        return ImageShown(name, digest or id_, is_digest=bool(digest))

    @property
    def ports(self) -> list[PublishedPort]:
        return published_ports({port for c in self.containers for port in c.ports}, self.host)

    @property
    def newest(self) -> datetime | None:
        """When the container was started that was started last, of those that run."""
        return max(self._starts, default=None)

    @property
    def oldest(self) -> datetime | None:
        """When the one was started that runs longest, where that is at least a minute before the newest."""
        if not self._starts or (max(self._starts) - min(self._starts)).total_seconds() < 60:
            return None
        return min(self._starts)

    @property
    def can_start(self) -> bool:
        stands_still = ("created", "exited", "dead")
        return self.expected is not None and any(c.state in stands_still for c in self.containers)

    @property
    def can_stop(self) -> bool:
        return self.expected is not None and any(
            c.state in ("running", "restarting", "paused") for c in self.containers
        )

    @cached_property
    def _starts(self) -> list[datetime]:
        starts = (_moment(c.started_at) for c in self.containers if c.state == "running")
        return [start for start in starts if start is not None]


def service_rows(state: AppState, shaped: DeployEvent | None, host: str = "") -> list[ServiceRow]:
    """Return every service that the file asks for or that has a container, by name.

    `shaped` is the event that set which containers the app has, `host` what the page was asked for by.
    """
    rows: dict[str, ServiceRow] = {}
    for asked in shaped.expected if shaped else ():
        expected = Expectation(**asked)
        rows[expected.service] = ServiceRow(
            expected.service, expected, shaped.images.get(expected.service, {}) if shaped else {}, host
        )
    for container in state.services:
        row = rows.setdefault(container.service, ServiceRow(container.service, host=host))
        row.containers.append(container)
    for name in state.stopped & rows.keys():
        rows[name].is_stopped = bool(rows[name].containers) and not rows[name].is_done
    return sorted(rows.values(), key=lambda row: row.name)


def summary(rows: Iterable[ServiceRow]) -> str:
    """Say how many services are well, and which are not, in a few words."""
    rows = [row for row in rows if row.containers or (row.wanted != 0 and not row.is_stopped)]
    rows, stopped = [row for row in rows if not row.is_stopped], sum(row.is_stopped for row in rows)
    unwell = [row.name for row in rows if not _stands(row)]
    counts = {"well": len(rows) - len(unwell), "count": len(rows)}
    if not unwell:
        said = ngettext("%(count)d service well", "%(count)d services, all well", len(rows)) % counts
        return ", ".join([said, gettext("%(count)d stopped") % {"count": stopped}]) if stopped else said
    names = ", ".join(unwell[:_NAMED])
    if len(unwell) > _NAMED:
        names = gettext("%(names)s and %(count)d more") % {"names": names, "count": len(unwell) - _NAMED}
    said = ngettext(
        "%(well)d of %(count)d service well, not %(names)s",
        "%(well)d of %(count)d services well, not %(names)s",
        len(rows),
    )
    return said % {**counts, "names": names}


def _stands(row: ServiceRow) -> bool:
    """Tell whether a service is as its file asks, as far as its containers tell by themselves."""
    if row.is_done:
        return True
    missing = row.wanted is not None and len(row.containers) < row.wanted
    may_end = row.expected is not None and row.expected.may_end
    return not missing and all(
        _is_well(c) or (may_end and c.state == "exited" and c.exit_code == 0) for c in row.containers
    )


def _is_well(container: ServiceState) -> bool:
    return container.state == "running" and container.health in ("", "healthy")


def _moment(text: str) -> datetime | None:
    """Return the time that the engine's words tell, None where it means "never"."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment.year > 1 else None
