from pathlib import Path

import pytest

from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.rules import HostRule
from apps.applications.host_rules.services import service_rules

HARMLESS = [
    {"image": "nginx", "ports": [{"target": 80, "published": "8080"}], "restart": "always"},
    {"privileged": False, "cap_drop": ["ALL"], "cap_add": ["CAP_CHOWN", "net_bind_service"]},
    {"security_opt": ["no-new-privileges:true", "no-new-privileges=false", "apparmor=docker-default"]},
    {"sysctls": {"net.core.somaxconn": "1", "kernel.shmmax": "1"}},
    {"sysctls": ["net.ipv4.ip_forward=1", "net/ipv4/ip_forward=1"]},
    {"network_mode": "service:db", "pid": "service:db", "ipc": "shareable", "cgroup": "private"},
    {"network_mode": "none", "userns_mode": "", "uts": None},
    {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
    {"volumes": [{"type": "bind", "source": "./data", "target": "/data"}]},
    {"volumes": [{"type": "bind", "source": ".", "target": "/app", "read_only": True}]},
    {"volumes": [{"type": "tmpfs", "target": "/tmp"}], "tmpfs": ["/run"], "shm_size": "1gb"},
    {"volumes_from": ["db:ro"], "links": ["db"], "oom_score_adj": -500, "ulimits": {"nofile": 10}},
    {"logging": {"driver": "json-file", "options": {"max-size": "1m"}}, "init": True},
    {"build": {"context": ".", "dockerfile": "docker/Dockerfile", "args": {"A": "b"}, "network": "none"}},
    {"build": {"context": "app", "additional_contexts": {"a": "service:db", "b": "docker-image://x"}}},
    {"build": {"context": ".", "cache_from": ["type=registry,ref=a/b", "a/b:c"]}},
    {"deploy": {"replicas": 2, "resources": {"limits": {"cpus": "1"}, "reservations": {"memory": "1g"}}}},
    {"develop": {"watch": [{"path": "./src", "action": "sync", "target": "/src"}]}, "x-note": {"a": 1}},
    {"post_start": [{"command": "true", "privileged": False}], "runtime": "runc", "devices": []},
]

HOSTILE = [
    ({"privileged": True}, HostRule.PRIVILEGED, ""),
    ({"privileged": "true"}, HostRule.PRIVILEGED, ""),
    ({"post_start": [{"command": "true", "privileged": True}]}, HostRule.PRIVILEGED, ""),
    ({"pre_stop": [{"command": "true", "privileged": True}]}, HostRule.PRIVILEGED, ""),
    ({"build": {"context": ".", "privileged": True}}, HostRule.PRIVILEGED, ""),
    ({"build": {"context": ".", "entitlements": ["security.insecure"]}}, HostRule.PRIVILEGED, ""),
    ({"network_mode": "host"}, HostRule.NAMESPACES, "network"),
    ({"pid": "host"}, HostRule.NAMESPACES, "PID"),
    ({"ipc": "host"}, HostRule.NAMESPACES, "IPC"),
    ({"uts": "host"}, HostRule.NAMESPACES, "UTS"),
    ({"userns_mode": "host"}, HostRule.NAMESPACES, "user"),
    ({"cgroup": "host"}, HostRule.NAMESPACES, "cgroup"),
    ({"build": {"context": ".", "network": "host"}}, HostRule.NAMESPACES, "network"),
    ({"cap_add": ["NET_ADMIN"]}, HostRule.CAPABILITIES, "NET_ADMIN"),
    ({"cap_add": ["cap_sys_admin"]}, HostRule.CAPABILITIES, "SYS_ADMIN"),
    ({"cap_add": ["all"]}, HostRule.CAPABILITIES, "ALL"),
    ({"devices": ["/dev/kvm:/dev/kvm"]}, HostRule.DEVICES, "/dev/kvm"),
    ({"devices": [{"source": "/dev/sda", "target": "/dev/x"}]}, HostRule.DEVICES, "/dev/sda"),
    ({"device_cgroup_rules": ["c 1:3 mr"]}, HostRule.DEVICES, "device_cgroup_rules"),
    ({"gpus": "all"}, HostRule.DEVICES, "gpus"),
    (
        {"deploy": {"resources": {"reservations": {"devices": [{"count": 1}]}}}},
        HostRule.DEVICES,
        "devices",
    ),
    ({"runtime": "nvidia"}, HostRule.DEVICES, "nvidia"),
    ({"annotations": {"run.oci.handler": "krun"}}, HostRule.DEVICES, "run.oci.handler"),
    ({"use_api_socket": True}, HostRule.ENGINE_SOCKET, ""),
    ({"network_mode": "container:other"}, HostRule.CONTAINERS, "other"),
    ({"pid": "container:other"}, HostRule.CONTAINERS, "other"),
    ({"ipc": "container:other"}, HostRule.CONTAINERS, "other"),
    ({"volumes_from": ["container:other:rw"]}, HostRule.CONTAINERS, "other"),
    ({"external_links": ["other:db"]}, HostRule.CONTAINERS, "other"),
    ({"network_mode": "simpledeploy-other_default"}, HostRule.OTHER_APPS, "simpledeploy-other_default"),
    ({"build": {"context": ".", "network": "other"}}, HostRule.OTHER_APPS, "other"),
    ({"security_opt": ["seccomp:unconfined"]}, HostRule.SECURITY, "seccomp=unconfined"),
    ({"security_opt": ["seccomp=unconfined"]}, HostRule.SECURITY, "seccomp=unconfined"),
    ({"security_opt": ["apparmor:unconfined"]}, HostRule.SECURITY, "apparmor=unconfined"),
    ({"security_opt": ["apparmor=other"]}, HostRule.SECURITY, "apparmor=other"),
    ({"security_opt": ["label:disable"]}, HostRule.SECURITY, "label=disable"),
    ({"security_opt": ["systempaths=unconfined"]}, HostRule.SECURITY, "systempaths=unconfined"),
    ({"security_opt": ["seccomp=./profile.json"]}, HostRule.SECURITY, "seccomp=./profile.json"),
    ({"security_opt": ["no-new-privileges:true\nseccomp"]}, HostRule.SECURITY, None),
    ({"sysctls": {"kernel.core_pattern": "|/x"}}, HostRule.KERNEL, "kernel.core_pattern"),
    ({"sysctls": ["kernel/core_pattern=|/x"]}, HostRule.KERNEL, "kernel.core_pattern"),
    ({"sysctls": ["vm.overcommit_memory=1"]}, HostRule.KERNEL, "vm.overcommit_memory"),
    ({"cgroup_parent": "/"}, HostRule.KERNEL, "/"),
    ({"logging": {"driver": "syslog"}}, HostRule.LOG_DRIVERS, "syslog"),
    ({"provider": {"type": "evil"}}, HostRule.PROGRAMS, "evil"),
    ({"models": {"llm": None, "more": None}}, HostRule.PROGRAMS, ""),
    ({"credential_spec": {"file": "x.json"}}, HostRule.FILES, "credential_spec"),
    ({"build": {"context": ".", "ssh": ["default"]}}, HostRule.FILES, "ssh"),
    ({"build": {"context": ".", "cache_to": ["type=local,dest=/root"]}}, HostRule.FILES, None),
    ({"build": {"context": ".", "cache_from": ["ref=x, type=local,src=/"]}}, HostRule.FILES, None),
    ({"build": {"context": "https://example.com/x.git"}}, HostRule.REMOTE, None),
    ({"build": {"context": "git@example.com:x/y"}}, HostRule.REMOTE, None),
    ({"build": {"context": "github.com/x/y"}}, HostRule.REMOTE, None),
    ({"build": {"context": ".", "additional_contexts": ["a=https://x/y"]}}, HostRule.REMOTE, None),
    ({"build": {"context": ".", "additional_contexts": {"a": "oci-layout:///x"}}}, HostRule.REMOTE, None),
    ({"build": {"context": ".", "of_tomorrow": True}}, HostRule.UNKNOWN, "of_tomorrow"),
    ({"of_tomorrow": 1}, HostRule.UNKNOWN, "of_tomorrow"),
    ({"deploy": {"of_tomorrow": 1}}, HostRule.UNKNOWN, "of_tomorrow"),
    ({"deploy": {"resources": {"reservations": {"of_tomorrow": 1}}}}, HostRule.UNKNOWN, "of_tomorrow"),
    ({"volumes": [{"type": "npipe", "source": "x"}]}, HostRule.HOST_PATHS, "npipe"),
]

HOST_PATHS = [
    *(
        "/",
        "/etc",
        "/etc/passwd",
        "/srv/./data",
        "//srv",
        "/proc",
        "/sys",
        "/dev",
        "~",
        "~/x",
        "~root/x",
        "..",
    ),
    *("../other", "./../other", "data/../../other", "./data/../../other/.env", "out", "out/x", "dangling"),
    *("data/chain", "loop/../../x", "out/../data"),
    *("/run/tailscale/tailscaled.sock", "/etc/new.sock", "~/agent.sock"),
]

SOCKETS = [
    *("/var/run/docker.sock", "/run/docker.sock", "/var/run/../run/docker.sock", "//run/docker.sock"),
    *(
        "/run/user/1000/podman/podman.sock",
        "/run/containerd/containerd.sock",
        "socket",
        "~/.docker/docker.sock",
    ),
    *("/run/user/1000/docker.sock", "/mnt/elsewhere/docker.sock"),
]
FOLDERS_OF_SOCKETS = [
    "/",
    "/run",
    "/run/",
    "/var/run",
    "/var",
    "/run/containerd",
    "/run/user/1000",
    "runfolder",
]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    folder = tmp_path / "apps" / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "out").symlink_to("/etc")
    (folder / "dangling").symlink_to("/nowhere/at/all")
    (folder / "data" / "chain").symlink_to("../out")
    (folder / "inside").symlink_to("data")
    (folder / "socket").symlink_to("/var/run/docker.sock")
    (folder / "runfolder").symlink_to("/run")
    return Ground(folder, "simpledeploy-shop")


