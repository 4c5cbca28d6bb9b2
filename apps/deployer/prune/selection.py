"""What a prune would remove, and what it keeps: decided from what the engine has and what the apps need."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from apps.core.sentences import sentence
from apps.deployer.prune.inventory import Container, Image, Inventory, Sizes
from apps.deployer.prune.needs import Needs


class Kind(StrEnum):
    """What a prune can be asked to remove. Volumes are none of it."""

    CONTAINERS = "containers"
    NETWORKS = "networks"
    IMAGES = "images"
    BUILD_CACHE = "build-cache"


@dataclass(frozen=True)
class Item:
    """One thing that nothing needs."""

    kind: Kind
    id: str
    name: str
    why: str  # it may go
    size: int | None = None  # bytes that its removal frees; None: not known
    references: tuple[str, ...] = ()  # what the engine is told to remove
    keep_parents: bool = False  # what an image was built on is needed

    def as_dict(self) -> dict[str, Any]:
        """Return what people read of it, as JSON types."""
        told = asdict(self)
        return {key: told[key] for key in ("kind", "id", "name", "why", "size")}


@dataclass(frozen=True)
class KeptImage:
    """An image that no container uses and that stays for an app."""

    id: str
    name: str
    reasons: tuple[str, ...]  # shop: version 3


@dataclass(frozen=True)
class Selection:
    """What may go, by kind, and the images that stay because of an app."""

    items: tuple[Item, ...] = ()
    build_cache: int | None = 0  # bytes; None: not known
    kept: tuple[KeptImage, ...] = ()

    def of(self, kind: Kind) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind == kind)

    def size_of(self, kind: Kind) -> int | None:
        """Return the bytes that removing all of `kind` frees, about; None where that is not known."""
        if kind == Kind.BUILD_CACHE:
            return self.build_cache
        sizes = [item.size for item in self.of(kind)]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def narrowed(self, wanted: Mapping[Kind, Collection[str]]) -> tuple[Item, ...]:
        """Return those of the items whose ids `wanted` has under their kind."""
        return tuple(item for item in self.items if item.id in wanted.get(item.kind, ()))


def select(inventory: Inventory, needs: Needs, sizes: Sizes | None) -> Selection:
    """Return what nothing needs of `inventory`.

    Never a volume; never what any container uses; of images, containers and networks that are other
    people's only what Docker itself calls left over: images without a name, and stopped containers of no
    project.
    """
    return Selection(
        (
            *_containers(inventory, needs, sizes),
            *_networks(inventory, needs),
            *_images(inventory, needs, sizes),
        ),
        sizes.build_cache if sizes else None,
        tuple(_kept(inventory, needs)),
    )


def _containers(inventory: Inventory, needs: Needs, sizes: Sizes | None) -> Iterator[Item]:
    for container in inventory.containers:
        why = _left_over(container, needs) if container.is_stopped else ""
        if why:
            size = sizes.containers.get(container.id, 0) if sizes else None
            yield Item(Kind.CONTAINERS, container.id, container.name, why, size, (container.id,))


def _left_over(container: Container, needs: Needs) -> str:
    """Return why a stopped container may go, empty where it may not: a finished job of an app stays."""
    if container.project in needs.removed_projects:
        return sentence("its app was removed")
    if container.one_off and container.project in needs.live_projects:
        return sentence("docker compose run left it")
    if not container.project and not container.orchestrated:
        return sentence("it is stopped and of no project")
    return ""


def _networks(inventory: Inventory, needs: Needs) -> Iterator[Item]:
    used = {name for container in inventory.containers for name in container.networks}
    running = {container.project for container in inventory.containers}
    for network in inventory.networks:
        if network.project not in needs.projects or used & {network.id, network.name}:
            continue
        if network.project in needs.removed_projects:
            why = sentence("its app was removed")
        elif network.project in running:
            why = sentence("no container of its app uses it")
        else:
            continue  # an app without any container may be about to get some
        yield Item(Kind.NETWORKS, network.id, network.name, why, 0, (network.id,))


def _images(inventory: Inventory, needs: Needs, sizes: Sizes | None) -> Iterator[Item]:
    used = {container.image_id for container in inventory.containers}
    by_id = {image.id: image for image in inventory.images}
    built_on = {image.parent for image in inventory.images}
    for image in inventory.images:
        # What others were built on goes with the last of them.
        if image.id in used | built_on or _needed_by(image, needs):
            continue
        if not image.names:
            why = sentence("it has no name any more")
        elif needs.used_names.issuperset(image.names):
            why = sentence("no app needs it any more")
        else:
            continue  # it has a name that no app of the panel ever used
        yield Item(
            Kind.IMAGES,
            image.id,
            _name(image),
            why,
            sizes.images.get(image.id, image.size) if sizes else None,
            _references(image),
            keep_parents=any(_needed_by(one, needs) for one in _ancestors(image, by_id)),
        )


def _kept(inventory: Inventory, needs: Needs) -> Iterator[KeptImage]:
    used = {container.image_id for container in inventory.containers}
    for image in inventory.images:
        if image.id not in used and (apps := _needed_by(image, needs)):
            reasons = tuple(
                sentence("%(app)s: %(why)s", app=slug, why=why) for slug, why in sorted(apps.items())
            )
            yield KeptImage(image.id, _name(image), reasons)


def _needed_by(image: Image, needs: Needs) -> dict[str, str]:
    """Return the apps that need `image`, and why."""
    found: dict[str, str] = {}
    for reference in (image.id, *image.digests, *image.names):
        found = needs.images.get(reference, {}) | found
    return found


def _ancestors(image: Image, by_id: Mapping[str, Image]) -> Iterator[Image]:
    while parent := by_id.get(image.parent):
        yield parent
        image = parent


def _name(image: Image) -> str:
    return ", ".join(image.names) or next(iter(image.digests), image.id.removeprefix("sha256:")[:12])


def _references(image: Image) -> tuple[str, ...]:
    """Return what to tell the engine, which refuses an id that more than one name stands for."""
    tagged = {name.rpartition(":")[0] for name in image.names}
    # The last name of a repository takes the digests that it was pulled by with it.
    loose = tuple(d for d in image.digests if d.partition("@")[0] not in tagged)
    references = (*image.names, *loose)
    return references if len(references) > 1 else (image.id,)
