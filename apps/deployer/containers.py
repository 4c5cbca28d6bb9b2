"""What the engine says of the containers of Compose projects."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.programs import docker_program
from apps.deployer.runner.interface import CancelToken, Collected, CommandRunner, Outcome, collect
from apps.registries.references import familiar_repository

_PROJECT_LABEL = "com.docker.compose.project"
# In the status of a listing: Up 2 minutes (healthy), Up 1 second (health: starting).
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)$")
_CPU_PERIOD = 100_000  # microseconds, where a quota comes without one (docs.docker.com, docker run)
_QUESTION_TIMEOUT = 30.0  # seconds; these commands answer in milliseconds or hang with the engine
_LISTINGS = 3  # at most, where each time nothing of what was listed is there any more
# What is read of `docker inspect`, in its own form but as Go names it. All the rest (environment, labels,
# aliases, logs of health checks) is as long as somebody makes it, and no app may make the answer about all of
# them too long to read.
INSPECTED = (
    '{"Id":{{json .ID}},"Name":{{json .Name}},"Image":{{json .Image}},"Created":{{json .Created}},'
    '"RestartCount":{{json .RestartCount}},"State":{"Status":{{json .State.Status}},'
    '"ExitCode":{{json .State.ExitCode}},"OOMKilled":{{json .State.OOMKilled}},'
    '"StartedAt":{{json .State.StartedAt}},"Error":{{json (printf "%.200s" .State.Error)}},'
    '"Health":{{with .State.Health}}{"Status":{{json .Status}}}{{else}}null{{end}}},'
    '"HostConfig":{"RestartPolicy":{{json .HostConfig.RestartPolicy}},"Memory":{{json .HostConfig.Memory}},'
    '"NanoCpus":{{json .HostConfig.NanoCPUs}},"CpuQuota":{{json .HostConfig.CPUQuota}},'
    '"CpuPeriod":{{json .HostConfig.CPUPeriod}}},'
    '"NetworkSettings":{"Ports":{{json .NetworkSettings.Ports}},"Networks":{ '
    '{{$comma := ""}}{{range $name, $_ := .NetworkSettings.Networks}}{{$comma}}{{json $name}}:{}'
    '{{$comma = ","}}{{end}}}},"Config":{"Image":{{json .Config.Image}},"Labels":{'
    + ",".join(
        f'"com.docker.compose.{name}":{{{{json (index .Config.Labels "com.docker.compose.{name}")}}}}'
        for name in (
            "oneoff",
            "project",
            "service",
            "config-hash",
            "project.working_dir",
            "project.config_files",
            "project.environment_file",
        )
    )
    + "}}}"
)


@dataclass(frozen=True)
class Container:
    """One container of a Compose project, as `docker inspect` tells it."""

    id: str
    name: str
    project: str
    service: str
    state: str  # created, running, restarting, paused, removing, exited, dead
    health: str  # "", starting, healthy, unhealthy
    exit_code: int
    restarts: int
    restart_policy: str  # no, on-failure, always, unless-stopped
    image: str
    image_id: str
    ports: tuple[str, ...]
    oom_killed: bool
    config_hash: str = ""  # of the service's configuration, as Compose computed it
    working_dir: str = ""  # the project directory that Compose was started with
    config_files: tuple[str, ...] = ()  # the Compose files that it was started from
    networks: tuple[str, ...] = ()  # names
    environment_files: tuple[str, ...] = ()  # those that Compose was told to read, empty for its default
    created_at: str = ""  # ISO 8601, UTC
    started_at: str = ""  # when it was last started, in the engine's words
    memory_limit: int = 0  # bytes; 0: none
    cpu_limit: float = 0.0  # processors; 0: none
    stopped_by_hand: bool = False  # as far as the stream of events has shown it; never told by inspect
    last_exit: int | None = None  # exit code of its last end, also where it runs again; as above
    start_failed: bool = False  # the last time that it was to be started: a port is taken, a mount is missing
    restart_tries: int = 0  # at most, with on-failure; 0: without end

    @property
    def standing(self) -> str:
        """State and health in a word or two, as far as a mere listing tells them too."""
        return f"{self.state} {self.health}" if self.health and self.state == "running" else self.state

    @property
    def ended_well(self) -> bool:
        return self.state == "exited" and self.exit_code == 0


def list_containers(
    runner: CommandRunner, project: str = "", cancel: CancelToken | None = None
) -> list[Container]:
    """Return the containers of `project`, or of all Compose projects; `compose run` ones are left out.

    `cancel` ends the wait for an engine that hangs. Raises EngineUnreachable.
    """
    label = f"label={_PROJECT_LABEL}" + (f"={project}" if project else "")
    listing = ("ps", "--all", "--quiet", "--no-trunc", "--filter", label)
    attempts = _LISTINGS
    while True:
        attempts -= 1
        ids = ask_engine(runner, *listing, cancel=cancel).stdout.split()
        try:
            return inspect_containers(runner, ids, cancel) if ids else []
        except EngineUnreachable:
            # All that were listed may have gone since: the next listing tells.
            if not attempts:
                raise


def inspect_containers(
    runner: CommandRunner, ids: Iterable[str], cancel: CancelToken | None = None
) -> list[Container]:
    """Return the containers with these ids that still exist and belong to a Compose project, in order.

    Raises EngineUnreachable, also where none of them exists any more.
    """
    # One that went away in between makes the command fail, and the others are still told.
    words = ("inspect", "--type", "container", "--format", INSPECTED, *ids)
    told = ask_engine(runner, *words, partly=True, cancel=cancel)
    containers = (_container(json.loads(line)) for line in told.stdout.splitlines() if line.startswith("{"))
    return sorted((c for c in containers if c is not None), key=lambda c: (c.project, c.service, c.name))


def list_standings(
    runner: CommandRunner, timeout: float, cancel: CancelToken | None = None
) -> dict[str, str]:
    """Return {id: `Container.standing`} for all Compose projects; `compose run` ones are left out.

    Raises EngineUnreachable, also where there is no answer within `timeout` seconds.
    """
    filters = ("--filter", f"label={_PROJECT_LABEL}", "--filter", "label=com.docker.compose.oneoff=False")
    words = ("ps", "--all", "--no-trunc", *filters, "--format", "{{.ID}} {{.State}} {{.Status}}")
    told = ask_engine(runner, *words, timeout=timeout, cancel=cancel)
    found = {}
    for line in told.stdout.splitlines():
        id_, state, status = [*line.split(" ", 2), "", ""][:3]
        health = _HEALTH.search(status)
        found[id_] = f"{state} {health[1]}" if health and state == "running" else state
    return found


def image_digests(runner: CommandRunner, containers: list[Container]) -> dict[str, dict[str, str]]:
    """Return {service: {"image", "id", "digest"}}; an image never pulled or pushed has an empty digest."""
    ids = sorted({c.image_id for c in containers})
    digests: dict[str, list[str]] = {}
    if ids:
        told = ask_engine(runner, "image", "inspect", "--format", "{{json .}}", *ids, partly=True)
        for line in told.stdout.splitlines():
            if not line.startswith("{"):
                continue
            image = json.loads(line)
            digests[image["Id"]] = image.get("RepoDigests") or []
    return {
        c.service: {
            "image": c.image,
            "id": c.image_id,
            "digest": _digest(c.image, digests.get(c.image_id, [])),
        }
        for c in containers
    }


def named_image(runner: CommandRunner, reference: str) -> dict[str, str]:
    """Return {"image", "id", "digest"} of what `reference` means on the engine; empty where it has none."""
    argv = [docker_program(), "image", "inspect", "--format", "{{json .}}", reference]
    told = collect(runner, argv, timeout=_QUESTION_TIMEOUT)
    if not told.stdout.startswith("{"):
        return {}
    image = json.loads(told.stdout)
    digest = _digest(reference, image.get("RepoDigests") or [])
    return {"image": reference, "id": image["Id"], "digest": digest}


def _digest(reference: str, known: list[str]) -> str:
    """Return the one of an image's `known` digests (repository@sha256:...) that `reference` was pulled by.

    The engine lists one for every registry that it ever met the same image in.
    """
    repository = familiar_repository(reference)
    return next((d for d in known if d.partition("@")[0] == repository), "")


def leftovers(runner: CommandRunner, project: str) -> list[str]:
    """Return what still exists of `project`: its containers and networks, each as "container NAME"."""
    label = f"label={_PROJECT_LABEL}={project}"
    left = []
    for kind, *command in (
        ("container", "ps", "--all", "--format", "{{.Names}}"),
        ("network", "network", "ls", "--format", "{{.Name}}"),
    ):
        names = ask_engine(runner, *command, "--filter", label).stdout.split()
        left += [f"{kind} {name}" for name in names]
    return left


def require_engine(runner: CommandRunner) -> None:
    """Raise EngineUnreachable unless the engine answers."""
    ask_engine(runner, "version", "--format", "{{.Server.Version}}")


def writable_paths(runner: CommandRunner, project: str, folder: Path | None) -> list[str]:
    """Return the real paths in `folder` that containers of `project` may write, of `compose run` too.

    Raises EngineUnreachable.
    """
    if folder is None or not folder.is_dir():
        return []
    listed = ask_engine(runner, "ps", "-aq", "--no-trunc", "--filter", f"label={_PROJECT_LABEL}={project}")
    ids = listed.stdout.split()
    if not ids:
        return []
    form = "{{json .Mounts}}"
    told = ask_engine(runner, "inspect", "--type", "container", "--format", form, *ids, partly=True)
    mounts = [
        mount for line in told.stdout.splitlines() if line.startswith("[") for mount in json.loads(line)
    ]
    sources = [
        os.path.realpath(mount["Source"]) for mount in mounts if mount["Type"] == "bind" and mount["RW"]
    ]
    root = os.path.realpath(folder)
    return sorted({source for source in sources if os.path.commonpath((source, root)) == root})


def ask_engine(
    runner: CommandRunner,
    *arguments: str,
    partly: bool = False,
    timeout: float = _QUESTION_TIMEOUT,
    cancel: CancelToken | None = None,
) -> Collected:
    """Return what `docker` with `arguments` says; with `partly` also where it failed for some of them.

    `cancel` ends the wait for an engine that hangs. Raises EngineUnreachable.
    """
    argv = [docker_program(), *arguments]
    answer = collect(runner, argv, timeout=timeout, cancel=cancel)
    told = answer.ok or (partly and answer.outcome is Outcome.EXITED and answer.stdout)
    if not told:
        raise EngineUnreachable(" ".join(answer.stderr.split())[-300:])
    return answer


def _container(told: dict[str, Any]) -> Container | None:
    state, config, host = told["State"], told["Config"], told["HostConfig"]
    labels = config.get("Labels") or {}
    if labels.get("com.docker.compose.oneoff") == "True":
        return None
    return Container(
        id=told["Id"],
        name=told["Name"].lstrip("/"),
        project=labels.get(_PROJECT_LABEL, ""),
        service=labels.get("com.docker.compose.service", ""),
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", "").replace("none", ""),
        exit_code=state["ExitCode"],
        restarts=told.get("RestartCount", 0),
        restart_policy=(host.get("RestartPolicy") or {}).get("Name") or "no",
        restart_tries=(host.get("RestartPolicy") or {}).get("MaximumRetryCount") or 0,
        image=config["Image"],
        image_id=told["Image"],
        ports=_published((told.get("NetworkSettings") or {}).get("Ports") or {}),
        oom_killed=bool(state.get("OOMKilled")),
        config_hash=labels.get("com.docker.compose.config-hash", ""),
        working_dir=labels.get("com.docker.compose.project.working_dir", ""),
        config_files=_listed(labels.get("com.docker.compose.project.config_files", "")),
        networks=tuple(sorted((told.get("NetworkSettings") or {}).get("Networks") or {})),
        environment_files=_listed(labels.get("com.docker.compose.project.environment_file", "")),
        created_at=told.get("Created", ""),
        started_at=state.get("StartedAt", ""),
        memory_limit=max(0, host.get("Memory") or 0),
        cpu_limit=_cpu_limit(host),
        # The engine empties it when it has started the container.
        start_failed=bool(state.get("Error")),
    )


def _cpu_limit(host: dict[str, Any]) -> float:
    """Return the number of processors that a container may use at most; 0: as many as there are."""
    if nano := host.get("NanoCpus") or 0:
        return float(nano) / 1e9
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or _CPU_PERIOD
    return quota / period if quota > 0 else 0.0


def _listed(label: str) -> tuple[str, ...]:
    return tuple(filter(None, label.split(",")))


def _published(ports: dict[str, list[dict[str, str]] | None]) -> tuple[str, ...]:
    """Return published ports like 127.0.0.1:8080->80/tcp, each once."""
    found = {
        f"{binding['HostIp']}:{binding['HostPort']}->{target}"
        for target, bindings in ports.items()
        for binding in bindings or []
    }
    return tuple(sorted(found))
