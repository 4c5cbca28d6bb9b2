"""Pairs of Compose files, before and after, with what a plan must say of the step from one to the other.

`{web}`, `{web2}` and `{job}` stand for images that are on the engine, `{port}` for a free port.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.deployer import compose
from apps.deployer.compose import Project
from tests.engine.plan_lab import Stage


@dataclass(frozen=True)
class Pair:
    """One step. `services` is what the plan says of each, `reasons` the keys of its reasons."""

    name: str
    before: str
    after: str
    services: dict[str, str]
    reasons: dict[str, list[str]] = field(default_factory=dict)
    environment: tuple[str, str] = ("", "")  # before, after
    files: dict[str, str] = field(default_factory=dict)  # beside the Compose file
    networks: dict[str, str] = field(default_factory=dict)  # without the project's name; others are kept
    volumes: dict[str, str] = field(default_factory=dict)
    between: Callable[[Stage], None] = lambda stage: None  # what happens to engine or folder by hand
    rehearsed: bool = True


def change_many(stage: Stage) -> None:
    """Do by hand what changes some of the services of MANY."""
    stage.docker("tag", stage.images["web2"], stage.image("moving"))
    stage.write("beside.env", "A=2\n")
    stage.docker("stop", "--time", "0", stage.container("stopped"))
    stage.compose("run", "-T", "ran", "true")


def forget_the_built_image(stage: Stage) -> None:
    stage.write("Dockerfile", f"FROM {stage.images['web']}\nLABEL at={stage.project} anew=yes\n")
    stage.docker("rmi", "--force", f"{stage.project}-web")


def recreate_by_hand(stage: Stage) -> None:
    stage.up_by_hand(WEB.replace("image", "environment: {{BY: hand}}\n    image").format(**stage.names))


def scale_both(stage: Stage) -> None:
    stage.run(compose.scale(Project(stage.project, stage.folder.path), {"web": 2, "more": 2}))


def make_externals(stage: Stage) -> None:
    stage.make_external("network", "far")
    stage.make_external("volume", "far")


WEB = """
services:
  web:
    image: {web}
"""
WEB_AND_DB = """
services:
  web:
    image: {web}
  db:
    image: {web}
"""


# Services that have nothing to do with each other, each with a change of its own.
MANY = """
x-all: &all {{image: {web}, environment: {{A: b}}}}
services:
  image: {{image: {web}}}
  environment: {{image: {web}, environment: {{KEPT: a, GONE: b, OTHER: c}}}}
  value: {{image: {web}, environment: {{MODE: $MODE}}}}
  env-file: {{image: {web}, env_file: .env}}
  beside: {{image: {web}, env_file: beside.env}}
  command: {{image: {web}, command: ["httpd", "-f", "-p", "8080"]}}
  ports: {{image: {web}}}
  volumes: {{image: {web}, volumes: [old:/data]}}
  healthcheck: {{image: {web}}}
  mounts: {{image: {web}}}
  anchored: *all
  merged: {{<<: *all}}
  extends: {{image: {web}, extends: {{file: base.yml, service: one}}}}
  named: {{image: {web}, container_name: "{project}-one"}}
  moved: {{image: {moving}}}
  limits: {{image: {web}, restart: always}}
  --build: {{image: {web}, labels: {{a: b}}}}
  binds: {{image: {web}, volumes: ["./site:/www", "../shared:/data"]}}
  built: {{image: {web}, build: .}}
  ran: {{image: {web}}}
  a.b_c-1: {{image: {web}}}
  up: {{image: {web}, scale: 1}}
  down: {{image: {web}, deploy: {{replicas: 3}}}}
  none: {{image: {web}, scale: 2}}
  job: {{image: {job}, restart: "no"}}
  waits: {{image: {web}, depends_on: {{job: {{condition: service_completed_successfully}}}}}}
  stopped: {{image: {web}}}
volumes: {{old: {{}}}}
"""
MANY_CHANGED = """
x-all: &all {{image: {web}, environment: {{A: c}}}}
services:
  image: {{image: {web2}}}
  environment: {{image: {web}, environment: {{KEPT: a, OTHER: d, NEW: e}}}}
  value: {{image: {web}, environment: {{MODE: $MODE}}}}
  env-file: {{image: {web}, env_file: .env}}
  beside: {{image: {web}, env_file: beside.env}}
  command: {{image: {web}, command: ["httpd", "-f", "-p", "8081"]}}
  ports: {{image: {web}, ports: ["127.0.0.1:{port}:8080"]}}
  volumes: {{image: {web}, volumes: [new:/data]}}
  healthcheck: {{image: {web}, healthcheck: {{test: ["CMD", "true"], interval: 1h}}}}
  mounts: {{image: {web}, configs: [c], secrets: [s]}}
  anchored: *all
  merged: {{<<: *all}}
  extends: {{image: {web}, extends: {{file: base.yml, service: two}}}}
  named: {{image: {web}, container_name: "{project}-two"}}
  moved: {{image: {moving}}}
  limits: {{image: {web}, restart: unless-stopped, deploy: {{resources: {{limits: {{memory: 64M}}}}}}}}
  --build: {{image: {web}, labels: {{a: c}}}}
  binds: {{image: {web}, volumes: ["./site:/www", "../shared:/data"]}}
  built: {{image: {web}, build: {{context: ., args: [x=y]}}}}
  ran: {{image: {web}}}
  a.b_c-1: {{image: {web}}}
  up: {{image: {web}, scale: 3}}
  down: {{image: {web}, deploy: {{replicas: 1}}}}
  none: {{image: {web}, scale: 0}}
  job: {{image: {job}, restart: "no"}}
  waits: {{image: {web}, depends_on: {{job: {{condition: service_completed_successfully}}}}}}
  stopped: {{image: {web}}}
