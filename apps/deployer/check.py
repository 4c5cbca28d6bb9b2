"""Ask Compose what it makes of a content, before anything is stored or written."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from django.utils.translation import gettext

from apps.applications.compose_file import locate
from apps.applications.content import Content, Problem
from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.judgement import asked_by, problems, reads_of
from apps.applications.host_rules.rules import Found, HostRights
from apps.deployer import compose
from apps.deployer.containers import writable_paths
from apps.deployer.engine_errors import OLDEST_COMPOSE, ComposeMissing, ComposeTooOld, EngineProblem
from apps.deployer.refusals import problem_of, warnings_in
from apps.deployer.runner.interface import CancelToken, Collected, CommandRunner, Outcome, collect
from apps.deployer.staging import staged
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
    asks: list[tuple[str, str]] = field(default_factory=list)  # of the host: rules and their subjects

    @property
    def valid(self) -> bool:
        return not self.problems


def check_content(
    content: Content,
    runner: CommandRunner,
    *,
    host_rules: HostRights,
    project: str = "simpledeploy-check",
    folder: Path | None = None,
    pins: str = "",
    cancel: CancelToken | None = None,
) -> Checked:
    """Return what `docker compose config` says of `content`; nothing on a disk is written or changed.

    `host_rules` is what they may ask of the host for whom this is: where the content asks for more, that is
    a problem, and Compose reads nothing that they may not have read. The files are read from memory, beside
    the other files of `folder` (see `staged`); `pins` is the text of an override that comes after the
    content. Problems and warnings hold no value of the environment that may be a secret.
    Raises ComposeMissing, ComposeTooOld, EngineProblem and NoMemoryFolder.
    """
    require_compose(runner)
    with staged(content, project, folder, pins) as staging:
        ground = Ground(
            folder or staging.project.folder,
            project,
            staging=staging.project.folder,
            # Who may bind the whole machine needs no link to get there.
            ask_writable=tuple
            if host_rules.is_everything
            else partial(writable_paths, runner, project, folder),
            neighbours=host_rules.neighbours,
        )
        reads = reads_of(content, ground)
        hide = staging.hide
        reads.found = [replace(one, sentence=hide(one.sentence)) for one in reads.found]
        if refused := problems(reads.found, host_rules, content):
            return Checked(problems=refused)
        answer = staging.ask(runner, compose.config(staging.project), timeout=_TIMEOUT, cancel=cancel)
        warnings = [hide(warning) for warning in warnings_in(answer.stderr)]
        if answer.outcome is not Outcome.EXITED:
            raise _not_answered(answer)
        if not answer.ok:
            problem = problem_of(answer.stderr, content.yaml, staging.project.folder, hide)
            return Checked(problems=[problem], warnings=warnings)
    checked = _read(_model(answer.stdout), content.yaml, warnings, hide)
    found = [*reads.found, *asked_by(checked.model, reads, ground)]
    refused = problems(found, host_rules, content)
    if refused and (masked := _masked(checked.model, hide)) != checked.model:
        shown = [*reads.found, *asked_by(masked, reads, ground)]
        refused = problems(_in_other_words(found, shown, hide), host_rules, content)
    return replace(
        checked,
        problems=[*checked.problems, *refused],
        asks=sorted({(str(one.rule), one.subject) for one in found}),
    )


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


def _not_answered(answer: Collected) -> EngineProblem:
    if answer.outcome is Outcome.NOT_STARTED:
        return ComposeMissing()
    return EngineProblem(
        gettext(
            "Docker Compose did not finish reading the file within %(timeout).0f seconds. "
            "Nothing was changed. Does the file include something from an address that does "
            "not answer?"
        )
        % {"timeout": _TIMEOUT}
    )


def _masked(value: Any, hide: Callable[[str], str]) -> Any:
    """Return `value`, a resolved file or a part of one, with what `hide` makes of each text in it."""
    match value:
        case str():
            return hide(value)
        case dict():
            return {hide(key): _masked(held, hide) for key, held in value.items()}
        case list():
            return [_masked(held, hide) for held in value]
    return value


def _in_other_words(
    found: Iterable[Found], shown: Iterable[Found], hide: Callable[[str], str]
) -> Iterator[Found]:
    """Yield `found` with the sentences of `shown`, which is the same of a model without secrets.

    A rule may write a value otherwise than it stands, in capitals or a part of it, so that no search in its
    sentence would find it.
    """
    sentences = {(one.rule, one.path): hide(one.sentence) for one in shown}
    unknown = gettext("A value of the environment asks for this.")
    for one in found:
        yield replace(one, sentence=sentences.get((one.rule, one.path), unknown))


def _model(text: str) -> dict[str, Any]:
    try:
        model = json.loads(text)
    except ValueError:
        model = None
    if not isinstance(model, dict):
        raise EngineProblem(
            gettext("Docker Compose gave an answer that cannot be read. Nothing was changed.")
        )
    return model


def _read(model: dict[str, Any], text: str, warnings: list[str], hide: Callable[[str], str]) -> Checked:
    services: dict[str, Any] = model.get("services") or {}
    images = {name: service["image"] for name, service in services.items() if service.get("image")}
    registries: set[str] = set()
    problems = list(_empty(services, text))
    for name, image in images.items():
        try:
            registries.add(registry_of(image))
        except InvalidRegistryHost:
            line, column = locate(text, f"services.{name}.image") or (None, None)
            message = gettext("The image %(image)s cannot be pulled: %(error)s")
            message %= {"image": hide(image), "error": _host_problem(hide(image))}
            problems.append(Problem(line, column, message))
    return Checked(
        services=sorted(services),
        images=sorted(set(images.values())),
        registries=sorted(registries),
        problems=problems,
        warnings=warnings,
        model=model,
    )


def _host_problem(image: str) -> str:
    """Return why `image` is of no registry, in a sentence."""
    try:
        registry_of(image)
    except InvalidRegistryHost as error:
        return str(error)
    return gettext("A value of the environment asks for this.")


def _empty(services: dict[str, Any], text: str) -> Iterator[Problem]:
    if not services:
        line, column = locate(text, "services") or (None, None)
        yield Problem(
            line,
            column,
            gettext(
                "No service would run. If all have `profiles:`, name one as COMPOSE_PROFILES in "
                "the environment."
            ),
        )
