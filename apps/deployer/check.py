"""Ask Compose what it makes of a content, before anything is stored or written."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from apps.applications import environment
from apps.applications.compose_file import locate
from apps.applications.content import Content, Problem
from apps.deployer import compose
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, Project
from apps.deployer.engine_errors import OLDEST_COMPOSE, ComposeMissing, ComposeTooOld, EngineProblem
from apps.deployer.memory_folder import memory_folder
from apps.deployer.redaction import Redactor
from apps.deployer.refusals import problem_of, warnings_in
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import Collected, CommandRunner, Outcome, collect
from apps.registries.references import InvalidRegistryHost, registry_of

# Seconds for reading a file; Compose may fetch what the file includes from elsewhere.
_TIMEOUT = 60.0

# Runners whose Compose is known to be there and new enough.
_compose_seen: WeakSet[CommandRunner] = WeakSet()


@dataclass(frozen=True)
class Checked:
    """What Compose makes of a content; without problems it can be deployed."""

    services: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)  # after interpolation, each once
    registries: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # Compose's own, such as variables that are not set
    model: dict[str, Any] = field(default_factory=dict, repr=False)  # the resolved file, with its secrets

    @property
    def valid(self) -> bool:
        return not self.problems


def check_content(
    content: Content,
    runner: CommandRunner,
    *,
    project: str = "simpledeploy-check",
    folder: Path | None = None,
) -> Checked:
    """Return what `docker compose config` says of `content`; nothing on a disk is written or changed.

    The two files are read from a memory-backed folder, beside which the other files of `folder` (the
    app's own) are seen, so that `env_file`, `include` and `extends` find them. Problems and warnings
    hold no value of the environment that may be a secret.
    Raises ComposeMissing, ComposeTooOld, EngineProblem and NoMemoryFolder.
    """
    require_compose(runner)
    values = environment.values(content.environment)
    with memory_folder("check") as staging:
        try:
            _stage(staging, content, values, folder)
        except OSError as error:
            raise EngineProblem(
                f"The files could not be put into memory for Compose to read: {error.strerror}. "
                "Nothing was changed."
            ) from None
        answer = collect(
            runner,
            compose.config(Project(project, staging)),
            env=process_environment(hide=values),
            cwd=staging,
            timeout=_TIMEOUT,
        )
        redact = Redactor(values.values()).redact
        warnings = [redact(warning) for warning in warnings_in(answer.stderr)]
        if answer.outcome is not Outcome.EXITED:
            raise _not_answered(answer)
        if not answer.ok:
            problem = problem_of(answer.stderr, content.yaml, staging)
            shown = Problem(problem.line, problem.column, redact(problem.message))
            return Checked(problems=[shown], warnings=warnings)
    return _read(_model(answer.stdout), content.yaml, warnings)


def require_compose(runner: CommandRunner) -> None:
    """Raise ComposeMissing or ComposeTooOld unless `runner` finds a Compose that the panel knows.

    A runner is asked until it finds one, and not again.
    """
    if runner in _compose_seen:
        return
    answer = collect(runner, compose.version(), timeout=_TIMEOUT)
    if not answer.ok:
        lines = (answer.stderr or answer.stdout).split("\n")
        raise ComposeMissing(next((line.strip() for line in lines if line.strip()), ""))
    version = answer.stdout.strip()
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    # A version that is no number is somebody's own build: they will know.
    if numbers and tuple(map(int, numbers.groups())) < OLDEST_COMPOSE:
        raise ComposeTooOld(version)
    _compose_seen.add(runner)


def _stage(staging: Path, content: Content, values: Mapping[str, str], folder: Path | None) -> None:
    (staging / COMPOSE_FILE).write_text(content.yaml, encoding="utf-8", newline="")
    # As in the app's folder: no environment, no file.
    if content.environment:
        (staging / ENV_FILE).write_text(environment.render(values), encoding="utf-8", newline="")
    if folder is not None and folder.is_dir():
        for entry in folder.iterdir():
            if entry.name not in (COMPOSE_FILE, ENV_FILE):
                (staging / entry.name).symlink_to(entry.absolute())


def _not_answered(answer: Collected) -> EngineProblem:
    if answer.outcome is Outcome.NOT_STARTED:
        return ComposeMissing()
    return EngineProblem(
        f"Docker Compose did not finish reading the file within {_TIMEOUT:.0f} seconds. Nothing was changed. "
        "Does the file include something from an address that does not answer?"
    )


def _model(text: str) -> dict[str, Any]:
    try:
        model = json.loads(text)
    except ValueError:
        model = None
    if not isinstance(model, dict):
        raise EngineProblem("Docker Compose gave an answer that cannot be read. Nothing was changed.")
    return model


def _read(model: dict[str, Any], text: str, warnings: list[str]) -> Checked:
    services: dict[str, Any] = model.get("services") or {}
    images = {name: service["image"] for name, service in services.items() if service.get("image")}
    registries: set[str] = set()
    problems = list(_empty(services, text))
    for name, image in images.items():
        try:
            registries.add(registry_of(image))
        except InvalidRegistryHost as error:
            line, column = locate(text, f"services.{name}.image") or (None, None)
            problems.append(Problem(line, column, f"The image {image} cannot be pulled: {error}"))
    return Checked(
        services=sorted(services),
        images=sorted(set(images.values())),
        registries=sorted(registries),
        problems=problems,
        warnings=warnings,
        model=model,
    )


def _empty(services: dict[str, Any], text: str) -> Iterator[Problem]:
    if not services:
        line, column = locate(text, "services") or (None, None)
        yield Problem(
            line,
            column,
            "No service would run. If all have `profiles:`, name one as COMPOSE_PROFILES in the environment.",
        )
