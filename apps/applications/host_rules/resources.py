"""What the networks, volumes, secrets and configs of a resolved file ask of the host."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.mounts import host_path
from apps.applications.host_rules.rules import Found, HostRule, Path
from apps.applications.host_rules.shapes import items, mapping, text

_NETWORK_KEYS = frozenset(
    {"attachable", "enable_ipv4", "enable_ipv6", "internal", "labels", "name", "external", "driver"}
    | {"driver_opts", "ipam"}
)
_VOLUME_KEYS = frozenset({"name", "external", "labels", "driver", "driver_opts"})
_FILE_KEYS = frozenset({"name", "labels", "file", "environment", "content", "external", "template_driver"})
_OWN_NETWORK_DRIVERS = frozenset({"", "default", "bridge", "overlay"})
_HARMLESS_NETWORK_OPTION = re.compile(
    r"com\.docker\.network\.(driver\.mtu|driver\.overlay\..*|bridge\.(enable_icc|enable_ip_masquerade)"
    r"|bridge\.host_binding_ipv4|enable_ipv6|endpoint\..*)|encrypted"
)
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "sshfs", "fuse.sshfs", "ceph"}
)


def network_rules(networks: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    """Yield what `networks`, of what Compose makes of a file, ask of the host."""
    for key, network in networks.items():
        path = ("networks", str(key))
        network = mapping(network)
        yield from _unknown_keys(network, _NETWORK_KEYS, path)
        name = str(network.get("name") or key)
        if name == "host" and network.get("external"):
            yield Found(
                HostRule.NAMESPACES,
                path,
                gettext("The network 'host' is the host's network namespace."),
                subject="network",
                hint="host",
            )
            continue
        yield from _ownership(gettext_noop("network"), network, str(key), path, ground)
        driver = str(network.get("driver") or "")
        if driver not in _OWN_NETWORK_DRIVERS:
            yield Found(
                HostRule.NETWORK_DRIVERS,
                (*path, "driver"),
                gettext("The network driver %(driver)r reaches the host's own interfaces or networks.")
                % {"driver": driver},
                subject=driver,
                hint=driver,
            )
        for option in map(str, mapping(network.get("driver_opts"))):
            if not _HARMLESS_NETWORK_OPTION.fullmatch(option):
                yield Found(
                    HostRule.NETWORK_DRIVERS,
                    (*path, "driver_opts", option),
                    gettext("The option %(option)r of the network reaches the host's own interfaces.")
                    % {"option": option},
                    subject=option,
                )
        yield from _addresses(network.get("ipam"), (*path, "ipam"))


def _addresses(ipam: Any, path: Path) -> Iterator[Found]:
    driver = str(mapping(ipam).get("driver") or "default")
    if driver != "default":
        yield Found(
            HostRule.NETWORK_DRIVERS,
            (*path, "driver"),
            gettext("The address driver %(driver)r is another program of the host.") % {"driver": driver},
            subject=driver,
            hint=driver,
        )
    for number, pool in enumerate(items(mapping(ipam).get("config"))):
        subnet = text(mapping(pool).get("subnet"))
        if subnet and not _is_private(subnet):
            yield Found(
                HostRule.NETWORK_DRIVERS,
                (*path, "config", str(number), "subnet"),
                gettext("%(subnet)s holds addresses of the internet, which the host could no longer reach.")
                % {"subnet": subnet},
                subject=subnet,
                hint=subnet,
            )


def _is_private(subnet: str) -> bool:
    try:
        network = ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return True  # Compose or the engine refuses it
    shared = ipaddress.IPv4Network("100.64.0.0/10")
    return network.is_private or (isinstance(network, ipaddress.IPv4Network) and network.subnet_of(shared))


def volume_rules(volumes: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    """Yield what `volumes`, of what Compose makes of a file, ask of the host."""
    for key, volume in volumes.items():
        path = ("volumes", str(key))
        volume = mapping(volume)
        yield from _unknown_keys(volume, _VOLUME_KEYS, path)
        yield from _ownership(gettext_noop("volume"), volume, str(key), path, ground)
        driver = str(volume.get("driver") or "local")
        if driver != "local":
            yield Found(
                HostRule.VOLUME_DRIVERS,
                (*path, "driver"),
                gettext("The volume driver %(driver)r is another program of the host.") % {"driver": driver},
                subject=driver,
                hint=driver,
            )
        else:
            yield from _local_options(volume.get("driver_opts"), (*path, "driver_opts"), ground)


def _local_options(options: Any, path: Path, ground: Ground) -> Iterator[Found]:
    """Yield what the options of a `local` volume ask: they are those of mount(8), run by the engine."""
    given = {key: value for key, value in mapping(options).items() if text(value)}
    if not given:
        return
    kind, device = text(given.get("type")), text(given.get("device"))
    words = {word.strip().lower() for word in text(given.get("o")).split(",")}
    if kind.lower() == "tmpfs" and not words & {"bind", "rbind"}:
        return
    if kind.lower() in _NETWORK_FILE_SYSTEMS:
        yield Found(
            HostRule.VOLUME_DRIVERS,
            path,
            gettext("The engine would mount %(kind)s from another machine.") % {"kind": kind},
            subject=kind.lower(),
            hint=kind,
        )
    elif not device.startswith("/"):
        yield Found(
            HostRule.HOST_PATHS,
            path,
            gettext("The volume is a mount by the host: %(device)s.")
            % {"device": device or kind or ", ".join(given)},
            subject=device,
            hint=device,
        )
    else:
        found = list(host_path(device, path, ground))
        yield from found
        if not found:
            # Where it leads to is decided when a container starts, and a volume outlives its app.
            yield Found(
                HostRule.HOST_PATHS,
                path,
                gettext("The volume binds %(device)s: bind it in the service, as `./NAME:/path`.")
                % {"device": device},
                subject=ground.real(device),
                hint=device,
            )


def file_rules(section: str, entries: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    """Yield what the `entries` of `section` (secrets or configs) ask of the host."""
    for key, entry in entries.items():
        path = (section, str(key))
        entry = mapping(entry)
        yield from _unknown_keys(entry, _FILE_KEYS, path)
        source = text(entry.get("file"))
        if source and not ground.has(source):
            yield Found(
                HostRule.FILES,
                (*path, "file"),
                gettext("%(shown)s is outside of the app's folder.") % {"shown": ground.shown(source)},
                subject=ground.real(source),
                hint=source,
            )


def model_rules(models: Mapping[str, Any]) -> Iterator[Found]:
    """Yield what `models` ask of the host: Compose has a program of the machine pull and run them."""
    for key in models:
        yield Found(
            HostRule.PROGRAMS,
            ("models", str(key)),
            gettext("Models are run by a program of this machine."),
            str(key),
        )


def _ownership(
    what: str, resource: Mapping[str, Any], key: str, path: Path, ground: Ground
) -> Iterator[Found]:
    name = str(resource.get("name") or f"{ground.project}_{key}")
    if resource.get("external"):
        sentence = gettext("The %(what)s %(name)r is external, so it is not the app's own.") % {
            "what": gettext(what),
            "name": name,
        }
    elif name != f"{ground.project}_{key}":
        sentence = gettext("The %(what)s is named %(name)r, which is not a name of the app's own.") % {
            "what": gettext(what),
            "name": name,
        }
    elif any(name.startswith(f"{other}_") for other in ground.neighbours):
        sentence = gettext("%(name)r is how Compose names a %(what)s of another app.") % {
            "name": name,
            "what": gettext(what),
        }
    else:
        return
    yield Found(HostRule.OTHER_APPS, path, sentence, subject=name, hint=name)


def _unknown_keys(resource: Mapping[str, Any], known: frozenset[str], path: Path) -> Iterator[Found]:
    for key in map(str, resource):
        if key not in known and not key.startswith("x-"):
            yield Found(
                HostRule.UNKNOWN,
                (*path, key),
                gettext("The policy does not know what %(key)r can ask of the host.") % {"key": key},
                subject=key,
            )
