"""What the services of a resolved file ask of the host: a table of keys, each harmless or with its rule.

The keys are those of the Compose specification (compose-spec, 05-services.md). A key that is in neither list
is refused: what a later Compose knows may reach the host in a way that nobody has looked at here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from apps.applications.host_rules.build import build_rules
from apps.applications.host_rules.ground import Ground, is_remote
from apps.applications.host_rules.mounts import mount_rules
from apps.applications.host_rules.rules import Found, HostRule, Path
from apps.applications.host_rules.shapes import items, mapping, text

_HARMLESS = frozenset(
    {
        *("attach", "blkio_config", "cap_drop", "command", "configs", "container_name", "cpu_count"),
        *("cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus"),
        *("cpuset", "depends_on", "dns", "dns_opt", "dns_search", "domainname", "entrypoint", "environment"),
        *("expose", "extra_hosts", "group_add", "healthcheck", "hostname", "image", "init", "ipc_limit"),
        *("labels", "links", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness"),
        *("memswap_limit", "networks", "oom_kill_disable", "oom_score_adj", "pids_limit", "platform"),
        *("ports", "profiles", "pull_policy", "pull_refresh_after", "read_only", "restart", "scale"),
        *("secrets", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "tmpfs"),
        *("tty", "ulimits", "user", "working_dir"),
    }
)
# Read before the rules (see `before`), and gone from what Compose makes of them.
_READ_ALREADY = frozenset({"env_file", "extends", "label_file"})

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
# They write into the engine's own files or to the host's journal; the others connect to an address or socket.
_OWN_LOG_DRIVERS = frozenset({"", "json-file", "local", "none", "journald"})
_RUNTIMES = frozenset({"", "runc", "io.containerd.runc.v2"})
_NETWORK_MODES = frozenset({"", "none", "bridge", "default"})
_HARMLESS_DEPLOY = frozenset(
    {
        *("mode", "replicas", "endpoint_mode", "labels", "placement", "resources", "restart_policy"),
        *("rollback_config", "update_config"),
    }
)
_HARMLESS_RESOURCES = frozenset({"cpus", "memory", "pids", "generic_resources"})

Check = Callable[[Any, Path, Mapping[str, Any], Ground], Iterator[Found]]


def service_rules(services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    """Yield what `services`, of what Compose makes of a file, ask of the host."""
    for name, service in services.items():
        for key, value in mapping(service).items():
            path = ("services", str(name), str(key))
            check = _CHECKS.get(key)
            if check is not None:
                yield from check(value, path, services, ground) if value not in (None, "", [], {}) else ()
            elif key not in _HARMLESS and key not in _READ_ALREADY and not str(key).startswith("x-"):
                yield unknown(path)


def unknown(path: Path) -> Found:
    """Return what is told of a key that nobody has looked at."""
    return Found(
        HostRule.UNKNOWN,
        path,
        gettext("The policy does not know what %(path)r can ask of the host.") % {"path": path[-1]},
        subject=path[-1],
    )


def _privileged(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    if is_true(value):
        yield Found(HostRule.PRIVILEGED, path, gettext("A privileged container may do anything on the host."))


def is_true(value: Any) -> bool:
    """Tell whether `value` may switch something on; what is no plain false does."""
    return str(value).strip().lower() not in ("false", "no", "off", "n", "0", "none", "")


def _hooks(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for number, hook in enumerate(items(value)):
        if is_true(mapping(hook).get("privileged", False)):
            yield Found(
                HostRule.PRIVILEGED,
                (*path, str(number), "privileged"),
                gettext("A privileged hook may do anything on the host."),
            )


def _network_mode(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
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


def _namespace(what: str, *own: str) -> Check:
    def check(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
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


def _cap_add(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
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


def _security_opt(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
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


def _sysctls(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
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


def _cgroup_parent(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    yield Found(
        HostRule.KERNEL,
        path,
        gettext("The control group %(value)r is the host's to give.") % {"value": value},
        subject=str(value),
        hint=str(value),
    )


def _devices(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for number, entry in enumerate(items(value)):
        whole = entry.get("source") if isinstance(entry, Mapping) else str(entry).partition(":")[0]
        source = str(whole or "")
        yield Found(
            HostRule.DEVICES,
            (*path, str(number)),
            gettext("%(source)s is a device of the host.") % {"source": source or entry},
            subject=source,
            hint=source,
        )


def _some_device(what: Any) -> Check:
    def check(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
        yield Found(HostRule.DEVICES, path, str(what), subject=path[-1])

    return check


def _runtime(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    if str(value) not in _RUNTIMES:
        yield Found(
            HostRule.DEVICES,
            path,
            gettext("The runtime %(value)r is another program of the host.") % {"value": value},
            subject=str(value),
            hint=str(value),
        )


def _deploy(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for key, part in mapping(value).items():
        if key == "resources":
            yield from _resources(part, (*path, key))
        elif key not in _HARMLESS_DEPLOY and not str(key).startswith("x-"):
            yield unknown((*path, str(key)))


def _resources(value: Any, path: Path) -> Iterator[Found]:
    for key, part in mapping(value).items():
        if key not in ("limits", "reservations"):
            yield unknown((*path, str(key)))
            continue
        for resource, given in mapping(part).items():
            if resource == "devices" and given:
                yield Found(
                    HostRule.DEVICES,
                    (*path, key, "devices"),
                    gettext("Reserved devices (GPUs and the like) are the host's."),
                    subject="devices",
                )
            elif resource not in _HARMLESS_RESOURCES | {"devices"}:
                yield unknown((*path, key, str(resource)))


def _volumes_from(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for number, entry in enumerate(items(value)):
        name, _, other = str(entry).partition(":")
        if name == "container" or name not in services:
            yield _foreign_container((*path, str(number)), other.partition(":")[0] if other else name)


def _external_links(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for number, entry in enumerate(items(value)):
        yield _foreign_container((*path, str(number)), str(entry).partition(":")[0])


def _logging(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    driver = str(value.get("driver") or "") if isinstance(value, Mapping) else str(value)
    if driver not in _OWN_LOG_DRIVERS:
        yield Found(
            HostRule.LOG_DRIVERS,
            (*path, "driver"),
            gettext("With the log driver %(driver)r the engine itself connects to an address or reads files.")
            % {"driver": driver},
            subject=driver,
            hint=driver,
        )


def _annotations(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    names = value if isinstance(value, Mapping) else [str(one).partition("=")[0] for one in items(value)]
    for name in map(str, names):
        yield Found(
            HostRule.DEVICES,
            (*path, name),
            gettext("The annotation %(name)s can steer the host's runtime.") % {"name": name},
            subject=name,
            hint=name,
        )


def _program(what: Any) -> Check:
    def check(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
        subject = str(mapping(value).get("type") or "")
        yield Found(HostRule.PROGRAMS, path, str(what), subject=subject)

    return check


def _api_socket(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    if is_true(value):
        yield Found(HostRule.ENGINE_SOCKET, path, gettext("It gives the container the engine's socket."))


def _credential_spec(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    yield Found(
        HostRule.FILES,
        path,
        gettext("A credential spec is read from the host or its registry."),
        subject="credential_spec",
    )


def _develop(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    for number, entry in enumerate(items(mapping(value).get("watch"))):
        source = text(mapping(entry).get("path"))
        if is_remote(source) or not ground.has(source):
            yield Found(
                HostRule.FILES,
                (*path, "watch", str(number), "path"),
                gettext("%(shown)s is outside of the app's folder.") % {"shown": ground.shown(source)},
                subject=ground.real(source),
                hint=source,
            )


def _build(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    yield from build_rules(value, path, ground)


def _volumes(value: Any, path: Path, services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    yield from mount_rules(items(value), path, ground)


_CHECKS: dict[str, Check] = {
    "annotations": _annotations,
    "build": _build,
    "cap_add": _cap_add,
    "cgroup": _namespace("cgroup", "private"),
    "cgroup_parent": _cgroup_parent,
    "credential_spec": _credential_spec,
    "deploy": _deploy,
    "develop": _develop,
    "device_cgroup_rules": _some_device(gettext_lazy("Device rules open devices of the host.")),
    "devices": _devices,
    "external_links": _external_links,
    "gpus": _some_device(gettext_lazy("GPUs are devices of the host.")),
    "ipc": _namespace("IPC", "none", "private", "shareable"),
    "isolation": _runtime,
    "logging": _logging,
    "models": _program(gettext_lazy("Models are run by a program of this machine.")),
    "network_mode": _network_mode,
    "pid": _namespace("PID", "private"),
    "post_start": _hooks,
    "pre_stop": _hooks,
    "privileged": _privileged,
    "provider": _program(
        gettext_lazy("A provider is a program of this machine, which Compose starts with the panel's rights.")
    ),
    "runtime": _runtime,
    "security_opt": _security_opt,
    "sysctls": _sysctls,
    "use_api_socket": _api_socket,
    "userns_mode": _namespace("user", "private"),
    "uts": _namespace("UTS", "private"),
    "volumes": _volumes,
    "volumes_from": _volumes_from,
}
