"""Drift: in what an app's containers and files differ from what its last deploy left."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from apps.core.sentences import counted, sentence
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, IMAGES_FILE
from apps.deployer.containers import Container
from apps.deployer.state.app_files import EditedFile
from apps.deployer.state.baseline import Baseline


class Kind(StrEnum):
    CONFIGURATION = "configuration"  # a container was made from another configuration
    IMAGE = "image"  # a container runs another image
    MISSING = "missing"  # a service has no container, or too few
    EXTRA = "extra"  # a service that the version does not have, or too many containers
    FILE = "file"  # of the app's folder
    ENVIRONMENT_FILE = "environment file"


@dataclass(frozen=True)
class Difference:
    """One difference; `service` is empty where it is about a file. Nothing in it is secret."""

    service: str
    kind: Kind
    text: str  # a sentence


def find_differences(
    baseline: Baseline, containers: Iterable[Container], files: Iterable[EditedFile]
) -> tuple[Difference, ...]:
    """Return in what `containers` (of the app) and its `files` differ from `baseline`.

    Nothing is claimed while an event is queued or runs, nor of what was never recorded: an app that is not
    deployed, and configurations, images and foreign services where no `up` of the panel has recorded them.
    A container that stands still differs in nothing.
    """
    if baseline.version is None or baseline.busy:
        return ()
    by_service: dict[str, list[Container]] = defaultdict(list)
    for container in containers:
        by_service[container.service].append(container)
    found = [*_counted(baseline, by_service)]
    if baseline.config_hashes:
        for service, own in sorted(by_service.items()):
            found += _changed(baseline, service, own)
    return (*found, *(_about_file(baseline, one) for one in files))


def _counted(baseline: Baseline, by_service: dict[str, list[Container]]) -> Iterator[Difference]:
    for one in baseline.expected:
        count = len(by_service.get(one.service, ()))
        facts = {"service": one.service, "version": baseline.version, "wanted": one.replicas}
        if count == one.replicas:
            continue
        if not count:
            text = sentence("%(service)s has no container; version %(version)s asks for %(wanted)s.", **facts)
        elif count < one.replicas:
            text = counted(
                "%(service)s has %(count)s of its containers; version %(version)s asks for %(wanted)s.",
                "%(service)s has %(count)s of its containers; version %(version)s asks for %(wanted)s.",
                count,
                **facts,
            )
        else:
            text = counted(
                "%(service)s has %(count)s container; version %(version)s asks for %(wanted)s.",
                "%(service)s has %(count)s containers; version %(version)s asks for %(wanted)s.",
                count,
                **facts,
            )
        yield Difference(one.service, Kind.MISSING if count < one.replicas else Kind.EXTRA, text)


def _changed(baseline: Baseline, service: str, own: list[Container]) -> Iterator[Difference]:
    recorded = baseline.config_hashes.get(service)
    if recorded is None:
        if service not in {one.service for one in baseline.expected}:
            text = sentence(
                "%(service)s is no service of version %(version)s%(origin)s.",
                service=service,
                version=baseline.version,
                origin=_origin(baseline, own),
            )
            yield Difference(service, Kind.EXTRA, text)
        return
    others = [c for c in own if c.config_hash != recorded]
    if others:
        text = counted(
            "%(which)s was made from another configuration%(origin)s.",
            "%(which)s were made from another configuration%(origin)s.",
            _number(own, others),
            which=_which(service, own, others),
            origin=_origin(baseline, others),
        )
        yield Difference(service, Kind.CONFIGURATION, text)
    known = baseline.image_ids.get(service)
    others = [c for c in own if known and c.image_id not in known]
    if others:
        images = ", ".join(sorted({c.image for c in others}))
        text = counted(
            "%(which)s was made from another image than was deployed (%(images)s).",
            "%(which)s were made from another image than was deployed (%(images)s).",
            _number(own, others),
            which=_which(service, own, others),
            images=images,
        )
        yield Difference(service, Kind.IMAGE, text)


def _which(service: str, own: list[Container], others: list[Container]) -> str:
    if len(others) == len(own):
        return service
    return sentence(
        "%(containers)s of %(service)s", containers=", ".join(c.name for c in others), service=service
    )


def _number(own: list[Container], others: list[Container]) -> int:
    """Return of how many things `_which` tells: the service as a whole is one."""
    return 1 if len(others) == len(own) else len(others)


def _origin(baseline: Baseline, containers: list[Container]) -> str:
    """Say which files the containers were started from, where these are not the app's own."""
    folder = AppFolder(baseline.slug).path
    own = {str(folder / COMPOSE_FILE), str(folder / IMAGES_FILE)}
    strange = sorted({name for c in containers for name in c.config_files} - own)
    if not strange:
        return ""
    folders = sorted({c.working_dir for c in containers if c.working_dir} - {str(folder)})
    files, where = ", ".join(strange), ", ".join(folders)
    if not where:
        return sentence(", started from %(files)s", files=files)
    return sentence(", started from %(files)s in %(folders)s", files=files, folders=where)


def _about_file(baseline: Baseline, edited: EditedFile) -> Difference:
    kind = Kind.ENVIRONMENT_FILE if edited.name == ENV_FILE else Kind.FILE
    path = AppFolder(baseline.slug).path / edited.name
    return Difference("", kind, sentence("%(file)s %(what)s.", file=str(path), what=edited.words))