volumes: {{new: {{}}}}
configs: {{c: {{file: ./c.txt}}}}
secrets: {{s: {{file: ./s.txt}}}}
"""
MANY_REASONS = {
    "image": ["image"],
    "environment": ["environment"],
    "value": ["environment"],
    "env-file": ["environment"],
    "beside": ["outside"],
    "command": ["command"],
    "ports": ["ports"],
    "volumes": ["volumes"],
    "healthcheck": ["healthcheck"],
    "mounts": ["configs", "secrets"],
    "anchored": ["environment"],
    "merged": ["environment"],
    "extends": ["environment"],
    "named": ["container_name"],
    "moved": ["image moved"],
    "limits": ["deploy", "restart"],
    "--build": ["labels"],
}
SCALED = """
services:
  web: {{image: {web}, depends_on: [db]}}
  more:
    image: {web}
    depends_on: [db]
  db: {{image: {web}}}
"""
PROFILES = """
services:
  web:
    image: {web}
  debug: {{image: {web}, profiles: [debug]}}
  optional: {{image: {web}, depends_on: {{debug: {{condition: service_started, required: false}}}}}}
"""
NEVER = """
  off: {{image: {web}, profiles: [off]}}
  alone: {{image: {web}, depends_on: {{off: {{condition: service_started, required: false}}}}}}
"""
SHARED = """
services:
  web:
    image: {web}
  side: {{image: {job}, network_mode: "service:web"}}
  kept: {{image: {web}}}
  with-kept: {{image: {web}, network_mode: "service:kept", command: sleep 1000}}
  vols: {{image: {web}, volumes_from: ["kept:ro"]}}
