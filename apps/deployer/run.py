"""One run of an event: what its steps share, and how they start commands."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.host_rules.rules import NOTHING, HostRights
from apps.applications.models import App
from apps.deployer.app_folder import AppFolder
from apps.deployer.compose import Project
from apps.deployer.containers import Container, image_digests
from apps.deployer.failures import explain
from apps.deployer.log_buffer import LogBuffer
from apps.deployer.pins import Pin, is_image_id
from apps.deployer.plan.plan_ahead import PlanAhead
from apps.deployer.prune.selection import Item
from apps.deployer.redaction import Redactor
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CancelToken, CommandRunner, Outcome
from apps.deployer.verdict.verdict import Expectation, ServiceReport
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status
from apps.registries.references import registry_of


class StepFailed(Exception):
    """An expected failure: a command said no, or the services do not stand as they should."""

    def __init__(self, sentence: str, status: Status = Status.FAILED) -> None:
        super().__init__(sentence if sentence.endswith(".") else f"{sentence}.")
        self.status = status


class RunCancelled(Exception):
    """The event was cancelled, or its worker is told to stop."""


@dataclass
class Run:
    """The event, its app's folder, and the means by which its steps act."""

    event: DeployEvent
    runner: CommandRunner
    log: LogBuffer
    redactor: Redactor
    cancel: CancelToken
    content: Content | None  # what is deployed or, for lifecycle actions, what runs; None: nothing
    host_rules: HostRights = NOTHING  # what it may ask of the host, as its first step found it
    docker_config: Path | None = None
    credentials: ExitStack = field(default_factory=ExitStack)
    exit_code: int | None = None  # of the last command
    step_exit_code: int | None = None  # of the last command of this step
    containers: list[Container] | None = None  # as the last look of verify found them
    reports: list[ServiceReport] | None = None  # and how they stood
    planning: PlanAhead | None = None  # of a deploy, until *up*
    pins: dict[str, Pin] = field(default_factory=dict)  # by service: the images that a rollback brings back
    prunable: tuple[Item, ...] = ()  # what a prune is about to remove
    _digests: dict[frozenset[str], dict[str, dict[str, str]]] = field(default_factory=dict)

    @property
    def app(self) -> App:
        """The app that the event is about. Only an event on the engine as a whole has none."""
        assert self.event.app is not None, f"event {self.event.pk} is about no app"
        return self.event.app

    @property
    def folder(self) -> AppFolder:
        return AppFolder(self.app.slug)

    @property
    def project(self) -> Project:
        folder = self.folder
        return Project(self.app.project, folder.path, folder.is_pinned)

    @property
    def hidden_names(self) -> set[str]:
        """The names of the app's environment: the panel's own values of these would win over the app's."""
        return set(environment.values(self.content.environment)) if self.content else set()

    @property
    def expected(self) -> list[Expectation]:
        """What the file asks of each service that the event is about; others may stand still on purpose."""
        asked = self.event.asked_services
        return [Expectation(**one) for one in self.event.expected if not asked or one["service"] in asked]

    @property
    def image_references(self) -> list[str]:
        """The images that may have to be pulled: none that a service is pinned to and that is here."""
        references = {image.get("pinned") or image["image"] for image in self.event.images.values()}
        here = {pin.reference for pin in self.pins.values() if pin.is_here}
        return sorted(r for r in references - here if not is_image_id(r))

    def digests(self, containers: list[Container]) -> dict[str, dict[str, str]]:
        """Return `image_digests` of `containers`; asked once for the same images."""
        images = frozenset(c.image_id for c in containers)
        if images not in self._digests:
            self._digests[images] = image_digests(self.runner, containers)
        return self._digests[images]

    def command(self, argv: Sequence[str], cwd: Path | None = None) -> None:
        """Run `argv` in `cwd` (default: the app's folder), its output going to the log.

        Raises RunCancelled, or StepFailed where it ends with another code than 0 or takes too long.
        """
        if self.cancel.cancelled:
            raise RunCancelled
        env = process_environment(hide=self.hidden_names)
        if self.docker_config:
            env["DOCKER_CONFIG"] = str(self.docker_config)
        timeout = settings.SIMPLEDEPLOY_STEP_TIMEOUT
        result = self.runner.run(
            argv, env=env, cwd=cwd or self.folder.path, sink=self.log.add, cancel=self.cancel, timeout=timeout
        )
        self.exit_code = self.step_exit_code = result.exit_code
        if result.outcome is Outcome.CANCELLED:
            raise RunCancelled
        registries = sorted({registry_of(image) for image in self.image_references})
        if result.outcome is Outcome.TIMED_OUT:
            raise StepFailed(f"It did not end within {timeout} seconds and was ended.")
        if not result.ok:
            said = [line.strip() for line in map(self.redactor.redact, result.tail) if line.strip()]
            last = said[-1] if said else f"The command ended with exit code {result.exit_code}."
            known = explain(said, registries)
            raise StepFailed(f"{known} Docker said: {last}" if known else last)
