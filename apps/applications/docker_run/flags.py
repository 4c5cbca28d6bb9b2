"""The flags of `docker run` and what each is in a Compose file (docs.docker.com, docker container run)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class How(StrEnum):
    """How the value of a flag goes into a service."""

    LIST = "list"  # one more item of a list
    VALUE = "value"  # the value itself
    NUMBER = "number"  # the value itself, as a number
    TRUE = "true"  # takes no value
    PAIRS = "pairs"  # NAME=VALUE, into a mapping
    SPECIAL = "special"  # has a function of its own, by the flag's name
    NOTHING = "nothing"  # leaves no trace; `told` says why where people may wonder
    NOTHING_BARE = "nothing bare"  # the same, for a flag that takes no value


@dataclass(frozen=True)
class Flag:
    """What becomes of a flag: `key` is a dotted path in the service."""

    how: How
    key: str = ""
    told: str | Promise = ""

    @property
    def takes_value(self) -> bool:
        return self.how not in (How.TRUE, How.NOTHING_BARE)


_LOCAL = Flag(How.NOTHING_BARE)

SHORT: Mapping[str, str] = {
    "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive",
    "l": "label", "m": "memory", "p": "publish", "P": "publish-all", "q": "quiet", "t": "tty", "u": "user",
    "v": "volume", "w": "workdir",
}  # fmt: skip

ALIASES: Mapping[str, str] = {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"}

FLAGS: Mapping[str, Flag] = {
    # --- lists ---
    "add-host": Flag(How.LIST, "extra_hosts"),
    "cap-add": Flag(How.LIST, "cap_add"),
    "cap-drop": Flag(How.LIST, "cap_drop"),
    "device": Flag(How.LIST, "devices"),
    "device-cgroup-rule": Flag(How.LIST, "device_cgroup_rules"),
    "dns": Flag(How.LIST, "dns"),
    "dns-option": Flag(How.LIST, "dns_opt"),
    "dns-search": Flag(How.LIST, "dns_search"),
    "expose": Flag(How.LIST, "expose"),
    "group-add": Flag(How.LIST, "group_add"),
    "label-file": Flag(How.LIST, "label_file"),
    "publish": Flag(How.LIST, "ports"),
    "security-opt": Flag(How.LIST, "security_opt"),
    "tmpfs": Flag(How.LIST, "tmpfs"),
    # --- single values ---
    "cgroup-parent": Flag(How.VALUE, "cgroup_parent"),
    "cgroupns": Flag(How.VALUE, "cgroup"),
    "cpu-count": Flag(How.NUMBER, "cpu_count"),
    "cpu-percent": Flag(How.NUMBER, "cpu_percent"),
    "cpu-period": Flag(How.VALUE, "cpu_period"),
    "cpu-quota": Flag(How.VALUE, "cpu_quota"),
    "cpu-rt-period": Flag(How.VALUE, "cpu_rt_period"),
    "cpu-rt-runtime": Flag(How.VALUE, "cpu_rt_runtime"),
    "cpu-shares": Flag(How.NUMBER, "cpu_shares"),
    "cpus": Flag(How.VALUE, "cpus"),
    "cpuset-cpus": Flag(How.VALUE, "cpuset"),
    "domainname": Flag(How.VALUE, "domainname"),
    "entrypoint": Flag(How.SPECIAL),
    "hostname": Flag(How.VALUE, "hostname"),
    "ipc": Flag(How.VALUE, "ipc"),
    "isolation": Flag(How.VALUE, "isolation"),
    "log-driver": Flag(How.VALUE, "logging.driver"),
    "mac-address": Flag(How.VALUE, "mac_address"),
    "memory": Flag(How.VALUE, "mem_limit"),
    "memory-reservation": Flag(How.VALUE, "mem_reservation"),
    "memory-swap": Flag(How.VALUE, "memswap_limit"),
    "memory-swappiness": Flag(How.NUMBER, "mem_swappiness"),
    "oom-score-adj": Flag(How.NUMBER, "oom_score_adj"),
    "pid": Flag(How.VALUE, "pid"),
    "pids-limit": Flag(How.NUMBER, "pids_limit"),
    "platform": Flag(How.VALUE, "platform"),
    "pull": Flag(How.VALUE, "pull_policy"),
    "restart": Flag(How.VALUE, "restart"),
    "runtime": Flag(How.VALUE, "runtime"),
    "shm-size": Flag(How.VALUE, "shm_size"),
    "stop-signal": Flag(How.VALUE, "stop_signal"),
    "stop-timeout": Flag(How.SPECIAL),
    "user": Flag(How.VALUE, "user"),
    "userns": Flag(How.VALUE, "userns_mode"),
    "uts": Flag(How.VALUE, "uts"),
    "workdir": Flag(How.VALUE, "working_dir"),
    # --- without a value ---
    "init": Flag(How.TRUE, "init"),
    "interactive": Flag(How.TRUE, "stdin_open"),
    "no-healthcheck": Flag(How.TRUE, "healthcheck.disable"),
    "oom-kill-disable": Flag(How.TRUE, "oom_kill_disable"),
    "privileged": Flag(How.TRUE, "privileged"),
    "read-only": Flag(How.TRUE, "read_only"),
    "tty": Flag(How.TRUE, "tty"),
    "use-api-socket": Flag(How.TRUE, "use_api_socket"),
    # --- mappings ---
    "annotation": Flag(How.PAIRS, "annotations"),
    "label": Flag(How.PAIRS, "labels"),
    "log-opt": Flag(How.PAIRS, "logging.options"),
    "storage-opt": Flag(How.PAIRS, "storage_opt"),
    "sysctl": Flag(How.PAIRS, "sysctls"),
    # --- health ---
    "health-cmd": Flag(How.SPECIAL),
    "health-interval": Flag(How.VALUE, "healthcheck.interval"),
    "health-retries": Flag(How.NUMBER, "healthcheck.retries"),
    "health-start-interval": Flag(How.VALUE, "healthcheck.start_interval"),
    "health-start-period": Flag(How.VALUE, "healthcheck.start_period"),
    "health-timeout": Flag(How.VALUE, "healthcheck.timeout"),
    # --- with rules of their own ---
    "blkio-weight": Flag(How.NUMBER, "blkio_config.weight"),
    "device-read-bps": Flag(How.SPECIAL),
    "device-read-iops": Flag(How.SPECIAL),
    "device-write-bps": Flag(How.SPECIAL),
    "device-write-iops": Flag(How.SPECIAL),
    "env": Flag(How.SPECIAL),
    "env-file": Flag(How.SPECIAL),
    "gpus": Flag(How.SPECIAL),
    "ip": Flag(How.SPECIAL),
    "ip6": Flag(How.SPECIAL),
    "mount": Flag(How.SPECIAL),
    "name": Flag(How.SPECIAL),
    "network": Flag(How.SPECIAL),
    "network-alias": Flag(How.SPECIAL),
    "ulimit": Flag(How.SPECIAL),
    "volume": Flag(How.SPECIAL),
    "volume-driver": Flag(How.SPECIAL),
    "volumes-from": Flag(How.SPECIAL),
    # --- of the terminal, or of no meaning to an app ---
    "attach": Flag(How.NOTHING),
    "cidfile": Flag(How.NOTHING),
    "detach": _LOCAL,
    "detach-keys": Flag(How.NOTHING),
    "disable-content-trust": _LOCAL,
    "quiet": _LOCAL,
    "sig-proxy": _LOCAL,
    "rm": Flag(How.NOTHING_BARE, told=_("an app's containers stay until it is deployed anew or removed")),
    "publish-all": Flag(How.NOTHING_BARE, told=_("name each port that is to be reached under ports")),
    "link": Flag(How.NOTHING, told=_("services of one file reach each other by their names")),
    "link-local-ip": Flag(How.NOTHING, told=_("write link_local_ips below the network")),
    "kernel-memory": Flag(How.NOTHING, told=_("Compose knows no such limit")),
    "cpuset-mems": Flag(How.NOTHING, told=_("Compose knows no such limit")),
    "blkio-weight-device": Flag(How.NOTHING, told=_("write weight_device below blkio_config")),
}
