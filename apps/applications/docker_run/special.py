"""The flags of `docker run` that need more than a place in the service."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.applications.docker_run.words import variables
from apps.applications.secret_names import sounds_secret

_ENGINES_NETWORKS = frozenset({"host", "none", "bridge", "default"})
_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
# The password in an address such as postgres://user:password@host.
_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESSES = {"ip": "ipv4_address", "ip6": "ipv6_address", "mac-address": "mac_address"}
# Options of --mount that have a place below the volume.
_OF_MOUNT = {
    "bind-propagation": ("bind", "propagation"),
    "volume-subpath": ("volume", "subpath"),
    "tmpfs-size": ("tmpfs", "size"),
    "tmpfs-mode": ("tmpfs", "mode"),
}


@dataclass
class Built:
    """A service while it is made."""

    service: dict[str, Any]
    name: str = ""
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    volume_driver: str = ""

    def set(self, path: str, value: object) -> None:
        """Put `value` at the dotted `path`."""
        parent, _dot, key = path.rpartition(".")
        (self.at(parent, dict) if parent else self.service)[key] = value

    def at(self, path: str, kind: type) -> Any:
        """Return what stands at the dotted `path`; an empty `kind` where there is nothing yet."""
        *parents, key = path.split(".")
        place = self.service
        for parent in parents:
            place = place.setdefault(parent, {})
        return place.setdefault(key, kind())


def number(text: str) -> int | str:
    """Return `text` as the number that it is, else as it is."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text


def finish(built: Built) -> None:
    """Put what belongs together into its place, once all flags are known."""
    networks: dict[str, dict[str, Any]] = built.service.get("networks", {})
    if networks:
        first = next(iter(networks.values()))
        first |= built.addresses
        if built.aliases:
            first["aliases"] = [*first.get("aliases", []), *built.aliases]
    elif built.aliases or built.addresses:
        built.notes.append(_("Aliases and addresses were left out: the line names no network of its own."))
    if networks and not any(networks.values()):
        built.service["networks"] = list(networks)
    if built.volume_driver:
        for volume in built.volumes.values():
            volume["driver"] = built.volume_driver


def _env(built: Built, text: str) -> None:
    name, equals, value = text.partition("=")
    held = built.at("environment", dict)
    if not equals:
        # As docker does: the value that the environment has, here the app's.
        held[name] = f"${{{name}}}"
    elif value and _is_secret(name, value):
        built.secrets[name] = value.replace("$$", "$")
        held[name] = f"${{{name}}}"
    else:
        held[name] = value


def _is_secret(name: str, value: str) -> bool:
    is_secret = sounds_secret(name) or _WITH_PASSWORD.search(value)
    return bool(is_secret and _ENVIRONMENT_NAME.fullmatch(name)) and not variables(value)


def _env_file(built: Built, text: str) -> None:
    built.at("env_file", list).append(text)
    built.notes.append(
        _(
            "%(file)s is read from the app's folder. Better put its lines into the environment, and name "
            "below environment what the service is to have of them."
        )
        % {"file": text}
    )


def _entrypoint(built: Built, text: str) -> None:
    # One word, as docker run takes it; empty: none.
    built.service["entrypoint"] = [text] if text else []


def _ulimit(built: Built, text: str) -> None:
    name, _equals, limits = text.partition("=")
    soft, colon, hard = limits.partition(":")
    held: object = {"soft": number(soft), "hard": number(hard)} if colon else number(soft)
    built.at("ulimits", dict)[name] = held


def _rate(key: str) -> Callable[[Built, str], None]:
    def put(built: Built, text: str) -> None:
        path, _colon, rate = text.rpartition(":")
        built.at(f"blkio_config.{key}", list).append({"path": path, "rate": number(rate)})

    return put


def _gpus(built: Built, text: str) -> None:
    options = _options(text) if "=" in text else {"count": text}
    device: dict[str, Any] = {"driver": options.get("driver", "nvidia")}
    if "device" in options:
        device["device_ids"] = options["device"].split(",")
    else:
        device["count"] = number(options.get("count", "all"))
    device["capabilities"] = options.get("capabilities", "gpu").split(",")
    built.at("deploy.resources.reservations.devices", list).append(device)