"""


def web(*lines: str, more: str = "") -> str:
    return WEB + "".join(f"    {line}\n" for line in lines) + more


PAIRS = [
    Pair("nothing changed", WEB_AND_DB, WEB_AND_DB, {"web": "keep", "db": "keep"}),
    Pair("only words changed", WEB, "# a comment\n" + WEB, {"web": "keep"}),
    Pair(
        "the first deploy",
        "",
        web("volumes: [data:/data]", more="volumes: {{data: {{}}}}\n"),
        {"web": "create"},
        networks={"default": "create"},
        volumes={"data": "create"},
    ),
    Pair(
        "what of one service changed",
        MANY,
        MANY_CHANGED,
        {
            **dict.fromkeys(MANY_REASONS, "recreate"),
            **dict.fromkeys(("binds", "built", "ran", "a.b_c-1", "waits"), "keep"),
            **dict.fromkeys(("up", "down", "none"), "scale"),
            **dict.fromkeys(("job", "stopped"), "start"),
        },
        {**MANY_REASONS, "job": ["state"], "stopped": ["state"]},
        environment=("MODE=fast\nB='its $x'\n", "MODE=slow\nUNUSED=1\nB='its $y'\n"),
        files={
            "beside.env": "A=1\n",
            "base.yml": "services: {one: {environment: {A: b}}, two: {environment: {A: c}}}\n",
            "c.txt": "c",
            "s.txt": "s",
        },
        volumes={"new": "create", "old": "stays unused"},
        between=change_many,
    ),
    Pair(
        "an env_file with dollars that did not change",
        web("env_file: [.env, extra.env]"),
        web("env_file: [.env, extra.env]"),
        {"web": "keep"},
        environment=("P='a$b$$c'\n", "P='a$b$$c'\n"),
        files={"extra.env": "X='lit$eral'\n"},
    ),
    Pair(
        "networks",
        WEB_AND_DB,
        web("networks: [back]", more="  db: {{image: {web}, networks: [back]}}\nnetworks: {{back: {{}}}}\n"),
        {"web": "recreate", "db": "recreate"},
        {"web": ["networks"], "db": ["networks"]},
        networks={"back": "create", "default": "stays unused"},
    ),
    Pair(
        "scale down with a change",
        web("scale: 3"),
        web("scale: 2", "environment: {{A: b}}"),
        {"web": "recreate"},
        {"web": ["environment"]},
    ),
    Pair(
        "what a scale made, and is too much",
        SCALED,
        SCALED.replace("  more:\n", "  more:\n    scale: 2\n"),
        {"web": "recreate", "more": "recreate", "db": "keep"},
        {"web": ["scale"], "more": ["scale"]},
        between=scale_both,
    ),
    Pair(
        "a profile that becomes active",
        PROFILES,
        PROFILES,
        {"web": "keep", "optional": "recreate", "debug": "create"},
        {"optional": ["depends_on"]},
        environment=("", "COMPOSE_PROFILES=debug\n"),
    ),
    Pair(
        "a profile that is no longer active, and one that never was",
        PROFILES + NEVER,
        PROFILES.replace("  web:\n", "  web:\n    labels: {{a: b}}\n") + NEVER + "  new: {{image: {web}}}\n",
        {"web": "recreate", "optional": "recreate", "debug": "keep", "alone": "keep", "new": "create"},
        {"debug": ["profiles"], "web": ["labels"], "optional": ["depends_on"]},
        environment=("COMPOSE_PROFILES=debug\n", ""),
    ),
    Pair(
        "depends_on, and what depends on what is recreated",
        WEB_AND_DB + "  far: {{image: {web}, depends_on: [db]}}\n",
        WEB_AND_DB.replace("db:", "db:\n    labels: [x=1]")
        + "    depends_on: [web]\n  far: {{image: {web}, depends_on: [db]}}\n",
        {"web": "keep", "db": "recreate", "far": "recreate"},
        {"db": ["depends_on", "labels"], "far": ["depends_on"]},
    ),
    Pair(
        "the content of a config, which up does not notice",
        web("configs: [c]", more="configs: {{c: {{content: one}}}}\n"),
        web("configs: [c]", more="configs: {{c: {{content: two}}}}\n"),
        {"web": "keep"},
        rehearsed=False,
    ),
    Pair(
        "include",
        "include: [sub/one.yml]\n" + WEB,
        "include: [sub/two.yml]\n" + WEB,
        {"web": "keep", "in": "recreate", "more": "create"},
        {"in": ["environment"]},
        files={
            "sub/one.yml": "services: {in: {image: $WEB, env_file: in.env, volumes: ['./d:/d']}}\n",
            "sub/two.yml": "services: {in: {image: $WEB, environment: {A: c}, volumes: ['./d:/d']}, "
            "more: {image: $WEB}}\n",
            "sub/in.env": "A=b\n",
        },
        environment=("WEB={web}\n", "WEB={web}\n"),
    ),
    Pair(
        "a service that is renamed, one added, one removed",
        WEB_AND_DB + "  old: {{image: {web}}}\n",
        WEB_AND_DB.replace("db:", "database:") + "  new: {{image: {job}}}\n",
        {"web": "keep", "db": "remove", "database": "create", "old": "remove", "new": "create"},
        {"db": ["services"], "old": ["services"]},
    ),
    Pair(
        "build, with no image here",
        "services:\n  web: {{build: .}}\n",
        "services:\n  web: {{build: .}}\n  new: {{image: {web}}}\n",
        {"web": "recreate", "new": "create"},
        {"web": ["build"]},
        files={"Dockerfile": "FROM {web}\nLABEL at={project}\n"},
        between=forget_the_built_image,
        rehearsed=False,
    ),
    Pair(
        "what shares a network or volumes",
        SHARED,
        SHARED.replace("  web:\n", "  web:\n    labels: {{a: b}}\n") + "  new: {{image: {web}}}\n",
        {
            "web": "recreate",
            "side": "recreate",
            "kept": "keep",
            "with-kept": "keep",
            "vols": "keep",
            "new": "create",
        },
        {"web": ["labels"], "side": ["shared"]},
        between=lambda stage: stage.docker("wait", stage.container("side")),
    ),
    Pair(
        "no network at all",
        "",
        web("network_mode: none", more="networks: {{unused: {{}}}}\nvolumes: {{unused: {{}}}}\n"),
        {"web": "create"},
    ),
    Pair(
        "what was changed outside the panel",
        WEB,
        WEB,
        {"web": "recreate"},
        {"web": ["outside"]},
        between=recreate_by_hand,
    ),
    Pair(
        "external networks and volumes",
        WEB,
        web(
            "networks: [far]",
            "volumes: [far:/data]",
            more="networks: {{far: {{external: true, name: '{project}-far'}}}}\n"
            "volumes: {{far: {{external: true, name: '{project}-far'}}}}\n",
        ),
        {"web": "recreate"},
        {"web": ["networks", "volumes"]},
        networks={"default": "stays unused"},
        between=make_externals,
    ),
]
