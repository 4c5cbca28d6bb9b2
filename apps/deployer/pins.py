"""Pins: services held to the very images that ran, whatever the names in their file mean by now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import yaml
from django.utils.translation import gettext

from apps.applications.models import ComposeVersion
from apps.core.errors import Conflict
from apps.deployments.models import DeployEvent

Image = Mapping[str, str]


class ImageGone(Conflict):
    """An image that ran, that the engine no longer has, and that no registry ever had."""


@dataclass(frozen=True)
class Pin:
    """The image that a service is held to, as Compose is told it."""

    reference: str  # repository@sha256:..., or the engine's id of an image that has no digest there
    is_here: bool  # the engine has it: nothing is pulled


def recorded(version: ComposeVersion) -> dict[str, dict[str, str]]:
    """Return {service: {"image", "id", "digest"}} as the last event found it that ran `version` well.

    Empty where none did.
    """
    newest = DeployEvent.objects.that_ran_well().filter(version=version).first()
    return {
        service: {key: image.get(key, "") for key in ("image", "id", "digest")}
        for service, image in (newest.images if newest else {}).items()
        if image.get("id")
    }


def choose(wanted: Mapping[str, Image], here: Collection[str]) -> dict[str, Pin]:
    """Return by service how to name each of the `wanted` images, of which the engine has those in `here`.

    An image that the engine has is named so that it finds it, without a registry. Raises ImageGone where
    one is neither here nor known by a digest that a registry could have.
    """
    pins = {}
    gone = []
    for service, image in sorted(wanted.items()):
        if image["digest"] in here:
            pins[service] = Pin(image["digest"], is_here=True)
        elif image["id"] in here:
            pins[service] = Pin(image["id"], is_here=True)
        elif image["digest"]:
            pins[service] = Pin(image["digest"], is_here=False)
        else:
            gone.append(service)
    if gone:
        raise ImageGone(
            gettext(
                "The engine no longer has the image that ran for %(gone)s, and it came from no "
                "registry that could still have it. Roll back with the same file instead."
            )
            % {"gone": ", ".join(gone)}
        )
    return pins


def is_image_id(reference: str) -> bool:
    """Tell whether `reference` is the engine's own id of an image, which no registry knows."""
    return reference.startswith("sha256:")


def override(pins: Mapping[str, Pin]) -> str:
    """Return the text of the Compose file that holds each service to its pin; empty where there is none.

    A service that is built is not built again: `!reset` needs Compose 2.18.
    """
    if not pins:
        return ""
    services = {service: _pinned(pin) for service, pin in sorted(pins.items())}
    return _HEAD + yaml.dump({"services": services}, Dumper=_Dumper, sort_keys=False)


_HEAD = "# Made by SimpleDeploy for a rollback to the images that ran. The next deploy removes this file.\n"


class _Reset:
    """The value that takes a key of the file before away (Compose specification, Merge: reset value)."""


class _Dumper(yaml.SafeDumper):
    """Writes plain data, and such a value."""


_Dumper.add_representer(_Reset, lambda dumper, _value: dumper.represent_scalar("!reset", "null"))


def _pinned(pin: Pin) -> dict[str, object]:
    # What stands in a value is interpolated; in a key it is not.
    keys: dict[str, object] = {"image": pin.reference.replace("$", "$$"), "build": _Reset()}
    return keys | ({"pull_policy": "never"} if pin.is_here else {})
