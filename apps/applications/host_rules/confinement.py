"""What takes away what keeps a container apart from the host and from containers of others."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from apps.applications.host_rules.rules import Found, HostRule, Path
from apps.applications.host_rules.shapes import items, mapping

# https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities, "by default"
_DEFAULT_CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
# The kernel keeps these for each container's own network and IPC namespace; the engine refuses others too.
_OWN_SYSCTL = re.compile(r"net\..*|kernel\.(msg|shm)[a-z_]*|kernel\.sem|fs\.mqueue\..*", re.DOTALL)
_HARMLESS_SECURITY = re.compile(
    r"no-new-privileges([:=](true|false))?|apparmor[:=]docker-default|seccomp[:=]builtin"
)
_NETWORK_MODES = frozenset({"", "none", "bridge", "default"})


def privileged(value: Any, path: Path) -> Iterator[Found]:
    """Find a container that may do anything."""
    if is_true(value):
        yield Found(HostRule.PRIVILEGED, path, gettext("A privileged container may do anything on the host."))


def is_true(value: Any) -> bool:
    """Tell whether `value` may switch something on; what is no plain false does."""
    return str(value).strip().lower() not in ("false", "no", "off", "n", "0", "none", "")


def hooks(value: Any, path: Path) -> Iterator[Found]:
    """Find commands that are run in a container with all rights."""
    for number, hook in enumerate(items(value)):
        if is_true(mapping(hook).get("privileged", False)):
            yield Found(
                HostRule.PRIVILEGED,
                (*path, str(number), "privileged"),
                gettext("A privileged hook may do anything on the host."),
            )


def network_mode(value: Any, path: Path) -> Iterator[Found]:
    """Find the network of the host, or of what is not the app's."""
    mode = str(value)
    kind, _, other = mode.partition(":")
    if mode in _NETWORK_MODES or kind == "service":
        return
    if mode == "host":
        yield _host_namespace(path, "network", mode)
    elif kind == "container":
        yield _foreign_container(path, other)
    else:
        yield Found(
            HostRule.OTHER_APPS,
            path,
            gettext("The network %(mode)r is not one of the app's own.") % {"mode": mode},
            subject=mode,
            hint=mode,
        )


def namespace(what: str, *own: str) -> Callable[[Any, Path], Iterator[Found]]:
    """Return what finds the host's `what` namespace or another container's; modes of `own` are neither."""

    def check(value: Any, path: Path) -> Iterator[Found]:
        mode = str(value)
        kind, _, other = mode.partition(":")
        if mode in own or kind == "service":
            return
        if kind == "container":
            yield _foreign_container(path, other)
        else:
            yield _host_namespace(path, what, mode)

    return check


def _host_namespace(path: Path, what: str, mode: str) -> Found:
    return Found(
        HostRule.NAMESPACES,
        path,
        gettext("With %(mode)r the container is in the host's %(what)s namespace.")
        % {"mode": mode, "what": what},
        subject=what,
        hint=mode,
    )


def _foreign_container(path: Path, name: str) -> Found:
    return Found(
        HostRule.CONTAINERS,
        path,
        gettext("The container %(name)r is not one of the app's services.") % {"name": name},
        subject=name,
        hint=name,
    )


def cap_add(value: Any, path: Path) -> Iterator[Found]:
    """Find capabilities beyond those of every container."""
    for number, entry in enumerate(items(value)):
        capability = str(entry).strip().upper().removeprefix("CAP_")
        if capability not in _DEFAULT_CAPABILITIES:
            yield Found(
                HostRule.CAPABILITIES,
                (*path, str(number)),
                gettext("The capability %(capability)s is more than the engine gives a container.")
                % {"capability": capability},
                subject=capability,
                hint=str(entry),
            )


def security_opt(value: Any, path: Path) -> Iterator[Found]:
    """Find what weakens or replaces the profiles of the engine."""
    for number, entry in enumerate(items(value)):
        option = str(entry).strip()
        if not _HARMLESS_SECURITY.fullmatch(option.lower()):
            yield Found(
                HostRule.SECURITY,
                (*path, str(number)),
                gettext(
                    "%(option)r takes away what confines the container, or reads a profile from the host."
                )
                % {"option": option},
                subject=option.replace(":", "=", 1),
                hint=option,
            )


def sysctls(value: Any, path: Path) -> Iterator[Found]:
    """Find kernel parameters that are not the container's own."""
    names = value if isinstance(value, Mapping) else [str(one).partition("=")[0] for one in items(value)]
    for name in map(str, names):
        # The kernel takes both spellings.
        dotted = name.strip().replace("/", ".")
        if not _OWN_SYSCTL.fullmatch(dotted):
            yield Found(
                HostRule.KERNEL,
                (*path, name),
                gettext("The kernel parameter %(dotted)s is that of the host.") % {"dotted": dotted},
                subject=dotted,
                hint=name,
            )


def cgroup_parent(value: Any, path: Path) -> Iterator[Found]:
    """Find a control group of somebody's choice."""
    yield Found(
        HostRule.KERNEL,
        path,
        gettext("The control group %(value)r is the host's to give.") % {"value": value},
        subject=str(value),
        hint=str(value),
    )


def volumes_from(value: Any, path: Path, services: Collection[str]) -> Iterator[Found]:
    """Find volumes of containers that are not the app's."""
    for number, entry in enumerate(items(value)):
        name, _, other = str(entry).partition(":")
        if name == "container" or name not in services:
            yield _foreign_container((*path, str(number)), other.partition(":")[0] if other else name)


def external_links(value: Any, path: Path) -> Iterator[Found]:
    """Find links to containers that are not the app's."""
    for number, entry in enumerate(items(value)):
        yield _foreign_container((*path, str(number)), str(entry).partition(":")[0])
