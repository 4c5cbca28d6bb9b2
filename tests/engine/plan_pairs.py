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


def stop_web(stage: Stage) -> None:
    stage.docker("stop", "--time", "0", stage.container("web"))


def move_the_tag(stage: Stage) -> None:
    stage.docker("tag", stage.images["web2"], stage.image("moving"))


def forget_the_built_image(stage: Stage) -> None:
    stage.write("Dockerfile", f"FROM {stage.images['web']}\nLABEL at={stage.project} anew=yes\n")
    stage.docker("rmi", "--force", f"{stage.project}-web")


def edit_beside(name: str, text: str) -> Callable[[Stage], None]:
    return lambda stage: stage.write(name, text)


def recreate_by_hand(stage: Stage) -> None:
    stage.up_by_hand(WEB.replace("image", "environment: {{BY: hand}}\n    image").format(**stage.names))


def run_once(stage: Stage) -> None:
    stage.compose("run", "--detach", "web", "true")


def scale_web(stage: Stage) -> None:
    stage.run(compose.scale(Project(stage.project, stage.folder.path), {"web": 2}))


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


def web(*lines: str, more: str = "") -> str:
    return WEB + "".join(f"    {line}\n" for line in lines) + more


PAIRS = [
    Pair("nothing changed", WEB_AND_DB, WEB_AND_DB, {"web": "keep", "db": "keep"}),
    Pair("only words changed", WEB_AND_DB, "# a comment\n" + WEB_AND_DB, {"web": "keep", "db": "keep"}),
    Pair(
        "the first deploy",
        "",
        web("volumes: [data:/data]", more="volumes: {{data: {{}}}}\n"),
        {"web": "create"},
        networks={"default": "create"},
        volumes={"data": "create"},
    ),
    Pair(
        "image",
        WEB_AND_DB,
        WEB_AND_DB.replace("{web}", "{web2}", 1),
        {"web": "recreate", "db": "keep"},
        {"web": ["image"]},
    ),
    Pair(
        "environment",
        web("environment: {{KEPT: a, GONE: b, OTHER: c}}"),
        web("environment: {{KEPT: a, OTHER: d, NEW: e}}"),
        {"web": "recreate"},
        {"web": ["environment"]},
    ),
    Pair(
        "value of the .env",
        web("environment: {{MODE: $MODE}}", more="  db: {{image: {web}}}\n"),
        web("environment: {{MODE: $MODE}}", more="  db: {{image: {web}}}\n"),
        {"web": "recreate", "db": "keep"},
        {"web": ["environment"]},
        environment=("MODE=fast\n", "MODE=slow\nUNUSED=1\n"),
    ),
    Pair(
        "content of the env_file",
        web("env_file: .env"),
        web("env_file: .env"),
        {"web": "recreate"},
        {"web": ["environment"]},
        environment=("A=1\nB='it''s $x'\n".replace("''", ""), "A=1\nB='its $y'\n"),
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
        "an env_file beside, edited by hand",
        web("env_file: extra.env"),
        web("env_file: extra.env"),
        {"web": "recreate"},
        {"web": ["outside"]},
        files={"extra.env": "A=1\n"},
        between=edit_beside("extra.env", "A=2\n"),
    ),
    Pair(
        "command",
        web('command: ["httpd", "-f", "-p", "8080"]'),
        web('command: ["httpd", "-f", "-p", "8081"]'),
        {"web": "recreate"},
        {"web": ["command"]},
    ),
    Pair(
        "ports",
        web(),
        web('ports: ["127.0.0.1:{port}:8080"]'),
        {"web": "recreate"},
        {"web": ["ports"]},
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
        "volumes",
        web("volumes: [old:/data]", more="volumes: {{old: {{}}}}\n"),
        web("volumes: [new:/data]", more="volumes: {{new: {{}}}}\n"),
        {"web": "recreate"},
        {"web": ["volumes"]},
        volumes={"new": "create", "old": "stays unused"},
    ),
    Pair(
        "binds of the app's folder",
        web('volumes: ["./site:/www", "../shared:/data"]'),
        web('volumes: ["./site:/www", "../shared:/data"]'),
        {"web": "keep"},
    ),
    Pair("scale up", web("scale: 1"), web("scale: 3"), {"web": "scale"}),
    Pair("scale down", web("deploy: {{replicas: 3}}"), web("deploy: {{replicas: 1}}"), {"web": "scale"}),
    Pair(
        "scale down with a change",
        web("scale: 3"),
        web("scale: 2", "environment: {{A: b}}"),
        {"web": "recreate"},
        {"web": ["environment"]},
    ),
    Pair(
        "what a scale made",
        WEB_AND_DB.replace("  db:", "    depends_on: [db]\n  db:"),
        WEB_AND_DB.replace("  db:", "    depends_on: [db]\n    scale: 2\n  db:"),
        {"web": "recreate", "db": "keep"},
        {"web": ["scale"]},
        between=scale_web,
    ),
    Pair(
        "what a scale made, and is too much",
        WEB_AND_DB.replace("  db:", "    depends_on: [db]\n  db:"),
        WEB_AND_DB.replace("  db:", "    depends_on: [db]\n  db:"),
        {"web": "recreate", "db": "keep"},
        {"web": ["scale"]},
        between=scale_web,
    ),
    Pair("scale to nothing", web("scale: 2"), web("scale: 0"), {"web": "scale"}),
    Pair(
        "a profile that becomes active",
        web(more="  debug: {{image: {web}, profiles: [debug]}}\n"),
        web(more="  debug: {{image: {web}, profiles: [debug]}}\n"),
        {"web": "keep", "debug": "create"},
        environment=("", "COMPOSE_PROFILES=debug\n"),
    ),
    Pair(
        "a profile that is no longer active",
        web(more="  debug: {{image: {web}, profiles: [debug]}}\n"),
        web("labels: {{a: b}}", more="  debug: {{image: {web}, profiles: [debug]}}\n"),
        {"web": "recreate", "debug": "keep"},
        {"debug": ["profiles"], "web": ["labels"]},
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
        "labels", web("labels: {{a: b}}"), web("labels: {{a: c}}"), {"web": "recreate"}, {"web": ["labels"]}
    ),
    Pair(
        "healthcheck",
        web(),
        web('healthcheck: {{test: ["CMD", "true"], interval: 1h}}'),
        {"web": "recreate"},
        {"web": ["healthcheck"]},
    ),
    Pair(
        "configs and secrets",
        web(),
        web(
            "configs: [c]",
            "secrets: [s]",
            more="configs: {{c: {{file: ./c.txt}}}}\nsecrets: {{s: {{file: ./s.txt}}}}\n",
        ),
        {"web": "recreate"},
        {"web": ["configs", "secrets"]},
        files={"c.txt": "c", "s.txt": "s"},
    ),
    Pair(
        "the content of a config, which up does not notice",
        web("configs: [c]", more="configs: {{c: {{content: one}}}}\n"),
        web("configs: [c]", more="configs: {{c: {{content: two}}}}\n"),
        {"web": "keep"},
        rehearsed=False,
    ),
    Pair(
        "anchors",
        "x-all: &all {{image: {web}, environment: {{A: b}}}}\nservices:\n  web: *all\n  db: {{<<: *all}}\n",
        "x-all: &all {{image: {web}, environment: {{A: c}}}}\nservices:\n  web: *all\n  db: {{<<: *all}}\n",
        {"web": "recreate", "db": "recreate"},
        {"web": ["environment"], "db": ["environment"]},
    ),
    Pair(
        "extends",
        "services:\n  web: {{image: {web}, extends: {{file: base.yml, service: one}}}}\n",
        "services:\n  web: {{image: {web}, extends: {{file: base.yml, service: two}}}}\n",
        {"web": "recreate"},
        {"web": ["environment"]},
        files={"base.yml": "services: {one: {environment: {A: b}}, two: {environment: {A: c}}}\n"},
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
        "build, with the image that is here",
        web("build: ."),
        web("build: {{context: ., args: [x=y]}}"),
        {"web": "keep"},
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
        "what shares a network with what is recreated",
        web(more="  side: {{image: {job}, network_mode: 'service:web'}}\n  other: {{image: {web}}}\n"),
        web(
            "labels: {{a: b}}",
            more="  side: {{image: {job}, network_mode: 'service:web'}}\n  other: {{image: {web}}}\n",
        ),
        {"web": "recreate", "side": "recreate", "other": "keep"},
        {"web": ["labels"], "side": ["shared"]},
    ),
    Pair(
        "what shares a network or volumes with what is kept",
        web(
            more="  side: {{image: {web}, network_mode: 'service:web', command: sleep 1000}}\n"
            "  vols: {{image: {web}, volumes_from: ['web:ro']}}\n"
        ),
        web(
            more="  side: {{image: {web}, network_mode: 'service:web', command: sleep 1000}}\n"
            "  vols: {{image: {web}, volumes_from: ['web:ro']}}\n  new: {{image: {web}}}\n"
        ),
        {"web": "keep", "side": "keep", "vols": "keep", "new": "create"},
    ),
    Pair(
        "no network at all",
        "",
        web("network_mode: none", more="networks: {{unused: {{}}}}\nvolumes: {{unused: {{}}}}\n"),
        {"web": "create"},
    ),
    Pair(
        "an optional dependency whose profile is not active",
        web(
            "depends_on: {{debug: {{condition: service_started, required: false}}}}",
            more="  debug: {{image: {web}, profiles: [debug]}}\n",
        ),
        web(
            "depends_on: {{debug: {{condition: service_started, required: false}}}}",
            more="  debug: {{image: {web}, profiles: [debug]}}\n  new: {{image: {web}}}\n",
        ),
        {"web": "keep", "new": "create"},
    ),
    Pair(
        "an optional dependency whose profile becomes active",
        web(
            "depends_on: {{debug: {{condition: service_started, required: false}}}}",
            more="  debug: {{image: {web}, profiles: [debug]}}\n",
        ),
        web(
            "depends_on: {{debug: {{condition: service_started, required: false}}}}",
            more="  debug: {{image: {web}, profiles: [debug]}}\n",
        ),
        {"web": "recreate", "debug": "create"},
        {"web": ["depends_on"]},
        environment=("", "COMPOSE_PROFILES=debug\n"),
    ),
    Pair(
        "container_name",
        web("container_name: {project}-one"),
        web("container_name: {project}-two"),
        {"web": "recreate"},
        {"web": ["container_name"]},
    ),
    Pair(
        "an image whose name means another by now",
        "services:\n  web: {{image: {moving}}}\n  db: {{image: {web}}}\n",
        "services:\n  web: {{image: {moving}}}\n  db: {{image: {web}}}\n",
        {"web": "recreate", "db": "keep"},
        {"web": ["image moved"]},
        between=move_the_tag,
    ),
    Pair(
        "a job that has ended",
        'services:\n  job: {{image: {job}, restart: "no"}}\n'
        "  web:\n    image: {web}\n    depends_on: {{job: {{condition: service_completed_successfully}}}}\n",
        'services:\n  job: {{image: {job}, restart: "no"}}\n'
        "  web:\n    image: {web}\n    depends_on: {{job: {{condition: service_completed_successfully}}}}\n",
        {"job": "start", "web": "keep"},
        {"job": ["state"]},
    ),
    Pair(
        "a container that was stopped",
        WEB_AND_DB,
        WEB_AND_DB,
        {"web": "start", "db": "keep"},
        {"web": ["state"]},
        between=stop_web,
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
    Pair(
        "limits and restart policy",
        web("restart: always"),
        web("restart: unless-stopped", "deploy: {{resources: {{limits: {{memory: 64M}}}}}}"),
        {"web": "recreate"},
        {"web": ["deploy", "restart"]},
    ),
    Pair(
        "odd names of services",
        "services:\n  --build: {{image: {web}}}\n  a.b_c-1: {{image: {web}}}\n",
        "services:\n  --build: {{image: {web}, labels: [x=1]}}\n  a.b_c-1: {{image: {web}}}\n",
        {"--build": "recreate", "a.b_c-1": "keep"},
        {"--build": ["labels"]},
    ),
    Pair(
        "a container of compose run stays out of it",
        WEB,
        web("labels: {{a: b}}"),
        {"web": "recreate"},
        {"web": ["labels"]},
        between=run_once,
    ),
]