def found(service: dict[str, object], ground: Ground) -> list[tuple[HostRule, str]]:
    rules = service_rules({"web": service, "db": {"image": "postgres"}}, ground)
    return [(one.rule, one.subject) for one in rules]


def bound(source: str, ground: Ground, **more: object) -> list[HostRule]:
    mount = {"type": "bind", "source": source, "target": "/x", **more}
    return [rule for rule, _subject in found({"volumes": [mount]}, ground)]


@pytest.mark.parametrize("service", HARMLESS, ids=lambda service: "-".join(service))
def test_what_reaches_nothing_of_the_host_is_no_finding(service, ground):
    assert found(service, ground) == []


@pytest.mark.parametrize(("service", "rule", "subject"), HOSTILE, ids=str)
def test_what_reaches_the_host_is_found_by_its_rule(service, rule, subject, ground):
    ((found_rule, found_subject),) = found(service, ground)
    assert found_rule == rule
    assert subject is None or found_subject == subject


@pytest.mark.parametrize("source", HOST_PATHS)
def test_a_path_outside_is_found_however_it_is_written(source, ground):
    assert HostRule.HOST_PATHS in bound(source, ground)


@pytest.mark.parametrize(
    "source", ["data", "./data", "data/deep/er", "inside", "./inside/x", "a/../data", "new"]
)
def test_a_path_inside_is_no_finding(source, ground):
    assert bound(source, ground) == []
    assert bound(str(ground.folder / source), ground) == []