def _volume(built: Built, text: str) -> None:
    source, colon, _rest = text.partition(":")
    if colon and _VOLUME_NAME.fullmatch(source):
        _declare_volume(built, source)
    built.at("volumes", list).append(text)


def _declare_volume(built: Built, name: str) -> None:
    if name in built.volumes:
        return
    built.volumes[name] = {}
    built.notes.append(
        _(
            "The volume %(name)s becomes the app's own, which begins empty. To use one that exists already, "
            "write external: true and its name below volumes."
        )
        % {"name": name}
    )


def _volume_driver(built: Built, text: str) -> None:
    built.volume_driver = text


def _mount(built: Built, text: str) -> None:
    options = _options(text)
    kind = options.pop("type", "volume")
    mount: dict[str, Any] = {"type": kind}
    source = next((options.pop(key) for key in ("source", "src") if key in options), None)
    target = next((options.pop(key) for key in ("target", "destination", "dst") if key in options), None)
    mount |= {key: held for key, held in (("source", source), ("target", target)) if held is not None}
    for key in ("readonly", "ro"):
        if options.pop(key, "false") in ("", "true", "1"):
            mount["read_only"] = True
    if options.pop("volume-nocopy", "false") in ("", "true", "1"):
        mount["volume"] = {"nocopy": True}
    for option, (part, key) in _OF_MOUNT.items():
        if option in options:
            held = options.pop(option)
            mode = key == "mode" and re.fullmatch(r"[0-7]{3,5}", held)
            mount.setdefault(part, {})[key] = int(held, 8) if mode else number(held)
    for option in options:
        built.notes.append(
            _("%(option)s of --mount was left out: write it below the volume.") % {"option": option}
        )
    if kind == "volume" and source and _VOLUME_NAME.fullmatch(source):
        _declare_volume(built, source)
    built.at("volumes", list).append(mount)


def _named(built: Built, text: str) -> None:
    built.name = text


def _network(built: Built, text: str) -> None:
    if text in _ENGINES_NETWORKS or text.startswith("container:"):
        if text != "default":
            built.service["network_mode"] = text
        return
    options = _options(text) if "=" in text else {"name": text}
    name = options.pop("name", "")
    own: dict[str, Any] = {_ADDRESSES[key]: held for key, held in options.items() if key in _ADDRESSES}
    if "alias" in options:
        own["aliases"] = [options["alias"]]
    built.at("networks", dict)[name] = own
    built.networks[name] = {}
    built.notes.append(
        _(
            "The network %(name)s becomes the app's own. To join one that exists already, write external: "
            "true and its name below networks."
        )
        % {"name": name}
    )


def _options(text: str) -> dict[str, str]:
    """Return the comma-separated NAME=VALUE of `text`; what stands in double quotes may hold commas."""
    found = {}
    for piece in re.findall(r'(?:"[^"]*"|[^,"])+', text):
        key, _equals, value = piece.strip('"').partition("=")
        found[key.strip()] = value.strip('"')
    return found


ACTIONS: Mapping[str, Callable[[Built, str], None]] = {
    "device-read-bps": _rate("device_read_bps"),
    "device-read-iops": _rate("device_read_iops"),
    "device-write-bps": _rate("device_write_bps"),
    "device-write-iops": _rate("device_write_iops"),
    "entrypoint": _entrypoint,
    "env": _env,
    "env-file": _env_file,
    "gpus": _gpus,
    "health-cmd": lambda built, text: built.set("healthcheck.test", ["CMD-SHELL", text]),
    "ip": lambda built, text: built.addresses.update(ipv4_address=text),
    "ip6": lambda built, text: built.addresses.update(ipv6_address=text),
    "mount": _mount,
    "name": _named,
    "network": _network,
    "network-alias": lambda built, text: built.aliases.append(text),
    "stop-timeout": lambda built, text: built.set("stop_grace_period", f"{text}s"),
    "ulimit": _ulimit,
    "volume": _volume,
    "volume-driver": _volume_driver,
    "volumes-from": lambda built, text: built.at("volumes_from", list).append(f"container:{text}"),
}
