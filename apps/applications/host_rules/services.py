"""What the services of a resolved file ask of the host: a table of keys, each harmless or with its rule.

The keys are those of the Compose specification (compose-spec, 05-services.md). A key that is in neither list
is refused: what a later Compose knows may reach the host in a way that nobody has looked at here.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from apps.applications.host_rules import confinement, devices
from apps.applications.host_rules.build import build_rules
from apps.applications.host_rules.confinement import is_true
from apps.applications.host_rules.ground import Ground, is_remote
from apps.applications.host_rules.mounts import mount_rules
from apps.applications.host_rules.rules import Found, HostRule, Path, unknown
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
# They write into the engine's own files or to the host's journal; the others connect to an address or socket.
_OWN_LOG_DRIVERS = frozenset({"", "json-file", "local", "none", "journald"})

Check = Callable[[Any, Path], Iterator[Found]]


def service_rules(services: Mapping[str, Any], ground: Ground) -> Iterator[Found]:
    """Yield what `services`, of what Compose makes of a file, ask of the host."""
    checks = _CHECKS | {
        "build": partial(build_rules, ground=ground),
        "develop": partial(_develop, ground=ground),
        "volumes": lambda value, path: mount_rules(items(value), path, ground),
        "volumes_from": partial(confinement.volumes_from, services=services),
    }
    for name, service in services.items():
        for key, value in mapping(service).items():
            path = ("services", str(name), str(key))
            check = checks.get(key)
            if check is not None:
                yield from check(value, path) if value not in (None, "", [], {}) else ()
            elif key not in _HARMLESS and key not in _READ_ALREADY and not str(key).startswith("x-"):
                yield unknown(path)


def _logging(value: Any, path: Path) -> Iterator[Found]:
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


def _program(what: Any) -> Check:
    def check(value: Any, path: Path) -> Iterator[Found]:
        subject = str(mapping(value).get("type") or "")
        yield Found(HostRule.PROGRAMS, path, str(what), subject=subject)

    return check


def _api_socket(value: Any, path: Path) -> Iterator[Found]:
    if is_true(value):
        yield Found(HostRule.ENGINE_SOCKET, path, gettext("It gives the container the engine's socket."))


def _credential_spec(value: Any, path: Path) -> Iterator[Found]:
    yield Found(
        HostRule.FILES,
        path,
        gettext("A credential spec is read from the host or its registry."),
        subject="credential_spec",
    )


def _develop(value: Any, path: Path, ground: Ground) -> Iterator[Found]:
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


_CHECKS: dict[str, Check] = {
    "annotations": devices.annotations,
    "cap_add": confinement.cap_add,
    "cgroup": confinement.namespace("cgroup", "private"),
    "cgroup_parent": confinement.cgroup_parent,
    "credential_spec": _credential_spec,
    "deploy": devices.deploy,
    "device_cgroup_rules": devices.some_device(gettext_lazy("Device rules open devices of the host.")),
    "devices": devices.devices,
    "external_links": confinement.external_links,
    "gpus": devices.some_device(gettext_lazy("GPUs are devices of the host.")),
    "ipc": confinement.namespace("IPC", "none", "private", "shareable"),
    "isolation": devices.runtime,
    "logging": _logging,
    "models": _program(gettext_lazy("Models are run by a program of this machine.")),
    "network_mode": confinement.network_mode,
    "pid": confinement.namespace("PID", "private"),
    "post_start": confinement.hooks,
    "pre_stop": confinement.hooks,
    "privileged": confinement.privileged,
    "provider": _program(
        gettext_lazy("A provider is a program of this machine, which Compose starts with the panel's rights.")
    ),
    "runtime": devices.runtime,
    "security_opt": confinement.security_opt,
    "sysctls": confinement.sysctls,
    "use_api_socket": _api_socket,
    "userns_mode": confinement.namespace("user", "private"),
    "uts": confinement.namespace("UTS", "private"),
}