@pytest.mark.parametrize("source", SOCKETS)
def test_a_socket_of_the_engine_is_found_by_its_own_rule(source, ground):
    assert bound(source, ground) == [HostRule.ENGINE_SOCKET]


@pytest.mark.parametrize("source", FOLDERS_OF_SOCKETS)
def test_a_folder_with_the_socket_is_both(source, ground):
    assert bound(source, ground) == [HostRule.ENGINE_SOCKET, HostRule.HOST_PATHS]


@pytest.mark.parametrize("source", [".", "./", "./docker-compose.yml", ".env", ".previous/x", "data/.."])
def test_the_panels_own_files_can_be_bound_for_reading_only(source, ground):
    assert bound(source, ground) == [HostRule.HOST_PATHS]
    assert bound(source, ground, read_only=True) == []


def test_a_shared_mount_reaches_the_host(ground):
    assert bound("data", ground, bind={"propagation": "rshared"}) == [HostRule.HOST_PATHS]
    assert bound("data", ground, bind={"propagation": "rprivate"}) == []


def test_the_paths_of_the_staging_are_those_of_the_folder(ground, tmp_path):
    staged = Ground(ground.folder, ground.project, staging=tmp_path / "staging")
    assert bound(f"{tmp_path}/staging/data", staged) == []
    assert bound(f"{tmp_path}/staging/out", staged) == [HostRule.HOST_PATHS]
    assert bound(f"{tmp_path}/staging-more/data", staged) == [HostRule.HOST_PATHS]


def test_a_folder_behind_a_link_is_the_apps_own(ground, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "apps")
    moved = Ground(tmp_path / "link" / "shop", ground.project)
    assert bound("data", moved) == []
    assert bound("out", moved) == [HostRule.HOST_PATHS]


@pytest.mark.parametrize("part", ["context", "dockerfile", "additional_contexts"])
@pytest.mark.parametrize("source", ["/etc", "..", "out", "~/x", "data/chain"])
def test_a_build_reads_nothing_outside(part, source, ground):
    value = {"a": source} if part == "additional_contexts" else source
    assert [rule for rule, _ in found({"build": {"context": ".", part: value}}, ground)] == [HostRule.FILES]


def test_watched_paths_are_inside(ground):
    assert found({"develop": {"watch": [{"path": "/etc"}]}}, ground) == [(HostRule.FILES, "/etc")]
