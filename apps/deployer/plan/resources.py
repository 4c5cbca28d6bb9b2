"""What happens to networks, volumes and images: decided from what is asked and what is there."""

import re
from collections.abc import Mapping
from typing import Any

from apps.deployer.plan.desired import Desired
from apps.deployer.plan.observed import Images
from apps.deployer.plan.plan import Image, ImagePlan, Resource, ResourcePlan
from apps.deployer.plan.rehearsal import Rehearsal

# The engine names a volume that nobody named by 64 hexadecimal digits; it lives and dies with its container.
_NAMELESS = re.compile(r"[0-9a-f]{64}")


def plan_resources(
    asked: Mapping[str, Any], present: Mapping[str, str], project: str, rehearsal: Rehearsal | None = None
) -> tuple[ResourcePlan, ...]:
    """Return the plan of the networks or volumes of a resolved model (`asked`), and of the project's others.

    `present` has the project of each that the engine holds, by name.
    """
    found: dict[str, Resource] = {}
    for key, resource in asked.items():
        name = (resource or {}).get("name") or key
        if name in present:
            found[name] = Resource.KEEP
        else:
            found[name] = Resource.MISSING if (resource or {}).get("external") else Resource.CREATE
        if rehearsal and name in rehearsal.created:
            found[name] = Resource.CREATE
    for name, owner in present.items():
        if owner == project and not _NAMELESS.fullmatch(name):
            found.setdefault(name, Resource.UNUSED)
    return tuple(ResourcePlan(name, found[name]) for name in sorted(found))


def plan_images(project: str, new: Desired, images: Images) -> tuple[ImagePlan, ...]:
    """Return the plan of each image that a service of the content is made from."""
    users: dict[str, list[str]] = {}
    actions: dict[str, Image] = {}
    for name, service in sorted(new.services.items()):
        image = image_of(project, name, service)
        users.setdefault(image, []).append(name)
        action = _image(service, image, images.id_of(image))
        # One service that builds an image builds it for all.
        if actions.get(image) != Image.BUILD:
            actions[image] = action
    return tuple(
        ImagePlan(image, actions[image], tuple(users[image]), images.id_of(image)) for image in sorted(users)
    )


def image_of(project: str, name: str, service: Mapping[str, Any]) -> str:
    """Return the image of service `name`; one that is built without a name is called after both."""
    return str(service.get("image") or f"{project}-{name}")


def is_built(service: Mapping[str, Any], image_id: str) -> bool:
    """Tell whether `up` builds the image of `service`, whose id here is `image_id` (empty: none)."""
    return bool(service.get("build")) and (not image_id or service.get("pull_policy") == "build")


def _image(service: Mapping[str, Any], image: str, image_id: str) -> Image:
    """Return what a deploy does about one image (pkg/compose/pull.go, build.go of Compose 2.26)."""
    if is_built(service, image_id):
        return Image.BUILD
    policy = str(service.get("pull_policy") or "")
    if not service.get("image") or policy in ("never", "build"):
        return Image.HERE if image_id else Image.MISSING
    if not image_id:
        return Image.PULL
    # An image that is only pulled where it is missing is asked for nevertheless where its tag is latest.
    moving = image.rpartition("/")[2].partition("@")[0].partition(":")[2] in ("", "latest")
    if "@" in image or (policy in ("missing", "if_not_present") and not moving):
        return Image.HERE
    return Image.CHECK
