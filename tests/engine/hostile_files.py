"""Compose files that ask something of the host, each in its spellings, plain and hidden. Data only.

`FOLDER` is what lies in the app's folder beside them; OUTSIDE stands for a folder elsewhere on the machine,
which holds a secret that must not come out.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from apps.applications.host_rules.rules import HostRule

SECRET = "hunter2-of-the-machine"


@dataclass(frozen=True)
class Hostile:
    """A file, what refuses it, and whether Compose must not even begin to read."""

    name: str
    rule: HostRule
    yaml: str
    environment: str = ""
    unread: bool = False


def prepare(folder: Path, outside: Path) -> None:
    """Put into `folder` what the files refer to, and a secret `outside`."""
    outside.mkdir()
    (outside / "secret.env").write_text(f"TOKEN={SECRET}\n")
    (outside / "secret.yml").write_text(f"services: {{stolen: {{image: '{SECRET}'}}}}\n")
    folder.mkdir()
    for name in ("data", "sub", "linked"):
        (folder / name).mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "secret.env").symlink_to(outside / "secret.env")
    (folder / "sub" / "deep").symlink_to("../out")
    (folder / "socket").symlink_to("/var/run/docker.sock")
    (folder / "linked" / ".env").symlink_to(outside / "secret.env")
    (folder / "own.yml").write_text("services: {own: {image: x}}\n")
    (folder / "privileged.yml").write_text("services: {base: {image: x, privileged: true}}\n")
    (folder / "bind.yml").write_text("services: {base: {image: x, volumes: ['../x:/x']}}\n")
    (folder / "env.yml").write_text(f"services: {{base: {{image: x, env_file: {outside}/secret.env}}}}\n")
    (folder / "chain.yml").write_text("include: [env.yml]\n")
    (folder / "sub" / "up.yml").write_text("services: {base: {image: x, env_file: ../../secret.env}}\n")
    os.mkfifo(folder / "pipe")


def hostile_files(outside: Path) -> list[Hostile]:
    """Return all of them, with `outside` for OUTSIDE."""
    return [
        Hostile(
            name,
            rule,
            _whole(yaml).replace("OUTSIDE", str(outside)),
            "".join(environment).replace("OUTSIDE", str(outside)),
            unread=table is _READ,
        )
        for table in (_PLAIN, _READ)
        for rule, files in table.items()
        for name, yaml, *environment in files
    ]


def _whole(yaml: str) -> str:
    """Return the Compose file of a short form: keys of a service, and in further lines what is beside it."""
    if yaml.startswith(("services:", "include:", "x-", "{")):
        return yaml
    keys, _, rest = yaml.partition("\n")
    return f"services:\n  web:\n    image: x\n    {keys}\n{rest}"


# What Compose makes of them is refused.
_PLAIN: dict[HostRule, list[tuple[str, ...]]] = {
    HostRule.PRIVILEGED: [
        ("privileged", "privileged: true"),
        ("privileged as yes", "privileged: yes"),
        ("privileged by a variable", "privileged: ${P}", "P=true"),
        ("privileged by a default", "privileged: ${P:-true}"),
        ("privileged by an anchor", "x-a: &a true\nservices: {web: {image: x, privileged: *a}}"),
        ("privileged by a merge", "x-a: &a {privileged: true}\nservices: {web: {<<: *a, image: x}}"),
        (
            "privileged by a list of merges",
            "x-a: &a {privileged: true}\nx-b: &b {tty: true}\nservices: {web: {<<: [*b, *a], image: x}}",
        ),
        ("privileged by extends", "services: {web: {extends: {file: privileged.yml, service: base}}}"),
        (
            "privileged by extends of a twin",
            "services: {a: {image: x, privileged: true}, web: {extends: a}}",
        ),
        ("privileged by include", "include: [privileged.yml]\nservices: {web: {image: x}}\n"),
        ("privileged by JSON", '{"services": {"web": {"image": "x", "privileged": true}}}\n'),
        ("privileged build", "build: {context: ., privileged: true}"),
        ("build entitlements", "build: {context: ., entitlements: [security.insecure]}"),
    ],
    HostRule.NAMESPACES: [
        ("network host", "network_mode: host"),
        ("network host by a variable", "network_mode: ${N}", "N=host"),
        ("external network host", "networks: [h]\nnetworks: {h: {external: true, name: host}}"),
        ("pid host", "pid: host"),
        ("ipc host", "ipc: host"),
        ("uts host", "uts: host"),
        ("userns host", "userns_mode: host"),
        ("cgroup host", "cgroup: host"),
        ("build network host", "build: {context: ., network: host}"),
    ],
    HostRule.CAPABILITIES: [
        ("cap_add", "cap_add: [NET_ADMIN]"),
        ("cap_add with its prefix", "cap_add: [CAP_SYS_ADMIN]"),
        ("cap_add in small letters", "cap_add: [sys_ptrace]"),
        ("cap_add all", "cap_add: [ALL]"),
        ("cap_add by an anchor", "x-c: &c [SYS_MODULE]\nservices: {web: {image: x, cap_add: *c}}"),
    ],
    HostRule.DEVICES: [
        ("device", "devices: ['/dev/kvm']"),
        ("device in three parts", "devices: ['/dev/sda:/dev/x:rwm']"),
        ("device rules", "device_cgroup_rules: ['c 1:* rwm']"),
        ("reserved GPU", "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}"),
        ("runtime", "runtime: nvidia"),
        ("annotations", "annotations: {run.oci.handler: krun}"),
    ],
    HostRule.ENGINE_SOCKET: [
        ("socket", "volumes: ['/var/run/docker.sock:/s']"),
        ("socket read-only", "volumes: ['/run/docker.sock:/s:ro']"),
        ("socket in the long form", "volumes: [{type: bind, source: /var/run/docker.sock, target: /s}]"),
        ("socket by dots", "volumes: ['/var/lib/../run/docker.sock:/s']"),
        ("socket by slashes", "volumes: ['//var//run/docker.sock:/s']"),
        ("socket by a variable", "volumes: ['${S}:/s']", "S=/var/run/docker.sock"),
        ("socket by a link", "volumes: ['./socket:/s']"),
        ("its folder", "volumes: ['/run:/s']"),
        ("a folder above", "volumes: ['/var/run:/s']"),
        ("the root", "volumes: ['/:/host:ro']"),
        ("containerd", "volumes: ['/run/containerd/containerd.sock:/s']"),
        ("podman", "volumes: ['/run/user/1000/podman/podman.sock:/s']"),
        (
            "socket by a volume",
            "volumes: ['vol:/s']\n"
            "volumes: {vol: {driver_opts: {type: none, o: bind, device: /run/docker.sock}}}",
        ),
    ],
    HostRule.HOST_PATHS: [
        ("bind", "volumes: ['/etc:/x']"),
        ("bind in the long form", "volumes: [{type: bind, source: /etc, target: /x}]"),
        ("a socket of another program", "volumes: ['/run/tailscale/tailscaled.sock:/x']"),
        ("bind of the home", "volumes: ['~/.ssh:/x']"),
        ("bind of the home by a variable", "volumes: ['${HOME}/.ssh:/x']"),
        ("bind above", "volumes: ['..:/x']"),
        ("bind of another app", "volumes: ['../other:/x']"),
        ("bind by dots", "volumes: ['./data/../../other:/x']"),
        ("bind by a link", "volumes: ['./out:/x']"),
        ("bind below a link", "volumes: ['./out/deep:/x']"),
        ("bind by a link to a link", "volumes: ['./sub/deep:/x']"),
        ("bind by an extended file", "services: {web: {extends: {file: bind.yml, service: base}}}"),
        ("bind by an included file", "include: [bind.yml]"),
        ("bind of the app's own files", "volumes: ['.:/x']"),
        ("bind of the Compose file", "volumes: ['./docker-compose.yml:/x']"),
        (
            "bind with propagation",
            "volumes: [{type: bind, source: ./data, target: /x, bind: {propagation: rshared}}]",
        ),
        ("bind of what a container writes", "volumes: ['./data:/x', './data/sub:/y']"),
        (
            "local volume that binds",
            "volumes: ['vol:/x']\nvolumes: {vol: {driver_opts: {type: none, o: bind, device: /etc}}}",
        ),
        (
            "local volume that binds all below",
            "volumes: ['vol:/x']\n"
            "volumes: {vol: {driver: local, driver_opts: {o: 'ro,rbind', device: /srv}}}",
        ),
        (
            "local volume by variables",
            "volumes: ['vol:/x']\nvolumes: {vol: {driver_opts: {type: none, o: '${O}', device: '${D}'}}}",
            "O=bind\nD=/etc",
        ),
        (
            "local volume of a disk",
            "volumes: ['vol:/x']\nvolumes: {vol: {driver_opts: {type: ext4, device: /dev/sda1}}}",
        ),
    ],
    HostRule.FILES: [
        ("secret", "secrets: [s]\nsecrets: {s: {file: OUTSIDE/secret.env}}"),
        ("secret by a link", "secrets: [s]\nsecrets: {s: {file: ./secret.env}}"),
        ("config", "configs: [c]\nconfigs: {c: {file: ../secret.env}}"),
        ("build context", "build: OUTSIDE"),
        ("build context above", "build: {context: ..}"),
        ("build context by a link", "build: {context: ./out}"),
        ("dockerfile", "build: {context: ., dockerfile: OUTSIDE/Dockerfile}"),
        ("dockerfile by dots", "build: {context: ./sub, dockerfile: ../../Dockerfile}"),
        ("additional context", "build: {context: ., additional_contexts: {x: OUTSIDE}}"),
        ("SSH keys", "build: {context: ., ssh: [default]}"),
        ("cache in a folder", "build: {context: ., cache_to: ['type=local,dest=/root']}"),
        ("watched path", "develop: {watch: [{path: /etc, action: sync, target: /x}]}"),
        ("credential spec", "credential_spec: {file: spec.json}"),
    ],
    HostRule.REMOTE: [
        ("git context", "build: 'https://example.com/x.git'"),
        ("ssh context", "build: {context: 'git@example.com:x/y.git'}"),
        (
            "address as additional context",
            "build: {context: ., additional_contexts: {x: 'https://example.com/x'}}",
        ),
    ],
    HostRule.CONTAINERS: [
        ("network of a container", "network_mode: container:other"),
        ("PID of a container", "pid: container:other"),
        ("IPC of a container", "ipc: container:other"),
        ("volumes of a container", "volumes_from: ['container:other:rw']"),
        ("links beyond", "external_links: [other]"),
    ],
    HostRule.OTHER_APPS: [
        (
            "network of another app",
            "networks: [n]\nnetworks: {n: {external: true, name: simpledeploy-b_default}}",
        ),
        ("external network", "networks: [n]\nnetworks: {n: {external: true}}"),
        ("named network", "networks: [n]\nnetworks: {n: {name: simpledeploy-b_default}}"),
        ("network mode by name", "network_mode: simpledeploy-b_default"),
        (
            "volume of another app",
            "volumes: ['vol:/x']\nvolumes: {vol: {external: true, name: simpledeploy-b_data}}",
        ),
        ("named volume", "volumes: ['vol:/x']\nvolumes: {vol: {name: simpledeploy-b_data}}"),
        (
            "volume named by a variable",
            "volumes: ['vol:/x']\nvolumes: {vol: {name: '${V}'}}",
            "V=simpledeploy-b_data",
        ),
    ],
    HostRule.SECURITY: [
        ("seccomp with a colon", "security_opt: ['seccomp:unconfined']"),
        ("seccomp with an equals sign", "security_opt: ['seccomp=unconfined']"),
        ("AppArmor", "security_opt: ['apparmor:unconfined']"),
        ("AppArmor with an equals sign", "security_opt: ['apparmor=unconfined']"),
        ("labels", "security_opt: ['label:disable']"),
        ("system paths", "security_opt: ['systempaths=unconfined']"),
        ("a profile of the host", "security_opt: ['seccomp=/etc/profile.json']"),
    ],
    HostRule.KERNEL: [
        ("sysctl", "sysctls: {kernel.core_pattern: x}"),
        ("sysctl in a list", "sysctls: ['vm.overcommit_memory=1']"),
        ("cgroup parent", "cgroup_parent: /"),
    ],
    HostRule.NETWORK_DRIVERS: [
        ("macvlan", "networks: [n]\nnetworks: {n: {driver: macvlan, driver_opts: {parent: eth0}}}"),
        ("ipvlan", "networks: [n]\nnetworks: {n: {driver: ipvlan}}"),
        (
            "bridge of the host",
            "networks: [n]\nnetworks: {n: {driver_opts: {com.docker.network.bridge.name: docker0}}}",
        ),
        ("addresses of others", "networks: [n]\nnetworks: {n: {ipam: {config: [{subnet: 8.8.8.0/24}]}}}"),
    ],
    HostRule.VOLUME_DRIVERS: [
        (
            "NFS",
            "volumes: ['vol:/x']\n"
            "volumes: {vol: {driver_opts: {type: nfs, o: addr=10.0.0.1, device: ':/x'}}}",
        ),
        ("CIFS", "volumes: ['vol:/x']\nvolumes: {vol: {driver_opts: {type: cifs, device: //10.0.0.1/x}}}"),
        ("plugin", "volumes: ['vol:/x']\nvolumes: {vol: {driver: rclone}}"),
    ],
    HostRule.LOG_DRIVERS: [("syslog", "logging: {driver: syslog, options: {syslog-address: 'unix:///x'}}")],
}

# Of these Compose must not read anything: it would print or quote what it reads, or never come back.
_READ: dict[HostRule, list[tuple[str, ...]]] = {
    HostRule.FILES: [
        ("env_file", "env_file: OUTSIDE/secret.env"),
        ("env_file in a list", "env_file: [OUTSIDE/secret.env]"),
        ("env_file in the long form", "env_file: [{path: OUTSIDE/secret.env, required: false}]"),
        ("env_file by dots", "env_file: ../secret.env"),
        ("env_file by a link", "env_file: secret.env"),
        ("env_file below a link", "env_file: out/secret.env"),
        ("env_file by a variable", "env_file: ${F}", "F=OUTSIDE/secret.env"),
        ("env_file by a variable of the machine", "env_file: ${HOME}/x"),
        ("env_file by an anchor", "x-f: &f OUTSIDE/secret.env\nservices: {web: {image: x, env_file: *f}}"),
        (
            "env_file by a merge",
            "x-f: &f {env_file: [OUTSIDE/secret.env]}\nservices: {web: {<<: *f, image: x}}",
        ),
        ("env_file of the panel's process", "env_file: /proc/self/environ"),
        ("env_file that never ends", "env_file: pipe"),
        ("env_file that is a device", "env_file: /dev/zero"),
        ("env_file of the home", "env_file: ~/.docker/config.json"),
        ("env_file of a file that is included", "include: [env.yml]"),
        ("env_file of a file that that includes", "include: [chain.yml]"),
        ("env_file of a file that is extended", "services: {web: {extends: {file: env.yml, service: base}}}"),
        ("env_file relative to the included file", "include: [sub/up.yml]"),
        ("include", "include: [OUTSIDE/secret.yml]"),
        ("include in the long form", "include: [{path: [own.yml, OUTSIDE/secret.yml]}]"),
        ("include by a link", "include: [out/secret.yml]"),
        ("environment of an include", "include: [{path: own.yml, env_file: OUTSIDE/secret.env}]"),
        ("folder of an include", "include: [{path: own.yml, project_directory: OUTSIDE}]"),
        ("linked environment of an include", "include: [{path: own.yml, project_directory: linked}]"),
        ("extends", "services: {web: {extends: {file: OUTSIDE/secret.yml, service: stolen}}}"),
    ],
    HostRule.REMOTE: [
        ("include from git", "include: ['https://example.com/x.git']"),
        ("include from a registry", "include: ['oci://example.com/x']"),
        ("extends from git", "services: {web: {extends: {file: 'git@example.com:x/y.git', service: a}}}"),
    ],
    HostRule.UNKNOWN: [
        ("env_file in another coding", "env_file: !!binary L2V0Yy9zaGFkb3c="),
        ("key in another coding", "!!binary ZW52X2ZpbGU=: /etc/shadow"),
    ],
    HostRule.ENVIRONMENT: [
        ("library to load", "tty: true", "LD_PRELOAD=/x.so"),
        ("command for git", "tty: true", "GIT_SSH_COMMAND=/x"),
        ("folder of plugins", "tty: true", "HOME=/x"),
        ("other Compose file", "tty: true", "COMPOSE_FILE=/x.yml"),
    ],
}
